//! Which keys the secrets of this store are sealed under, by their ids, and sealing values anew under another one.
//!
//! The store holds no key. It knows the ids, so that a host without one of them is told before it does anything: there
//! is something here that it could not open. The key that came last is the *current* one, under which everybody seals.
//! One that was replaced stays *in use* until nothing is sealed under it any more; then it is *retired*, and never counts
//! again, so that a host with an old configuration cannot bring it back.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::row::Columns;
use crate::{JobId, JobPhase, NewAuditEntry, Sealed, StoreError, WebhookId};

/// The id of a sealing key. It tells nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealingKeyId([u8; Self::BYTES]);

/// A text that is no id of a key.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no id of a sealing key; it has {digits} hexadecimal digits", digits = 2 * SealingKeyId::BYTES)]
pub struct SealingKeyIdError(String);

impl SealingKeyId {
    /// How long an id is.
    pub const BYTES: usize = 8;

    /// An id from its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Display for SealingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for SealingKeyId {
    type Err = SealingKeyIdError;

    fn from_str(text: &str) -> Result<Self, SealingKeyIdError> {
        let digits = u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 2 * Self::BYTES);
        let id = Self(digits.map(u64::to_be_bytes).ok_or_else(|| SealingKeyIdError(text.to_owned()))?);
        if id.to_string() == text { Ok(id) } else { Err(SealingKeyIdError(text.to_owned())) }
    }
}

/// A key that something may be sealed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealingKeyRecord {
    /// Its id.
    pub id: SealingKeyId,
    /// Since when it is the current one, or was.
    pub since: Timestamp,
}

/// The keys of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealingKeySet {
    /// Those that something may be sealed under, the current one last.
    pub in_use: Vec<SealingKeyRecord>,
    /// Those that nothing is sealed under any more.
    pub retired: Vec<SealingKeyId>,
}

impl SealingKeySet {
    /// The key that everybody seals under; `None` in a store that is new.
    #[must_use]
    pub fn current(&self) -> Option<SealingKeyRecord> {
        self.in_use.last().copied()
    }

    /// The keys that were replaced, and that something may still be sealed under.
    #[must_use]
    pub fn replaced(&self) -> &[SealingKeyRecord] {
        self.in_use.split_last().map_or(&[], |(_, before)| before)
    }

    /// Since when a key counts that becomes the current one now: after the one before it, also when a host's clock is
    /// behind.
    pub(crate) fn since(&self, now: Timestamp) -> Timestamp {
        let after = |before: SealingKeyRecord| before.since.checked_add(jiff::SignedDuration::from_micros(1));
        self.current().and_then(|before| after(before).ok()).map_or(now, |after| after.max(now))
    }

    /// Those in use that are not among some.
    #[must_use]
    pub fn missing(&self, held: &[SealingKeyId]) -> Vec<SealingKeyId> {
        self.in_use.iter().map(|key| key.id).filter(|id| !held.contains(id)).collect()
    }

    /// Whether a key becomes the current one when a host that holds some others comes with it: it was never here, and
    /// the host can open everything that is.
    pub(crate) fn takes(&self, key: SealingKeyId, held: &[SealingKeyId]) -> bool {
        let known = self.retired.contains(&key) || self.in_use.iter().any(|known| known.id == key);
        !known && self.missing(held).is_empty()
    }
}

/// Where a sealed value is, with what it is sealed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedPlace {
    /// A secret behind a handle.
    Secret {
        /// The handle.
        handle: String,
        /// What it belongs to.
        scope: String,
        /// Its name within that.
        name: String,
    },
    /// What a provider keeps between two steps of a job.
    JobState {
        /// The job.
        job: JobId,
        /// What the job was at.
        phase: JobPhase,
    },
    /// What a webhook's messages are signed with.
    WebhookSecret(WebhookId),
    /// What they were signed with before.
    PreviousWebhookSecret(WebhookId),
    /// Whom a webhook calls.
    WebhookUrl(WebhookId),
    /// The same, as it was kept before such were sealed: what is there is not sealed at all.
    PlainWebhookUrl(WebhookId),
}

impl SealedPlace {
    /// What the view `sealed_values` calls such a place, and the id within.
    pub(crate) fn key(&self) -> (&'static str, String) {
        match self {
            Self::Secret { handle, .. } => ("secret", handle.clone()),
            Self::JobState { job, .. } => ("job-state", job.to_string()),
            Self::WebhookSecret(webhook) => ("webhook-secret", webhook.to_string()),
            Self::PreviousWebhookSecret(webhook) => ("webhook-secret-before", webhook.to_string()),
            Self::WebhookUrl(webhook) => ("webhook-url", webhook.to_string()),
            Self::PlainWebhookUrl(webhook) => ("webhook-url-before", webhook.to_string()),
        }
    }

    fn of(row: &impl Columns) -> Result<Self, StoreError> {
        Ok(match row.text("kind")?.as_str() {
            "secret" => Self::Secret { handle: row.text("id")?, scope: row.text("scope")?, name: row.text("name")? },
            "job-state" => Self::JobState { job: row.parsed("id")?, phase: row.word("scope")? },
            "webhook-secret" => Self::WebhookSecret(row.parsed("id")?),
            "webhook-secret-before" => Self::PreviousWebhookSecret(row.parsed("id")?),
            "webhook-url" => Self::WebhookUrl(row.parsed("id")?),
            "webhook-url-before" => Self::PlainWebhookUrl(row.parsed("id")?),
            other => return Err(StoreError::corrupt("kind of a sealed value", format_args!("{other:?} is none"))),
        })
    }
}

impl fmt::Display for SealedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { scope, name, .. } => write!(f, "the secret {name:?} of {scope}"),
            Self::JobState { job, .. } => write!(f, "the state of job {job}"),
            Self::WebhookSecret(webhook) => write!(f, "the secret of webhook {webhook}"),
            Self::PreviousWebhookSecret(webhook) => write!(f, "the former secret of webhook {webhook}"),
            Self::WebhookUrl(webhook) | Self::PlainWebhookUrl(webhook) => write!(f, "the address of webhook {webhook}"),
        }
    }
}

/// A sealed value and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedValue {
    /// Where.
    pub place: SealedPlace,
    /// The value.
    pub sealed: Sealed,
}

/// A value that was sealed anew.
#[derive(Debug, Clone)]
pub struct Resealed {
    /// What is there. When it is something else by now, it stays.
    pub value: SealedValue,
    /// What is to be there instead.
    pub to: Sealed,
}

/// The ids of the keys that secrets are sealed under, and what is sealed under which.
#[async_trait]
pub trait SealingKeys: Send + Sync {
    /// The keys.
    async fn sealing_keys(&self) -> Result<SealingKeySet, StoreError>;

    /// Makes a key the current one if it was never here and the host that brings it holds every key in use; otherwise
    /// nothing changes. Gives the keys that there are then: of two hosts that start at once on an empty store, one is
    /// first. That one key replaces another is recorded and told.
    async fn adopt_sealing_key(
        &self,
        key: SealingKeyId,
        held: &[SealingKeyId],
        now: Timestamp,
    ) -> Result<SealingKeySet, StoreError>;

    /// Values that are not sealed under a key, or do not say under which, in a fixed order, after one of them.
    async fn sealed_under_others(
        &self,
        key: SealingKeyId,
        after: Option<&SealedPlace>,
        limit: u32,
    ) -> Result<Vec<SealedValue>, StoreError>;

    /// Puts values in the place of those that they were made of, and says how many still were what they had been. What
    /// somebody has changed or removed meanwhile stays as it is. What was put is recorded and told, by kinds.
    async fn reseal(&self, key: SealingKeyId, values: &[Resealed], now: Timestamp) -> Result<u64, StoreError>;

    /// Retires a key that was replaced, unless something is still sealed under it or does not say under which; says
    /// whether it was. That is recorded and told.
    async fn retire_sealing_key(&self, key: SealingKeyId, now: Timestamp) -> Result<bool, StoreError>;
}

pub(crate) fn to_key(row: &impl Columns) -> Result<SealingKeyRecord, StoreError> {
    Ok(SealingKeyRecord { id: row.parsed("id")?, since: row.time("since")? })
}

pub(crate) fn to_value(row: &impl Columns) -> Result<SealedValue, StoreError> {
    let sealed = Sealed::new(row.bytes_opt("sealed")?.unwrap_or_default());
    Ok(SealedValue { place: SealedPlace::of(row)?, sealed })
}

/// What is recorded of a key that takes the place of another.
pub(crate) fn replaced(key: SealingKeyId, before: SealingKeyId) -> NewAuditEntry {
    entry("replaced", key, json!({ "before": before.to_string() }))
}

/// What is recorded of values that were sealed anew.
pub(crate) fn resealed(key: SealingKeyId, places: &[&SealedPlace]) -> NewAuditEntry {
    let count = |kind: &str| places.iter().filter(|place| place.key().0 == kind).count();
    let webhooks = count("webhook-secret") + count("webhook-secret-before");
    let urls = count("webhook-url") + count("webhook-url-before");
    let data = json!({
        "secrets": count("secret"), "job_states": count("job-state"), "webhook_secrets": webhooks, "webhook_urls": urls,
    });
    entry("resealed", key, data)
}

/// What is recorded of a key that nothing is sealed under any more.
pub(crate) fn retired(key: SealingKeyId) -> NewAuditEntry {
    entry("retired", key, json!({}))
}

fn entry(what: &str, key: SealingKeyId, mut data: Value) -> NewAuditEntry {
    if let Value::Object(fields) = &mut data {
        fields.insert("key".to_owned(), json!(key.to_string()));
    }
    NewAuditEntry::new(format!("sealing-key.{what}"), format!("sealing-keys/{key}")).with(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_sixteen_small_digits_and_nothing_else() {
        let id: SealingKeyId = "00ff00000000000a".parse().unwrap();
        assert_eq!(id.to_string(), "00ff00000000000a");
        for bad in ["", "00FF00000000000A", "00ff00000000000", "+0ff00000000000a", "00ff00000000000ag"] {
            assert!(bad.parse::<SealingKeyId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_taken_that_was_never_here_from_whoever_can_open_what_is() {
        let [a, b, c] = [1, 2, 3].map(|byte| SealingKeyId::new([byte; 8]));
        let key = |id| SealingKeyRecord { id, since: Timestamp::UNIX_EPOCH };
        let set = SealingKeySet { in_use: vec![key(b)], retired: vec![a] };
        assert!(set.takes(c, &[c, b]));
        assert!(!set.takes(c, &[c]), "what is sealed under b would not open");
        assert!(!set.takes(b, &[b]) && !set.takes(a, &[a, b]), "what was replaced does not come back");
        assert!(SealingKeySet::default().takes(a, &[a]), "the first one");
    }
}
