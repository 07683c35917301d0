//! Heads: where chains ended at a moment. Kept elsewhere, they show a log that was cut or written anew since; signed,
//! they show also that nobody has made them up.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Stream;
use crate::digest::{Digest, canonical_json};

/// Where a stream ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AuditHead)]
pub struct Head {
    /// The stream.
    pub stream: Stream,
    /// The place of its last entry.
    pub place: u64,
    /// The number of that entry among all.
    pub seq: u64,
    /// The hash of that entry.
    pub hash: Digest,
}

/// Where streams ended at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AuditHeads)]
pub struct Heads {
    /// When.
    pub at: Timestamp,
    /// How many entries there were; null when only some streams are told of.
    pub entries: Option<u64>,
    /// The heads, by stream.
    pub heads: Vec<Head>,
}

impl Heads {
    /// A log without entries.
    #[must_use]
    pub const fn none(at: Timestamp) -> Self {
        Self { at, entries: Some(0), heads: Vec::new() }
    }

    /// What is signed. The first line says what it is, so that no signature of something else is one of heads.
    fn signed_text(&self) -> Result<String, serde_json::Error> {
        Ok(format!("macadam audit heads 1\n{}", canonical_json(self)?))
    }
}

/// Heads with a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignedAuditHeads)]
pub struct SignedHeads {
    /// What is signed.
    pub statement: Heads,
    /// The key that it is said to be signed with.
    pub key: HeadsKey,
    /// The Ed25519 signature, in base64.
    pub signature: String,
}

/// Why heads are nobody's word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// They are signed with another key than the one that counts.
    #[error("the heads of {at} are signed with {found} and not with {expected}")]
    OtherKey {
        /// When the heads are said to be of.
        at: Timestamp,
        /// The key that they name.
        found: HeadsKey,
        /// The key that counts.
        expected: HeadsKey,
    },
    /// The signature is not one of these heads.
    #[error("the signature of the heads of {at} is not theirs: the heads or the signature were changed")]
    Wrong {
        /// When the heads are said to be of.
        at: Timestamp,
    },
}

impl SignedHeads {
    /// Whether they are signed with a key, or else with the one that they name.
    ///
    /// # Errors
    /// [`SignatureError`] says why they are not.
    pub fn check(&self, expected: Option<&HeadsKey>) -> Result<(), SignatureError> {
        let at = self.statement.at;
        if let Some(expected) = expected.filter(|expected| **expected != self.key) {
            return Err(SignatureError::OtherKey { at, found: self.key.clone(), expected: expected.clone() });
        }
        let bytes = STANDARD.decode(&self.signature).ok().and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        let text = self.statement.signed_text().ok();
        let key = VerifyingKey::from_bytes(&self.key.0).ok();
        let holds = bytes.zip(text).zip(key).is_some_and(|((bytes, text), key)| {
            // Strict, so that no signature has two forms and none is valid under two keys.
            key.verify_strict(text.as_bytes(), &Signature::from_bytes(&bytes)).is_ok()
        });
        if holds { Ok(()) } else { Err(SignatureError::Wrong { at }) }
    }
}

/// What signs heads.
pub struct HeadsSigner(SigningKey);

impl HeadsSigner {
    /// Takes 32 random bytes as the key.
    #[must_use]
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The half of the key that everybody may know.
    #[must_use]
    pub fn key(&self) -> HeadsKey {
        HeadsKey(self.0.verifying_key().to_bytes())
    }

    /// Signs heads.
    ///
    /// # Errors
    /// When they cannot be written as JSON.
    pub fn sign(&self, statement: Heads) -> Result<SignedHeads, serde_json::Error> {
        let signature = self.0.sign(statement.signed_text()?.as_bytes());
        Ok(SignedHeads { statement, key: self.key(), signature: STANDARD.encode(signature.to_bytes()) })
    }
}

impl fmt::Debug for HeadsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeadsSigner({})", self.key())
    }
}

const PREFIX: &str = "macadam-audit-public:";

/// The key that heads are checked with, written `macadam-audit-public:` and 32 bytes in base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HeadsKey([u8; 32]);

crate::text_schema!(
    HeadsKey,
    ["The key that heads are checked with: `macadam-audit-public:` and 32 bytes in base64."],
    crate::text_schema::TextRule {
        pattern: "^macadam-audit-public:[A-Za-z0-9+/]{43}=$",
        example: "macadam-audit-public:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        longest: 65,
    }
);

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no key of an audit log; write what `macadam audit key` shows, which begins with {PREFIX}")]
pub struct KeyError;

impl fmt::Display for HeadsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for HeadsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for HeadsKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = text.trim().strip_prefix(PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
        let bytes: [u8; 32] = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(KeyError)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError)?;
        // Keys of small order accept signatures that nobody made.
        if key.is_weak() { Err(KeyError) } else { Ok(Self(bytes)) }
    }
}

impl TryFrom<String> for HeadsKey {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<HeadsKey> for String {
    fn from(key: HeadsKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_count_only_as_they_were_signed_and_with_the_key_that_counts() {
        let signer = HeadsSigner::new(&[7; 32]);
        let head = Head { stream: Stream::Platform, place: 3, seq: 5, hash: Digest::of(b"x") };
        let heads = Heads { at: Timestamp::UNIX_EPOCH, entries: Some(5), heads: vec![head] };
        let signed = signer.sign(heads).unwrap();
        let text = serde_json::to_string(&signed).unwrap();
        let read: SignedHeads = serde_json::from_str(&text).unwrap();
        assert_eq!(read.check(Some(&signer.key())), Ok(()));
        assert_eq!(read.check(None), Ok(()));

        let other = HeadsSigner::new(&[8; 32]);
        assert!(matches!(read.check(Some(&other.key())), Err(SignatureError::OtherKey { .. })));
        let claimed = SignedHeads { key: other.key(), ..read.clone() };
        assert!(matches!(claimed.check(None), Err(SignatureError::Wrong { .. })), "the signature is the other key's");
        for change in [r#""place":4"#, r#""seq":6"#, r#""entries":6"#] {
            let name = change.split(':').next().unwrap();
            let (start, rest) = text.split_once(name).unwrap();
            let changed =
                format!("{start}{change}{}", rest.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()));
            let changed: SignedHeads = serde_json::from_str(&changed).unwrap();
            assert!(matches!(changed.check(None), Err(SignatureError::Wrong { .. })), "{change}");
        }
    }

    #[test]
    fn a_key_reads_back_what_it_prints_and_nothing_else_is_one() {
        let key = HeadsSigner::new(&[7; 32]).key();
        assert_eq!(format!(" {key}\n").parse::<HeadsKey>().unwrap(), key);
        let weak = format!("{PREFIX}{}", STANDARD.encode([0; 32]));
        for text in ["", "macadam-audit-public:", "macadam-ed25519-public:AAAA", weak.as_str()] {
            assert!(text.parse::<HeadsKey>().is_err(), "{text}");
        }
    }
}
