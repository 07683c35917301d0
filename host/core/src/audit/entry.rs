//! One entry, as it is recorded, and what its hash is made of.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;
use serde_json::value::RawValue;

use super::Stream;
use crate::digest::{Digest, canonical_json};

/// How entries are hashed now. Version 1 had one chain for everything and knew no origin and no digests; its entries
/// stay as they were written, at the beginning of the platform's stream.
pub const CHAIN_VERSION: u32 = 2;

/// A text of JSON exactly as it was recorded: what is hashed is these bytes, not a reader's idea of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded(Arc<str>);

impl Recorded {
    /// Takes a text as it was recorded.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The document, or null when the text is none any more.
    #[must_use]
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(&self.0) {
            Ok(raw) => raw.serialize(serializer),
            // Somebody made it unreadable. As a text it can still be shown, and its hash fails as it must.
            Err(_) => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Recorded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(Box::<RawValue>::deserialize(deserializer)?.get()))
    }
}

/// One entry. Its texts are as they were recorded, whatever they say: an entry that somebody has changed into nonsense
/// must still be shown and found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// How it is hashed.
    pub version: u32,
    /// Its number among all entries, from one without gaps.
    pub seq: u64,
    /// Its stream.
    pub stream: String,
    /// Its place in its stream, from one without gaps.
    pub place: u64,
    /// When, to the microsecond.
    pub at: Timestamp,
    /// Who; null is the platform itself.
    pub actor: Option<String>,
    /// What they did.
    pub action: String,
    /// To what.
    pub subject: String,
    /// The client's address.
    #[serde(default)]
    pub address: Option<String>,
    /// The id of the HTTP request.
    #[serde(default)]
    pub request_id: Option<String>,
    /// By which kind of credential.
    #[serde(default)]
    pub credential: Option<String>,
    /// The digest of the decision that it was done under.
    #[serde(default)]
    pub decision: Option<String>,
    /// The request that was decided.
    #[serde(default)]
    pub request: Option<String>,
    /// The digest of what was there before.
    #[serde(default)]
    pub before: Option<String>,
    /// The digest of what is there since.
    #[serde(default)]
    pub after: Option<String>,
    /// What else was kept.
    #[schema(value_type = serde_json::Value)]
    pub data: Recorded,
    /// The hash of the entry before it in its stream; all zero for the first.
    pub previous: String,
    /// Its own hash.
    pub hash: String,
}

impl Entry {
    /// The hash of a stream without entries.
    #[must_use]
    pub fn nothing_before() -> Digest {
        Digest::from_bytes([0; 32])
    }

    /// The hash that the entry must have, or `None` when it is of a version that this program does not know.
    #[must_use]
    pub fn computed_hash(&self) -> Option<Digest> {
        let fields = match self.version {
            1 if self.is_plain() => json!({
                "seq": self.seq, "at": self.at.as_microsecond(), "actor": self.actor, "action": self.action,
                "subject": self.subject, "data": self.data.as_str(), "previous": self.previous,
            }),
            CHAIN_VERSION => json!({
                "version": self.version, "seq": self.seq, "stream": self.stream, "place": self.place,
                "at": self.at.as_microsecond(), "actor": self.actor, "action": self.action, "subject": self.subject,
                "address": self.address, "request_id": self.request_id, "credential": self.credential,
                "decision": self.decision, "request": self.request, "before": self.before, "after": self.after,
                "data": self.data.as_str(), "previous": self.previous,
            }),
            _ => return None,
        };
        // A document of texts and numbers can always be written.
        canonical_json(&fields).ok().map(|text| Digest::of(text.as_bytes()))
    }

    /// Whether nothing is said that version 1 does not hash.
    fn is_plain(&self) -> bool {
        let later = [
            &self.address,
            &self.request_id,
            &self.credential,
            &self.decision,
            &self.request,
            &self.before,
            &self.after,
        ];
        self.place == self.seq && self.stream == Stream::Platform.to_string() && later.iter().all(|text| text.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::chain;

    #[test]
    fn what_was_recorded_keeps_its_bytes_through_json() {
        // 2.50 is not canonical, and 1e400 is no number that a program has: nobody may tidy them up.
        for text in [r#"{"a":2.50,"b":[1e400, "é"]}"#, "null", r#""x""#] {
            let recorded = Recorded::new(text);
            let written = serde_json::to_string(&recorded).unwrap();
            assert_eq!(serde_json::from_str::<Recorded>(&written).unwrap(), recorded);
        }
        assert_eq!(serde_json::to_string(&Recorded::new("{")).unwrap(), r#""{""#, "nonsense is shown as a text");
    }

    #[test]
    fn every_field_goes_into_the_hash() {
        let entry = chain(1).remove(0);
        let document = serde_json::to_value(&entry).unwrap();
        for (name, value) in document.as_object().unwrap() {
            if name == "hash" {
                continue;
            }
            let mut other = document.clone();
            other[name] = match value {
                serde_json::Value::Number(number) => json!(number.as_u64().unwrap() + 1),
                _ if name == "at" => json!("2026-01-01T00:00:00.5Z"),
                _ => json!("another"),
            };
            let other: Entry = serde_json::from_value(other).unwrap();
            assert_ne!(other.computed_hash(), entry.computed_hash(), "{name} can be changed without a trace");
        }
    }
}
