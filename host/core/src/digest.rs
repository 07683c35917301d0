//! Digests: what a thing is, rather than what it is called.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A sha256 digest, written `sha256:` and 64 hexadecimal digits as OCI does (image-spec, descriptor.md).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// A text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a digest: write sha256: and 64 hexadecimal digits")]
pub struct DigestError(String);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Takes a digest that was computed elsewhere, such as while streaming.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hexadecimal digits, without `sha256:`; safe as a file name.
    #[must_use]
    pub fn hex(&self) -> String {
        use fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex().chars().take(12).collect()
    }

    /// The digest of a value's canonical JSON.
    ///
    /// # Errors
    /// When the value cannot be written as JSON, such as a map whose keys are not text.
    pub fn of_json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self::of(canonical_json(value)?.as_bytes()))
    }
}

/// Bytes with their digest, computed once. Cloning is cheap.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob {
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl Blob {
    /// Takes bytes and computes their digest.
    #[must_use]
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        Self { bytes, digest }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({}, {} bytes)", self.digest, self.bytes.len())
    }
}

/// A value as JSON with sorted keys and no white space, so that equal values have equal texts. Keys and strings as in
/// RFC 8785; numbers keep the form in which they were given, which is what prices as text need.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn canonical_json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(value)?;
    // A dependency that turns on serde_json's `preserve_order` turns it on for everybody.
    value.sort_all_objects();
    serde_json::to_string(&value)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let fail = || DigestError(text.chars().take(80).collect());
        let hex = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64).ok_or_else(fail)?;
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| fail())?;
            let lower_hex = pair.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            *byte = u8::from_str_radix(pair, 16).ok().filter(|_| lower_hex).ok_or_else(fail)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;
    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

crate::text_schema!(
    Digest,
    ["A sha256 digest, written `sha256:` and 64 hexadecimal digits as OCI does."],
    crate::text_schema::TextRule {
        pattern: "^sha256:[0-9a-f]{64}$",
        example: "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        longest: 71,
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_abc_is_the_one_in_the_standard() {
        // FIPS 180-2, appendix B.1.
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").to_string(), expected);
        assert_eq!(expected.parse::<Digest>().unwrap(), Digest::of(b"abc"));
    }

    #[test]
    fn only_lower_case_sha256_is_read() {
        let good = Digest::of(b"x").to_string();
        for bad in [String::new(), good.to_uppercase(), good.replace("sha256:", "md5:"), format!("{good}0")] {
            assert!(bad.parse::<Digest>().is_err(), "{bad} must be refused");
        }
        assert!(format!("sha256:{}", "+f".repeat(32)).parse::<Digest>().is_err(), "a sign is no digit");
    }

    #[test]
    fn equal_values_have_equal_canonical_texts_whatever_the_order_of_their_keys() {
        let one: serde_json::Value = serde_json::from_str(r#"{"b": 1, "a": {"d": "é", "c": 2.50}}"#).unwrap();
        let two: serde_json::Value = serde_json::from_str(r#"{"a": {"c": 2.50, "d": "é"}, "b": 1}"#).unwrap();
        assert_eq!(canonical_json(&one).unwrap(), canonical_json(&two).unwrap());
        assert_eq!(canonical_json(&one).unwrap(), r#"{"a":{"c":2.5,"d":"é"},"b":1}"#);
    }
}
