//! Public keys and the names of keys.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;
use macadam_core::digest::{Digest, DigestError};

use super::KeyError;

/// What a public key's text begins with.
pub(super) const PUBLIC: &str = "macadam-ed25519-public:";
/// What a secret key's text begins with; also what scanners for leaked secrets can look for.
pub(super) const SECRET: &str = "macadam-ed25519-secret:";

/// The name of a key: the sha256 of its 32 public bytes, or of an identity's text. It only says where to look; what
/// proves who signed is the signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct KeyId(Digest);

impl KeyId {
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        Self(Digest::of(bytes))
    }

    /// The first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}

/// The half of a key that everybody may know, written `macadam-ed25519-public:` and 32 bytes in base64.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    pub(super) fn of(key: &ed25519_dalek::SigningKey) -> Self {
        Self(key.verifying_key())
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of_bytes(self.0.as_bytes())
    }

    /// Whether this key made a signature of a message. Strict, so that no signature has two forms and none is valid
    /// under two keys ("Taming the many EdDSAs", 2020).
    pub(super) fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", STANDARD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.contains(SECRET) {
            return Err(KeyError::Secret);
        }
        let encoded = text.strip_prefix(PUBLIC).ok_or(KeyError::NotAKey)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyError::NotAKey)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::NotAKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotOnCurve)?;
        // Keys of small order accept signatures that nobody made.
        if key.is_weak() { Err(KeyError::Weak) } else { Ok(Self(key)) }
    }
}

impl TryFrom<String> for PublicKey {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SigningKey;

    fn written(bytes: [u8; 32]) -> String {
        format!("{PUBLIC}{}", STANDARD.encode(bytes))
    }

    #[test]
    fn a_public_key_reads_back_what_it_prints() {
        let key = SigningKey::generate().unwrap().public();
        assert_eq!(key.to_string().parse::<PublicKey>().unwrap(), key);
        assert_eq!(format!(" {key}\n").parse::<PublicKey>().unwrap(), key, "a line from a file is a key");
        assert_eq!(key.id().to_string().parse::<KeyId>().unwrap(), key.id());
        assert_ne!(key.id(), SigningKey::generate().unwrap().public().id());
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        let good = SigningKey::generate().unwrap().public().to_string();
        for bad in ["", "x", &good[1..], &good[..good.len() - 1], &good.replace(':', " "), &format!("{good}AA")] {
            assert_eq!(bad.parse::<PublicKey>().unwrap_err(), KeyError::NotAKey, "{bad:?} must be refused");
        }
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(written(identity).parse::<PublicKey>().unwrap_err(), KeyError::Weak, "the neutral point");
        assert_eq!(written([0; 32]).parse::<PublicKey>().unwrap_err(), KeyError::Weak, "a point of order four");
        let mut nowhere = [0; 32];
        nowhere[0] = 2;
        assert_eq!(written(nowhere).parse::<PublicKey>().unwrap_err(), KeyError::NotOnCurve, "y = 2 has no x");
    }

    #[test]
    fn a_secret_key_given_by_mistake_is_named_and_not_repeated() {
        let secret = SigningKey::generate().unwrap().to_text();
        let refused = secret.parse::<PublicKey>().unwrap_err();
        assert_eq!(refused, KeyError::Secret);
        let last = secret.lines().last().unwrap().strip_prefix(SECRET).unwrap();
        assert!(!refused.to_string().contains(last), "an error goes into logs");
    }
}
