//! Canonical JSON as a value: the text in which equal documents are equal, and its digest, computed once.
//!
//! What is recorded, compared or sent to a component by digest is held like this from the moment it is made, so that
//! nobody hashes it twice and text and digest cannot be of two different documents.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::digest::{Digest, canonical_json};

/// A document as canonical JSON. Cloning is cheap; equality is that of the digests.
#[derive(Clone)]
pub struct CanonicalJson {
    text: Arc<str>,
    digest: Digest,
}

impl CanonicalJson {
    /// Writes a value as canonical JSON.
    ///
    /// # Errors
    /// When the value cannot be written as JSON, such as a map whose keys are not text.
    pub fn new(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self::from_canonical(canonical_json(value)?))
    }

    /// Takes a text that is canonical already: one that [`canonical_json`] made, or that was kept from one.
    #[must_use]
    pub fn from_canonical(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let digest = Digest::of(text.as_bytes());
        Self { text, digest }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Reads the document as a type.
    ///
    /// # Errors
    /// When it is not one of that type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.text)
    }
}

impl PartialEq for CanonicalJson {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for CanonicalJson {}

impl fmt::Display for CanonicalJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for CanonicalJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CanonicalJson({})", self.text)
    }
}

impl Serialize for CanonicalJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.text).map_err(ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CanonicalJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl utoipa::PartialSchema for CanonicalJson {
    /// Any value: it is written as itself.
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let description = "Any JSON value, as it was given.";
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .description(Some(description))
            .into()
    }
}

impl utoipa::ToSchema for CanonicalJson {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_documents_are_equal_however_they_were_written() {
        let one: CanonicalJson = serde_json::from_str(r#"{ "b": [1, 2], "a": "x" }"#).unwrap();
        let two: CanonicalJson = serde_json::from_str(r#"{"a":"x","b":[1,2]}"#).unwrap();
        assert_eq!(one, two);
        assert_eq!(one.as_str(), r#"{"a":"x","b":[1,2]}"#);
        assert_eq!(one.digest(), Digest::of(one.as_str().as_bytes()));
    }

    #[test]
    fn a_number_reads_back_as_it_was_written() {
        // Read with less care than `float_roundtrip` takes, 2e-24 becomes another number, whose text is another one.
        for text in ["2e-24", "5e-324", "1.7976931348623157e308", "0.1", "123456789.12345679"] {
            let once: CanonicalJson = serde_json::from_str(text).unwrap();
            assert_eq!(CanonicalJson::new(&once.read::<Value>().unwrap()).unwrap(), once, "{text}");
        }
    }

    #[test]
    fn a_document_is_written_as_itself_and_not_as_a_text() {
        let document = CanonicalJson::new(&serde_json::json!({ "a": 1 })).unwrap();
        assert_eq!(serde_json::to_string(&[&document]).unwrap(), r#"[{"a":1}]"#);
        assert_eq!(document.read::<Value>().unwrap(), serde_json::json!({ "a": 1 }));
    }
}
