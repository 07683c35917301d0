//! The keys of an issuer: what of a JWK set (RFC 7517) can verify a signature, and which key a token means.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};

/// One key that can verify signatures.
#[derive(Debug, Clone)]
pub struct Key {
    id: Option<String>,
    shape: Shape,
    /// The one algorithm that it is for, if it says so.
    only: Option<String>,
    decoding: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Key {
    /// A key of a set, unless it is none that verifies signatures: for encryption, symmetric, of another curve.
    fn of(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        let signs = common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        let verifies = common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        if !signs || !verifies {
            return None;
        }
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let (shape, decoding) = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => (Shape::Rsa, rsa_key(&bytes(&rsa.n)?, &bytes(&rsa.e)?)),
            AlgorithmParameters::EllipticCurve(ec) => {
                let (shape, length) = match ec.curve {
                    EllipticCurve::P256 => (Shape::P256, 32),
                    EllipticCurve::P384 => (Shape::P384, 48),
                    _ => return None,
                };
                // RFC 7518, section 6.2.1.2: the full length, leading zeros and all.
                if bytes(&ec.x)?.len() != length || bytes(&ec.y)?.len() != length {
                    return None;
                }
                (shape, DecodingKey::from_ec_components(&ec.x, &ec.y).ok()?)
            }
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                // RFC 8032, section 5.1.5. Another length would be found out at the first signature only, and until then
                // a set of nothing else would pass for one of use.
                if bytes(&pair.x)?.len() != 32 {
                    return None;
                }
                (Shape::Ed25519, DecodingKey::from_ed_components(&pair.x).ok()?)
            }
            _ => return None,
        };
        let only = common.key_algorithm.map(|algorithm| algorithm.to_string());
        Some(Self { id: common.key_id.clone(), shape, only, decoding })
    }

    /// Whether a signature by an algorithm can be this key's.
    fn fits(&self, algorithm: Algorithm) -> bool {
        let shape = match (algorithm, algorithm.family()) {
            (Algorithm::ES256, _) => Shape::P256,
            (Algorithm::ES384, _) => Shape::P384,
            (_, AlgorithmFamily::Rsa) => Shape::Rsa,
            (_, AlgorithmFamily::Ed) => Shape::Ed25519,
            _ => return false,
        };
        let named = format!("{algorithm:?}");
        self.shape == shape && self.only.as_ref().is_none_or(|only| *only == named)
    }

    pub(crate) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> DecodingKey {
    // RFC 7518, section 6.3.1.1: no leading zeros; some providers write one nevertheless, and `ring` refuses it.
    let trimmed = |number: &[u8]| number.iter().skip_while(|byte| **byte == 0).copied().collect::<Vec<_>>();
    DecodingKey::from_rsa_raw_components(&trimmed(modulus), &trimmed(exponent))
}

/// Why a token's key is not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {
    /// No key has the id that the token names; a newer set might.
    Unknown,
    /// A key has the id, and is not for the token's algorithm.
    Unfit,
    /// The token names no key, and not exactly one could be meant.
    Unnamed,
}

/// The keys of an issuer.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads a JWK set. Keys that cannot verify signatures, or that this program does not know, are left out.
    ///
    /// # Errors
    /// When the text is no set of keys, or none of them is of use.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        #[derive(serde::Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(text).map_err(|error| format!("the keys cannot be read: {error}"))?;
        let known = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let keys: Vec<_> = known.filter_map(|jwk| Key::of(&jwk)).collect();
        if keys.is_empty() {
            Err("there is no key among them that verifies signatures".to_owned())
        } else {
            Ok(Self(keys))
        }
    }

    /// The key that a token means.
    ///
    /// # Errors
    /// [`NoKey`] says why it is not found.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Key, NoKey> {
        let Some(id) = id else {
            let mut fit = self.0.iter().filter(|key| key.fits(algorithm));
            return match (fit.next(), fit.next()) {
                (Some(key), None) => Ok(key),
                _ => Err(NoKey::Unnamed),
            };
        };
        let mut named = self.0.iter().filter(|key| key.id.as_deref() == Some(id)).peekable();
        if named.peek().is_none() {
            return Err(NoKey::Unknown);
        }
        named.find(|key| key.fits(algorithm)).ok_or(NoKey::Unfit)
    }
}
