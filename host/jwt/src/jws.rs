//! A token as it comes in: three parts and a header that is read strictly, before any of it is believed.
//!
//! What a header may bring along to be verified with (`jwk`, `jku`, `x5c`, `x5u`) is refused and not skipped: an issuer
//! whose tokens have it means something that this host does not do.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde_json::{Map, Value};

use crate::strict::StrictObject;

/// The longest token that is looked at. Providers that put every group of a large company into one stay below.
const MAX_TOKEN: usize = 16 * 1024;

/// What a header must not have.
const REFUSED: [&str; 9] = ["jwk", "jku", "x5c", "x5u", "crit", "b64", "zip", "enc", "cty"];

/// What a token may say that it is: a JWT, or an access token (RFC 9068). Others, such as logout tokens, are signed by the
/// same keys and are no leave to do anything.
const TYPES: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

/// What of a token is needed to find out how to verify it. Nothing of it is verified.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unverified {
    /// How it says that it is signed; never by a shared secret, and never not at all.
    pub algorithm: Algorithm,
    /// Which key it says that it is signed by.
    pub key_id: Option<String>,
    /// Who it says that it is of.
    pub issuer: String,
    /// Everything it says, to be believed once its signature is verified.
    pub claims: Map<String, Value>,
}

/// Whether a text is meant as a JWT.
#[must_use]
pub fn is_jwt(token: &str) -> bool {
    token.starts_with("ey") && token.contains('.')
}

/// Takes a token apart. Nothing of it is to be believed before its signature is [verified](crate::verify).
///
/// # Errors
/// [`Refused`] says what about it is not taken.
pub fn read(token: &str) -> Result<Unverified, Refused> {
    if token.len() > MAX_TOKEN {
        return Err(refuse(format_args!("it has more than {MAX_TOKEN} bytes")));
    }
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(refuse("it has not the three parts of a signed JWT"));
    };
    let header = object("header", header)?;
    if let Some(member) = REFUSED.iter().find(|member| header.contains_key(**member)) {
        return Err(refuse(format_args!("its header has `{member}`, which this host does not take")));
    }
    match header.get("typ") {
        None => {}
        Some(Value::String(kind)) if TYPES.contains(&kind.to_ascii_lowercase().as_str()) => {}
        Some(kind) => return Err(refuse(format_args!("its `typ` is {kind}; send an access token or an ID token"))),
    }
    let key_id = match header.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(_) => return Err(refuse("its `kid` is no text")),
    };
    let claims = object("claims", claims)?;
    let Some(Value::String(issuer)) = claims.get("iss") else {
        return Err(refuse("it does not say who issued it (`iss`)"));
    };
    Ok(Unverified { algorithm: algorithm(&header)?, key_id, issuer: issuer.clone(), claims })
}

fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, Refused> {
    let Some(Value::String(word)) = header.get("alg") else { return Err(refuse("its header names no `alg`")) };
    let known = word.parse::<Algorithm>().ok().filter(|algorithm| algorithm.family() != AlgorithmFamily::Hmac);
    known.ok_or_else(|| {
        let word: String = word.chars().take(20).collect();
        refuse(format_args!("`alg` is {word:?}, which never counts here"))
    })
}

fn object(what: &str, part: &str) -> Result<Map<String, Value>, Refused> {
    let unreadable = |error: &dyn std::fmt::Display| refuse(format_args!("its {what} cannot be read: {error}"));
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|error| unreadable(&error))?;
    let StrictObject(object) = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
    Ok(object)
}

/// The longest reason: some repeat a part of the token.
const MAX_REASON: usize = 400;

/// Why a token is not taken, in one sentence of a bounded length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

impl Refused {
    /// A token is not taken for this reason, which may repeat a part of it.
    #[must_use]
    pub fn because(why: impl std::fmt::Display) -> Self {
        let reason = format!("this token is not taken: {why}");
        Self(reason.chars().take(MAX_REASON).collect())
    }
}

fn refuse(why: impl std::fmt::Display) -> Refused {
    Refused::because(why)
}
