//! Writing transactions: what they leave in the journal, which locks they take, and when they are tried again.
//!
//! Many write at once here. A transaction reads what it is about with a lock (`FOR NO KEY UPDATE`, which lets foreign
//! keys be checked meanwhile), so that what it checked is still so when it changes it; locks are taken in one order:
//!
//! ```text
//! queue ─▶ job ─▶ request ─▶ resource ─▶ team ─▶ usage ─▶ idempotency key ─▶ journal
//! number of webhooks ─▶ webhook ────────────────────────▶ idempotency key ─▶ journal
//! ```
//!
//! Rows of `team_usage` are taken by the triggers on `resources`, those of one statement in the order of their key. So
//! no transaction changes two resources, nor one twice in what its usage is made of.
//!
//! The journal comes last because everybody needs it: entries and events are collected while the transaction works, and
//! written when it is about to commit, see [`journal`]. The isolation level is READ COMMITTED: each statement sees what
//! was committed before it, so a statement that had to wait for a lock sees what the one before did. Serializable
//! transactions would fail each other at the end of the audit log, where they all meet.

use std::ops::{Deref, DerefMut};

use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnection;
use sqlx::{Postgres, Transaction};
use tokio::sync::watch;

use super::{Result, journal};
use crate::{
    AccessPolicyError, BindingError, InterveneError, JobError, NamespaceError, NewAuditEntry, NewEvent,
    PackageIndexError, ReviewError, ServiceTokenError, StoreError, SubmitError, WebhookError,
};

/// A transaction that writes.
pub(super) struct Tx {
    inner: Transaction<'static, Postgres>,
    entries: Vec<NewAuditEntry>,
    events: Vec<NewEvent>,
    told: watch::Sender<()>,
}

impl Tx {
    pub(super) fn new(inner: Transaction<'static, Postgres>, told: watch::Sender<()>) -> Self {
        Self { inner, entries: Vec::new(), events: Vec::new(), told }
    }

    /// Leaves an audit entry with the commit.
    pub(super) fn record(&mut self, entry: NewAuditEntry) {
        self.entries.push(entry);
    }

    /// Leaves an event with the commit.
    pub(super) fn tell(&mut self, event: NewEvent) {
        self.events.push(event);
    }

    /// Writes the journal and commits.
    pub(super) async fn commit(mut self, now: jiff::Timestamp) -> Result<journal::End> {
        let (entries, events) = (std::mem::take(&mut self.entries), std::mem::take(&mut self.events));
        let end = journal::write(&mut self.inner, &entries, &events, now).await?;
        self.inner.commit().await?;
        if !events.is_empty() {
            self.told.send_replace(());
        }
        Ok(end)
    }

    /// Ends it without a change, and its locks with it. Dropping it does so as well, but a moment later.
    pub(super) async fn leave(self) -> Result<()> {
        Ok(self.inner.rollback().await?)
    }

    /// Takes a lock that is no row's, until the end of the transaction.
    pub(super) async fn lock(&mut self, lock: Lock) -> Result<()> {
        let (class, key) = lock.numbers();
        sqlx::query("SELECT pg_advisory_xact_lock($1, $2)").bind(class).bind(key).execute(&mut *self.inner).await?;
        Ok(())
    }
}

impl Deref for Tx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

/// A lock on what may have no row yet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lock {
    /// The queue of jobs: of two who look at once, the second counts what the first has taken.
    Queue,
    /// Who has which namespace: changed rarely, and a name that nobody has yet has no row to lock.
    Namespaces,
    /// How many webhooks a team has.
    Webhooks,
    /// Which keys secrets are sealed under.
    SealingKeys,
}

impl Lock {
    /// PostgreSQL names such locks by two numbers, for the whole database.
    fn numbers(self) -> (i32, i32) {
        const MACADAM: i32 = 0x6d61_6300;
        match self {
            Self::Queue => (MACADAM + 1, 0),
            Self::Namespaces => (MACADAM + 2, 0),
            Self::Webhooks => (MACADAM + 14, 0),
            Self::SealingKeys => (MACADAM + 12, 0),
        }
    }
}

/// How often a transaction is tried that lost a race.
const ATTEMPTS: u32 = 5;

/// What PostgreSQL says to one of two that got into each other's way: `serialization_failure`, `deadlock_detected`, and
/// `unique_violation` when somebody wrote the same between the look and the write. Nothing was changed, and another look
/// sees what the other one did.
const LOST_RACE: [&str; 3] = ["40001", "40P01", "23505"];

/// Runs a transaction, and again if it lost a race.
pub(super) async fn retrying<T, E, F, Fut>(work: F) -> std::result::Result<T, E>
where
    E: Racing,
    F: Fn() -> Fut + Send,
    Fut: Future<Output = std::result::Result<T, E>> + Send,
{
    for attempt in 1..ATTEMPTS {
        match work().await {
            Err(error) if error.lost_race() => tracing::debug!(attempt, "a transaction lost a race; looking again"),
            ended => return ended,
        }
    }
    work().await
}

/// An error that may be a lost race.
pub(super) trait Racing {
    fn lost_race(&self) -> bool;
}

impl Racing for StoreError {
    fn lost_race(&self) -> bool {
        let Self::Database(source) = self else { return false };
        let said = source.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
        said.and_then(DatabaseError::code).is_some_and(|code| LOST_RACE.contains(&&*code))
    }
}

macro_rules! racing {
    ($($error:ident),*) => {$(
        impl Racing for $error {
            fn lost_race(&self) -> bool {
                matches!(self, Self::Store(error) if error.lost_race())
            }
        }
    )*};
}

racing!(
    AccessPolicyError,
    SubmitError,
    ReviewError,
    JobError,
    InterveneError,
    BindingError,
    NamespaceError,
    PackageIndexError,
    ServiceTokenError,
    WebhookError
);
