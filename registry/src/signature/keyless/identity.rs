//! Who signs without a key.

use std::fmt;
use std::str::FromStr;

use crate::signature::{KeyError, KeyId};

/// What an identity's text begins with.
pub const IDENTITY: &str = "keyless:";
/// The longest issuer and the longest subject, in bytes. The subject of a workflow is an address with a branch in it.
const LONGEST: usize = 1024;

/// Somebody whom an OIDC issuer knows, written `keyless:ISSUER SUBJECT`. Both are what the certificate says, byte for
/// byte: no pattern, no case folding, no address that is as good.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    issuer: String,
    subject: String,
}

impl Identity {
    /// An identity of its parts.
    ///
    /// # Errors
    /// [`KeyError::Issuer`] and [`KeyError::Subject`] say what they must be.
    pub fn new(issuer: &str, subject: &str) -> Result<Self, KeyError> {
        let word = |text: &str| {
            let plain = |c: char| !c.is_whitespace() && !c.is_control();
            !text.is_empty() && text.len() <= LONGEST && text.chars().all(plain)
        };
        match () {
            () if !word(issuer) || !issuer.starts_with("https://") => Err(KeyError::Issuer),
            () if !word(subject) => Err(KeyError::Subject),
            () => Ok(Self { issuer: issuer.to_owned(), subject: subject.to_owned() }),
        }
    }

    /// The OIDC issuer, as the certificate's extension 1.3.6.1.4.1.57264.1.8 has it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom it vouches for, as the certificate's subject alternative name has it.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Its name among keys: the sha256 of its text.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of_bytes(self.to_string().as_bytes())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{IDENTITY}{} {}", self.issuer, self.subject)
    }
}

impl FromStr for Identity {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let parts = text.trim().strip_prefix(IDENTITY).ok_or(KeyError::NotAKey)?;
        let (issuer, subject) = parts.split_once(' ').ok_or(KeyError::Subject)?;
        Self::new(issuer, subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://token.actions.githubusercontent.com";
    const SUBJECT: &str = "https://github.com/acme/gate/.github/workflows/release.yml@refs/heads/main";

    #[test]
    fn an_identity_reads_back_what_it_prints_and_its_name_is_a_digest_of_that() {
        let identity = Identity::new(ISSUER, SUBJECT).unwrap();
        assert_eq!(identity.to_string(), format!("keyless:{ISSUER} {SUBJECT}"));
        assert_eq!(identity.to_string().parse::<Identity>().unwrap(), identity);
        assert_eq!(identity.id(), KeyId::of_bytes(identity.to_string().as_bytes()));
        assert_ne!(identity.id(), Identity::new(ISSUER, "ana@example.com").unwrap().id());
    }

    #[test]
    fn no_two_identities_have_one_text() {
        // Were blanks allowed, a part of the subject could be read as issuer.
        for (issuer, subject, expected) in [
            ("", SUBJECT, KeyError::Issuer),
            ("http://issuer.example", SUBJECT, KeyError::Issuer),
            ("https://issuer.example https://other.example", SUBJECT, KeyError::Issuer),
            (ISSUER, "", KeyError::Subject),
            (ISSUER, "ana@example.com bob@example.com", KeyError::Subject),
            (ISSUER, "ana@example.com\n", KeyError::Subject),
        ] {
            assert_eq!(Identity::new(issuer, subject).unwrap_err(), expected, "{issuer:?} {subject:?}");
        }
        assert_eq!("keyless:https://issuer.example".parse::<Identity>().unwrap_err(), KeyError::Subject);
        assert_eq!(Identity::new(ISSUER, &"a".repeat(LONGEST + 1)).unwrap_err(), KeyError::Subject);
    }
}
