//! The DSSE envelope: a statement and the signatures over it.
//!
//! DSSE is <https://github.com/secure-systems-lab/dsse>, protocol version 1. What is signed is not the payload alone but
//! its pre-authentication encoding, [`pae`], which binds the payload to its type, so that a signature made for something
//! else is never one of a statement.
//!
//! Reading is stricter than DSSE asks: every field known, every key named, base64 in its standard alphabet with padding.
//! An envelope is kept and named by its digest, and with one writing for each, no byte of it can be changed unseen.
//!
//! Beside the signatures there may be sigstore bundles, in the field `bundles`, which is not DSSE's and is not written
//! where there are none. They are read as their own format is, which knows more than one writing.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Bundle, EnvelopeError, KeyId, MergeError, SigningKey, Statement};

/// The type of a statement; the version in it counts its forms.
pub const PAYLOAD_TYPE: &str = "application/vnd.macadam.statement.v1+json";
/// The largest envelope, in bytes. A statement has some 400, a signature 200, and a sigstore bundle 10 thousand.
pub const MAX_ENVELOPE: usize = 128 * 1024;
/// The most signatures in an envelope: teams, their automation and keys that replace others, with room to spare.
pub const MAX_SIGNATURES: usize = 16;
/// The most sigstore bundles in an envelope: a pipeline's, a reviewer's, and one each that replaces them.
pub const MAX_BUNDLES: usize = 4;

/// A statement with at least one signature, each by another key, or with a sigstore bundle. That it can be read says
/// nothing of whether they are valid; that is for [`verify`](super::verify()).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    statement: Statement,
    signatures: Vec<Signature>,
    bundles: Vec<Bundle>,
}

/// A signature and the name of the key that is said to have made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    key: KeyId,
    bytes: [u8; 64],
}

impl Signature {
    /// The key that is said to have made it.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.key
    }

    pub(super) fn bytes(&self) -> &[u8; 64] {
        &self.bytes
    }
}

/// An envelope as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WrittenSignature>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bundles: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSignature {
    keyid: String,
    sig: String,
}

impl Envelope {
    pub(super) fn seal(statement: &Statement, key: &SigningKey) -> Self {
        let signature = Signature { key: key.id(), bytes: key.sign(&pae(PAYLOAD_TYPE, &statement.to_bytes())) };
        Self { statement: statement.clone(), signatures: vec![signature], bundles: Vec::new() }
    }

    /// The envelope that carries a sigstore bundle, beside whatever signatures are [merged](Self::merge) into it.
    #[must_use]
    pub fn of_bundle(bundle: Bundle) -> Self {
        Self { statement: bundle.statement().clone(), signatures: Vec::new(), bundles: vec![bundle] }
    }

    /// Reads an envelope from anybody; never more than [`MAX_ENVELOPE`] bytes of it.
    ///
    /// # Errors
    /// [`EnvelopeError`] names what is wrong with it.
    pub fn read(reader: impl Read) -> Result<Self, EnvelopeError> {
        let mut bytes = Vec::new();
        reader.take(MAX_ENVELOPE as u64 + 1).read_to_end(&mut bytes)?;
        Self::from_bytes(&bytes)
    }

    /// Reads an envelope from bytes that are there already.
    ///
    /// # Errors
    /// As for [`Envelope::read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(EnvelopeError::TooLarge { limit: MAX_ENVELOPE });
        }
        let written: Written = serde_json::from_slice(bytes)
            .map_err(|error| EnvelopeError::NotAnEnvelope { reason: error.to_string() })?;
        if written.payload_type != PAYLOAD_TYPE {
            let found = written.payload_type.chars().take(100).collect();
            return Err(EnvelopeError::OtherPayload { found });
        }
        let payload = STANDARD.decode(&written.payload).map_err(|_| EnvelopeError::NotBase64 { field: "payload" })?;
        let statement = Statement::from_bytes(&payload).map_err(|reason| EnvelopeError::NotAStatement { reason })?;
        let bundles = bundles(&written.bundles, &statement)?;
        if written.signatures.is_empty() && bundles.is_empty() {
            return Err(EnvelopeError::NoSignatures);
        }
        Ok(Self { statement, signatures: signatures(&written.signatures)?, bundles })
    }

    /// The envelope as bytes: compact JSON, the same for equal envelopes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let signature = |signature: &Signature| WrittenSignature {
            keyid: signature.key.to_string(),
            sig: STANDARD.encode(signature.bytes),
        };
        let written = Written {
            payload: STANDARD.encode(self.statement.to_bytes()),
            payload_type: PAYLOAD_TYPE.into(),
            signatures: self.signatures.iter().map(signature).collect(),
            bundles: self.bundles.iter().map(Bundle::to_value).collect(),
        };
        // Texts in structs are always JSON; were it otherwise, no bytes would be refused by every reader.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// What the signatures are said to vouch for. Until [`verify`](super::verify()) has said so, nobody has.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The signatures, each by another key; at least one if there is no bundle.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The sigstore bundles, all of this statement.
    #[must_use]
    pub fn bundles(&self) -> &[Bundle] {
        &self.bundles
    }

    /// This envelope with the signatures of another one. Where both have one by the same key, the other's counts.
    ///
    /// # Errors
    /// [`MergeError`] when the other is of another package, or when there would be too many signatures.
    pub fn merge(mut self, other: Self) -> Result<Self, MergeError> {
        if let Some(difference) = self.statement.difference(&other.statement) {
            let (there, offered) = (Box::new(self.statement.plugin()), Box::new(other.statement.plugin()));
            return Err(MergeError::OtherPackage { there, offered, difference });
        }
        for signature in other.signatures {
            match self.signatures.iter_mut().find(|there| there.key == signature.key) {
                Some(there) => *there = signature,
                None => self.signatures.push(signature),
            }
        }
        for bundle in other.bundles {
            if !self.bundles.contains(&bundle) {
                self.bundles.push(bundle);
            }
        }
        match (self.signatures.len(), self.bundles.len()) {
            (0..=MAX_SIGNATURES, 0..=MAX_BUNDLES) => Ok(self),
            (0..=MAX_SIGNATURES, _) => Err(MergeError::TooManyBundles { limit: MAX_BUNDLES }),
            _ => Err(MergeError::TooManySignatures { limit: MAX_SIGNATURES }),
        }
    }

    /// The bytes that each signature is over.
    pub(super) fn signed_bytes(&self) -> Vec<u8> {
        pae(PAYLOAD_TYPE, &self.statement.to_bytes())
    }
}

fn signatures(written: &[WrittenSignature]) -> Result<Vec<Signature>, EnvelopeError> {
    if written.len() > MAX_SIGNATURES {
        return Err(EnvelopeError::TooManySignatures { limit: MAX_SIGNATURES });
    }
    let mut signatures: Vec<Signature> = Vec::with_capacity(written.len());
    for WrittenSignature { keyid, sig } in written {
        let key: KeyId = keyid.parse().map_err(EnvelopeError::KeyId)?;
        if signatures.iter().any(|there| there.key == key) {
            return Err(EnvelopeError::TwiceByOneKey { key });
        }
        let bytes = STANDARD.decode(sig).ok().and_then(|bytes| bytes.try_into().ok());
        signatures.push(Signature { key, bytes: bytes.ok_or(EnvelopeError::NotBase64 { field: "sig" })? });
    }
    Ok(signatures)
}

fn bundles(written: &[Value], statement: &Statement) -> Result<Vec<Bundle>, EnvelopeError> {
    if written.len() > MAX_BUNDLES {
        return Err(EnvelopeError::TooManyBundles { limit: MAX_BUNDLES });
    }
    let bundle = |written| {
        let bundle = Bundle::from_value(written)?;
        match statement.difference(bundle.statement()) {
            None => Ok(bundle),
            Some(difference) => Err(EnvelopeError::BundleOfAnother { difference }),
        }
    };
    written.iter().map(bundle).collect()
}

/// DSSE's pre-authentication encoding: `DSSEv1`, then type and payload, each after its length.
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_in_dsses_own_example() {
        // protocol.md, "Test Vectors".
        let encoded = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
    }
}
