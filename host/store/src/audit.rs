//! The audit log: who did what, on what, from where and under which decision; append-only, each entry bound to the one
//! before it in its stream. What an entry is hashed from, and how a chain is verified, is `macadam_core::audit`.
//!
//! A chain cannot show a cut tail or a log that was rewritten as a whole: for that, keep
//! [heads](AuditLog::audit_ends) elsewhere, and verify against them.

use async_trait::async_trait;
use jiff::Timestamp;
pub use macadam_core::audit::Entry as AuditEntry;
use macadam_core::audit::{CHAIN_VERSION, Credential, Finding, Head, Origin, Recorded, Stream, Verifier, Wrong};
use macadam_core::digest::{Digest, canonical_json};
use macadam_core::names::{PersonId, TeamId};
use serde_json::Value;

use crate::row::Columns;
use crate::{PageRequest, RequestId, StoreError};

/// Entries that are read at once while the log is gone through, so that a long one needs no more memory than a short one.
const AT_ONCE: u32 = 1000;

/// Who does something, and from where; without a person it is the platform itself.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// Who.
    pub person: Option<&'a PersonId>,
    /// From where.
    pub origin: &'a Origin,
}

impl<'a> By<'a> {
    /// The platform itself.
    pub const HOST: By<'static> = By { person: None, origin: &Origin::NONE };

    /// A person, from somewhere.
    #[must_use]
    pub const fn person(person: &'a PersonId, origin: &'a Origin) -> Self {
        Self { person: Some(person), origin }
    }
}

/// A person who does something, and from where: what only a person asks for.
#[derive(Debug, Clone, Copy)]
pub struct ByPerson<'a> {
    /// Who.
    pub person: &'a PersonId,
    /// From where.
    pub origin: &'a Origin,
}

impl<'a> From<ByPerson<'a>> for By<'a> {
    fn from(by: ByPerson<'a>) -> Self {
        Self::person(by.person, by.origin)
    }
}

impl<'a> From<Option<&'a PersonId>> for By<'a> {
    fn from(person: Option<&'a PersonId>) -> Self {
        Self { person, origin: &Origin::NONE }
    }
}

/// Something to be recorded.
///
/// ```
/// # use macadam_store::{By, NewAuditEntry};
/// let entry = NewAuditEntry::new("plugin.yanked", "plugins/acme/gate@1.0.0")
///     .by(By::HOST)
///     .with(serde_json::json!({ "reason": "it is broken" }));
/// ```
#[derive(Debug, Clone)]
pub struct NewAuditEntry {
    /// The chain that it is added to.
    pub stream: Stream,
    /// Who; `None` is the platform itself.
    pub actor: Option<PersonId>,
    /// What they did, such as `request.approved`.
    pub action: String,
    /// To what, such as `requests/…`.
    pub subject: String,
    /// From where.
    pub origin: Origin,
    /// The decision that it is done under.
    pub decision: Option<Digest>,
    /// The request that was decided.
    pub request: Option<RequestId>,
    /// The digest of what was there before.
    pub before: Option<Digest>,
    /// The digest of what is there since.
    pub after: Option<Digest>,
    /// What else is worth keeping; never a secret.
    pub data: Value,
}

impl NewAuditEntry {
    /// Something that the platform did, which concerns no single team.
    #[must_use]
    pub fn new(action: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            stream: Stream::Platform,
            actor: None,
            action: action.into(),
            subject: subject.into(),
            origin: Origin::NONE,
            decision: None,
            request: None,
            before: None,
            after: None,
            data: Value::Null,
        }
    }

    /// Somebody did it.
    #[must_use]
    pub fn by<'a>(mut self, by: impl Into<By<'a>>) -> Self {
        let by = by.into();
        (self.actor, self.origin) = (by.person.cloned(), by.origin.clone());
        self
    }

    /// It concerns a team, and goes into its stream.
    #[must_use]
    pub fn of_team(mut self, team: &TeamId) -> Self {
        self.stream = Stream::Team(team.clone());
        self
    }

    /// It was done under a decision on a request.
    #[must_use]
    pub const fn decided(mut self, decision: Digest, request: RequestId) -> Self {
        (self.decision, self.request) = (Some(decision), Some(request));
        self
    }

    /// It changed something, of which these are the digests.
    #[must_use]
    pub const fn changed(mut self, before: Option<Digest>, after: Option<Digest>) -> Self {
        (self.before, self.after) = (before, after);
        self
    }

    /// What else is worth keeping; never a secret.
    #[must_use]
    pub fn with(mut self, data: Value) -> Self {
        self.data = data;
        self
    }

    /// The entry as it is kept, bound to the one before it in its stream.
    pub(crate) fn bound(&self, seq: u64, before: &Before, now: Timestamp) -> Result<AuditEntry, StoreError> {
        let unwritable = |source| StoreError::Unwritable { what: "audit entry", source };
        let mut entry = AuditEntry {
            version: CHAIN_VERSION,
            seq,
            stream: self.stream.to_string(),
            place: before.place + 1,
            // To the microsecond, as it is kept.
            at: Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now),
            actor: self.actor.as_ref().map(PersonId::to_string),
            action: shown(&self.action),
            subject: shown(&self.subject),
            address: self.origin.address.map(|address| address.to_string()),
            request_id: self.origin.request_id.as_deref().map(shown),
            credential: self.origin.credential.map(Credential::as_str).map(str::to_owned),
            decision: self.decision.map(|digest| digest.to_string()),
            request: self.request.map(|request| request.to_string()),
            before: self.before.map(|digest| digest.to_string()),
            after: self.after.map(|digest| digest.to_string()),
            data: Recorded::new(canonical_json(&self.data).map_err(unwritable)?),
            previous: before.hash.clone(),
            hash: String::new(),
        };
        entry.hash = entry.computed_hash().map(|hash| hash.to_string()).unwrap_or_default();
        Ok(entry)
    }
}

/// PostgreSQL has no NUL in a text.
fn shown(text: &str) -> String {
    text.replace('\0', "\u{2400}")
}

/// Where a stream ends. The hash is taken as it stands there: one that somebody has made unreadable is for whoever
/// verifies the log to find, and must not keep everybody from working.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    pub(crate) place: u64,
    pub(crate) hash: String,
}

impl Default for Before {
    fn default() -> Self {
        Self { place: 0, hash: AuditEntry::nothing_before().to_string() }
    }
}

/// The number of the last entry of all, and place and hash of the last of a stream, in one row also where there is none.
pub(crate) const END_OF: &str = "SELECT coalesce((SELECT max(seq) FROM audit), 0) AS last, a.place, a.hash
    FROM (SELECT 1) AS always LEFT JOIN audit a
        ON a.stream = $1 AND a.place = (SELECT max(place) FROM audit WHERE stream = $1)";

/// What [`END_OF`] found.
pub(crate) fn to_end(row: &impl Columns) -> Result<(u64, Before), StoreError> {
    let before = match row.int_opt("place")? {
        Some(place) => Before { place: number(place), hash: standing(row, "hash")? },
        None => Before::default(),
    };
    Ok((number(row.int("last")?), before))
}

/// Where each stream ends: from one to the next through the index, since there are few streams and many entries.
pub(crate) const ENDS: &str = "WITH RECURSIVE streams (stream) AS (
        SELECT min(stream) FROM audit
        UNION ALL
        SELECT (SELECT min(a.stream) FROM audit a WHERE a.stream > streams.stream) FROM streams
        WHERE streams.stream IS NOT NULL
    )
    SELECT a.stream, a.place, a.seq, a.hash
    FROM streams JOIN audit a ON a.stream = streams.stream
        AND a.place = (SELECT max(b.place) FROM audit b WHERE b.stream = streams.stream)
    ORDER BY a.stream";

/// What a row of [`ENDS`] says.
pub(crate) fn to_stream_end(row: &impl Columns) -> Result<StreamEnd, StoreError> {
    let (stream, hash) = (standing(row, "stream")?, standing(row, "hash")?);
    Ok(StreamEnd { stream, place: number(row.int("place")?), seq: number(row.int("seq")?), hash })
}

/// An entry as it stands there, also where somebody has written nonsense.
pub(crate) fn to_entry(row: &impl Columns) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        version: u32::try_from(row.int("version")?).unwrap_or(0),
        seq: number(row.int("seq")?),
        stream: standing(row, "stream")?,
        place: number(row.int("place")?),
        at: row.nearest_time("at")?,
        actor: row.as_it_stands("actor")?,
        action: standing(row, "action")?,
        subject: standing(row, "subject")?,
        address: row.as_it_stands("address")?,
        request_id: row.as_it_stands("request_id")?,
        credential: row.as_it_stands("credential")?,
        decision: row.as_it_stands("decision")?,
        request: row.as_it_stands("request")?,
        before: row.as_it_stands("before")?,
        after: row.as_it_stands("after")?,
        data: Recorded::new(standing(row, "data")?),
        previous: standing(row, "previous")?,
        hash: standing(row, "hash")?,
    })
}

/// A text that an entry always has.
fn standing(row: &impl Columns, column: &'static str) -> Result<String, StoreError> {
    row.as_it_stands(column)?.ok_or_else(|| StoreError::corrupt(column, "there is nothing"))
}

/// An entry's number, kept in the database as a signed one. A negative one can only be somebody's doing, and is found.
pub(crate) fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

/// The last entry's number and hash; what a log that was only added to must still contain.
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
        Self { seq: 0, hash: AuditEntry::nothing_before() }
    }
}

/// Where a stream ends, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEnd {
    /// The stream.
    pub stream: String,
    /// The place of its last entry.
    pub place: u64,
    /// The number of that entry among all.
    pub seq: u64,
    /// The hash that the entry has.
    pub hash: String,
}

impl StreamEnd {
    /// The head, if what stands there can be one: nobody puts their name to nonsense.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        let (stream, hash) = (self.stream.parse().ok()?, self.hash.parse().ok()?);
        Some(Head { stream, place: self.place, seq: self.seq, hash })
    }
}

/// Which entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those of a stream.
    pub stream: Option<Stream>,
    /// Those of what somebody did.
    pub actor: Option<PersonId>,
    /// Those whose action begins so.
    pub action: Option<String>,
    /// Those of what was done to something.
    pub subject: Option<String>,
    /// Those of this moment and later.
    pub since: Option<Timestamp>,
    /// Those of before this moment.
    pub until: Option<Timestamp>,
    /// From the newest to the oldest.
    pub backwards: bool,
}

/// Why an audit log is not to be trusted, or could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// An entry is not what it was when it was written, or is missing.
    #[error("the audit log is broken at entry {seq}: {reason}; keep the database as evidence and compare a backup")]
    Broken {
        /// The number of the first entry that is wrong.
        seq: u64,
        /// What is wrong.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn broken(seq: u64, reason: String) -> AuditError {
    tracing::error!(seq, reason, "the audit log is broken");
    AuditError::Broken { seq, reason }
}

/// The audit log.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Records something that happened outside the store's own use cases, which record themselves: that somebody looked at
    /// something. It changes nothing, so an idempotency key does not count for it.
    async fn append_audit(&self, entry: &NewAuditEntry, now: Timestamp) -> Result<AuditHead, StoreError>;

    /// Entries, a page at a time: in the order of their numbers after one, or backwards before one.
    async fn audit(&self, filter: &AuditFilter, page: PageRequest<u64>) -> Result<Vec<AuditEntry>, StoreError>;

    /// The last entry.
    async fn audit_head(&self) -> Result<AuditHead, StoreError>;

    /// Where each stream ends, by stream, all at one moment.
    async fn audit_ends(&self) -> Result<Vec<StreamEnd>, StoreError>;

    /// Entries after a number, in order.
    async fn audit_since(&self, seq: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.audit(&AuditFilter::default(), PageRequest { after: Some(seq), limit }).await
    }

    /// Checks every chain, and that the log contains a head that was kept elsewhere; says how many entries there are.
    ///
    /// # Errors
    /// [`AuditError::Broken`] names the first entry that is wrong.
    async fn verify_audit(&self, kept: Option<AuditHead>) -> Result<u64, AuditError> {
        let (mut verifier, mut last) = (Verifier::whole(), 0);
        let mut kept = kept.filter(|kept| kept.seq > 0);
        loop {
            let entries = self.audit_since(last, AT_ONCE).await?;
            let Some(end) = entries.last().map(|entry| entry.seq) else { break };
            for entry in &entries {
                if let Some(Finding { stream, place, wrong, .. }) = verifier.entry(entry).into_iter().next() {
                    let seq = if stream.is_none() { place } else { entry.seq };
                    return Err(broken(seq, wrong.to_string()));
                }
                if kept.take_if(|kept| kept.seq == entry.seq).is_some_and(|kept| kept.hash.to_string() != entry.hash) {
                    return Err(broken(entry.seq, "it is not the one whose hash was kept".to_owned()));
                }
            }
            last = end;
        }
        if kept.is_some() {
            return Err(broken(last + 1, Wrong::Missing { entries: 1 }.to_string()));
        }
        Ok(last)
    }
}
