//! Whom a namespace can trust: a key, or an identity that signs without one.

use std::fmt;
use std::str::FromStr;

use super::keyless::{IDENTITY, KEYLESS};
use super::{Identity, KeyError, KeyId, PublicKey};

/// Somebody whose signatures can count. The text of a key and that of an identity begin differently, so one is never
/// taken for the other.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Signer {
    /// Whoever has the secret key.
    Key(PublicKey),
    /// Whoever an OIDC issuer vouches for.
    Identity(Identity),
}

impl Signer {
    /// Its name among the keys of a namespace.
    #[must_use]
    pub fn id(&self) -> KeyId {
        match self {
            Self::Key(key) => key.id(),
            Self::Identity(identity) => identity.id(),
        }
    }

    /// The signer, if this build can verify what it signs. To be asked before one is trusted; one that was trusted by
    /// another build stays what it is, and vouches for nothing.
    ///
    /// # Errors
    /// [`KeyError::KeylessNotBuilt`] names the feature that is missing.
    pub fn verifiable(self) -> Result<Self, KeyError> {
        match self {
            Self::Identity(_) if !KEYLESS => Err(KeyError::KeylessNotBuilt),
            signer => Ok(signer),
        }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Identity(identity) => identity.fmt(f),
        }
    }
}

impl FromStr for Signer {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.trim_start().starts_with(IDENTITY) {
            text.parse().map(Self::Identity)
        } else {
            text.parse().map(Self::Key)
        }
    }
}

impl From<PublicKey> for Signer {
    fn from(key: PublicKey) -> Self {
        Self::Key(key)
    }
}

impl From<Identity> for Signer {
    fn from(identity: Identity) -> Self {
        Self::Identity(identity)
    }
}

impl TryFrom<String> for Signer {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<Signer> for String {
    fn from(signer: Signer) -> Self {
        signer.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SigningKey;

    #[test]
    fn a_text_is_a_key_or_an_identity_and_never_both() {
        let key = SigningKey::generate().unwrap().public();
        let identity = Identity::new("https://accounts.google.com", "ana@example.com").unwrap();
        for signer in [Signer::from(key.clone()), Signer::from(identity.clone())] {
            let text = signer.to_string();
            assert_eq!(text.parse::<Signer>().unwrap(), signer, "{text}");
            assert_eq!(serde_json::from_value::<Signer>(serde_json::json!(text)).unwrap(), signer);
        }
        assert!(key.to_string().parse::<Identity>().is_err());
        assert!(identity.to_string().parse::<PublicKey>().is_err());
        assert_eq!("keyless:".parse::<Signer>().unwrap_err(), KeyError::Subject);
    }

    #[test]
    fn an_identity_is_taken_only_where_its_signatures_can_be_verified() {
        let identity = Signer::from(Identity::new("https://accounts.google.com", "ana@example.com").unwrap());
        assert_eq!(identity.clone().verifiable().ok(), KEYLESS.then_some(identity.clone()));
        if !KEYLESS {
            let refused = identity.verifiable().unwrap_err().to_string();
            assert!(refused.contains("feature `keyless`"), "{refused}");
        }
        assert!(Signer::from(SigningKey::generate().unwrap().public()).verifiable().is_ok());
    }
}
