//! Reading a sigstore bundle: what it says it is for. Nothing of it is believed here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::BundleError;
use crate::signature::Statement;

/// The largest bundle, in bytes. Those of the public instance have 6 to 11 thousand.
pub const MAX_BUNDLE: usize = 24 * 1024;
/// The type of what an attestation says of a package: that its signer vouches for it. One of another type, say that a
/// test failed, is no signature, whoever made it.
pub const PREDICATE_TYPE: &str = "urn:macadam:plugin-statement:v1";
/// The type of an in-toto statement in a DSSE envelope.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// How version 0.3 of the format calls itself; both are in its specification.
const MEDIA_TYPES: [&str; 2] =
    ["application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle+json;version=0.3"];
/// The types of in-toto statements: what `cosign` writes, and what others do.
const STATEMENT_TYPES: [&str; 2] = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];

/// A sigstore bundle of version 0.3 that says that it vouches for a package. Whether that is so is for
/// [`verify`](crate::signature::verify()).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Compact JSON. Whatever reads the bundle reads this text, so that no two readers see different bundles in one.
    text: String,
    statement: Statement,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outer {
    media_type: String,
    dsse_envelope: Option<Dsse>,
    message_signature: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse {
    payload: String,
    payload_type: String,
}

/// Of an in-toto statement, what is of use before it is verified. Whether its subject is the predicate is checked then.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InToto {
    #[serde(rename = "_type")]
    statement_type: String,
    predicate_type: String,
    predicate: Value,
}

impl Bundle {
    /// Reads a bundle from anybody.
    ///
    /// # Errors
    /// [`BundleError`] names what is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(BundleError::TooLarge { limit: MAX_BUNDLE });
        }
        Self::from_value(&serde_json::from_slice(bytes).map_err(|error| not_a_bundle(error.to_string()))?)
    }

    pub(in crate::signature) fn from_value(value: &Value) -> Result<Self, BundleError> {
        let text = value.to_string();
        if text.len() > MAX_BUNDLE {
            return Err(BundleError::TooLarge { limit: MAX_BUNDLE });
        }
        let outer: Outer = serde_json::from_str(&text).map_err(|error| not_a_bundle(error.to_string()))?;
        if !MEDIA_TYPES.contains(&outer.media_type.as_str()) {
            return Err(BundleError::OtherVersion { found: start_of(&outer.media_type) });
        }
        let statement = match (outer.dsse_envelope, outer.message_signature) {
            (Some(envelope), None) => statement(&envelope)?,
            (None, Some(_)) => return Err(BundleError::OverABlob),
            _ => return Err(not_a_bundle("it has not one of `dsseEnvelope` and `messageSignature`")),
        };
        Ok(Self { text, statement })
    }

    /// What it says that it vouches for.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The bundle as compact JSON.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(in crate::signature) fn to_value(&self) -> Value {
        // It is the text of a value.
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

fn statement(envelope: &Dsse) -> Result<Statement, BundleError> {
    if envelope.payload_type != IN_TOTO {
        return Err(BundleError::OtherPayload { found: start_of(&envelope.payload_type) });
    }
    let payload = STANDARD
        .decode(&envelope.payload)
        .map_err(|_| not_a_bundle("`dsseEnvelope.payload` is not standard base64 with padding"))?;
    let said: InToto =
        serde_json::from_slice(&payload).map_err(|error| BundleError::NotAStatement { reason: error.to_string() })?;
    if !STATEMENT_TYPES.contains(&said.statement_type.as_str()) {
        return Err(BundleError::OtherPayload { found: start_of(&said.statement_type) });
    }
    if said.predicate_type != PREDICATE_TYPE {
        return Err(BundleError::OtherPredicate { found: start_of(&said.predicate_type) });
    }
    serde_json::from_value(said.predicate).map_err(|error| BundleError::NotAStatement { reason: error.to_string() })
}

fn not_a_bundle(reason: impl Into<String>) -> BundleError {
    BundleError::NotABundle { reason: reason.into() }
}

/// As much of somebody else's text as an error shows.
fn start_of(text: &str) -> String {
    text.chars().take(100).collect()
}
