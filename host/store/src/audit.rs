//! The audit log: who did what, in order, append-only, each entry bound to the one before it.
//!
//! An entry's hash is the sha256 of the canonical JSON of its other fields, among them the hash of the entry before;
//! `data` goes into it as the stored text, so that no reader's idea of numbers matters. A changed, removed, inserted or
//! moved entry breaks the chain where it is. What a chain cannot show is a cut tail or a log that was rewritten as a
//! whole: for that, keep a [`head`](AuditLog::audit_head) elsewhere and [`verify`](AuditLog::verify_audit) against it.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::{Digest, canonical_json};
use macadam_core::names::PersonId;
use serde_json::{Value, json};

use crate::StoreError;

/// Something to be recorded.
#[derive(Debug, Clone)]
pub struct NewAuditEntry {
    /// Who; `None` is the platform itself.
    pub actor: Option<PersonId>,
    /// What they did, such as `request.approved`.
    pub action: String,
    /// To what, such as `requests/…`.
    pub subject: String,
    /// What else is worth keeping; never a secret.
    pub data: Value,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AuditEntry {
    /// Its place, counted from one without gaps.
    pub seq: u64,
    /// When, to the microsecond.
    pub at: Timestamp,
    /// Who; `None` is the platform itself.
    pub actor: Option<PersonId>,
    /// What they did.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else was kept.
    pub data: Value,
    /// The hash of the entry before; all zero for the first.
    pub previous: Digest,
    /// The hash of this one.
    pub hash: Digest,
}

/// The last entry's place and hash; what a log that was only added to must still contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuditHead {
    /// How many entries there were.
    pub seq: u64,
    /// The hash of the last.
    pub hash: Digest,
}

impl AuditHead {
    /// The head of a log without entries.
    #[must_use]
    pub fn empty() -> Self {
        Self { seq: 0, hash: Digest::from_bytes([0; 32]) }
    }
}

/// Why an audit log is not to be trusted, or could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// An entry is not what it was when it was written, or is missing.
    #[error("the audit log is broken at entry {seq}: {reason}; keep the database as evidence and compare a backup")]
    Broken {
        /// The first entry that is wrong.
        seq: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an entry is hashed from: its fields as they are stored.
pub(crate) struct Hashed<'a> {
    pub(crate) seq: u64,
    pub(crate) at_micros: i64,
    pub(crate) actor: Option<&'a str>,
    pub(crate) action: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) data: &'a str,
    pub(crate) previous: Digest,
}

impl Hashed<'_> {
    pub(crate) fn hash(&self) -> Result<Digest, StoreError> {
        let Self { seq, at_micros, actor, action, subject, data, previous } = self;
        let fields = json!({
            "seq": seq, "at": at_micros, "actor": actor, "action": action, "subject": subject, "data": data,
            "previous": previous,
        });
        let text = canonical_json(&fields).map_err(|source| StoreError::Unwritable { what: "audit entry", source })?;
        Ok(Digest::of(text.as_bytes()))
    }
}

/// The audit log.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Records something that happened outside the store's own use cases, which record themselves.
    async fn append_audit(&self, entry: &NewAuditEntry, now: Timestamp) -> Result<AuditHead, StoreError>;

    /// Entries after a place, in order.
    async fn audit_since(&self, seq: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError>;

    /// The last entry.
    async fn audit_head(&self) -> Result<AuditHead, StoreError>;

    /// Checks the whole chain, and that it contains a head that was kept elsewhere; says how many entries there are.
    ///
    /// # Errors
    /// [`AuditError::Broken`] names the first entry that is wrong.
    async fn verify_audit(&self, kept: Option<AuditHead>) -> Result<u64, AuditError>;
}
