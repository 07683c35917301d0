//! Persistence: what the platform keeps, as one trait for each aggregate, and behind them SQLite or
//! PostgreSQL.
//!
//! | trait | what it keeps |
//! |---|---|
//! | [`Teams`], [`Environments`] | who and where; what a team has of what it may have |
//! | [`Requests`] | what was asked for, decided and approved |
//! | [`Resources`] | what exists, is being made, or was |
//! | [`Jobs`] | the work, leased to workers |
//! | [`Scaffolds`] | generated projects |
//! | [`Namespaces`] | who publishes plugins under which name, and with which keys |
//! | [`Bindings`] | which plugins are to be active, and every state that this ever had |
//! | [`PackageIndex`] | which versions of which plugin can be had, and who has signed them |
//! | [`DecisionLog`] | what plugins were asked and said, to be explained and replayed |
//! | [`Secrets`], [`SealingKeys`] | sealed bytes behind handles, and under which key |
//! | [`Changes`] | hearing of what other hosts have changed |
//! | [`AuditLog`], [`Outbox`] | what happened, kept for good and told to others |
//!
//! Three rules hold everywhere. What belongs together is one transaction: no request without its audit entry, no event
//! of something that was rolled back. A change is conditional on the state it leaves, so the second of two gets a typed
//! refusal instead of overwriting the first. Time, ids and randomness are arguments, so everything can be replayed.
//!
//! [`Store`] is all the traits together, as an object. [`SqliteStore`] is the embedded one, for one process;
//! [`PostgresStore`] is for several on one database.

mod audit;
mod bindings;
mod decisions;
mod error;
mod generations;
mod ids;
mod jobs;
mod namespaces;
mod outbox;
mod packages;
mod postgres;
mod requests;
mod resources;
mod row;
mod scaffolds;
mod sealing;
mod secrets;
mod sqlite;
mod teams;

pub use audit::{AuditEntry, AuditError, AuditHead, AuditLog, NewAuditEntry};
pub use bindings::{
    Applied, Attribution, BindingChange, BindingError, BindingRecord, BindingRevision, BindingSet, Bindings, Expected,
};
pub use decisions::{
    DecisionFilter, DecisionKind, DecisionLog, DecisionOutcome, DecisionRecord, DecisionRole, DecisionTotals,
    Difference, DifferenceRecord, NewDecision, Pruned, RecordedCall, Retention,
};
pub use error::StoreError;
pub use generations::{Changes, Generations, Listener};
pub use ids::{IdError, JobId, PairId, RequestId, ResourceId, ScaffoldId};
pub use jobs::{ClaimedJob, Finished, JobEnd, JobError, JobPhase, JobRecord, Jobs, Lease, Redecided};
pub use namespaces::{
    NamespaceError, NamespaceKey, NamespaceRecord, Namespaces, NewNamespace, NewNamespaceKey, Revocation,
    SignaturePolicy,
};
pub use outbox::{EVENT_TYPE_PREFIX, NewEvent, Outbox, OutboxEvent};
pub use packages::{PackageIndex, PackageIndexChange, PackageIndexError, PackageIndexRecord};
pub use postgres::{PostgresSettings, PostgresStore};
pub use requests::{
    Approval, ApprovalRecord, ApproveOutcome, Change, Decision, NewRequest, PendingApproval, RequestFilter,
    RequestRecord, Requests, ReviewError, Subject, SubmitError, Submitted,
};
pub use resources::{Desired, PageRequest, ProviderPin, ResourceFilter, ResourceRecord, ResourceTransition, Resources};
pub use scaffolds::{Scaffold, ScaffoldFile, ScaffoldRecord, Scaffolds};
pub use sealing::SealingKeys;
pub use secrets::{Sealed, SecretRecord, Secrets};
pub use sqlite::SqliteStore;
pub use teams::{Environments, Teams};

/// Everything the platform keeps.
pub trait Store:
    Teams
    + Environments
    + Requests
    + Resources
    + Jobs
    + Scaffolds
    + Namespaces
    + Bindings
    + PackageIndex
    + DecisionLog
    + Secrets
    + SealingKeys
    + Changes
    + AuditLog
    + Outbox
    + Send
    + Sync
{
}

impl<T> Store for T where
    T: Teams
        + Environments
        + Requests
        + Resources
        + Jobs
        + Scaffolds
        + Namespaces
        + Bindings
        + PackageIndex
        + DecisionLog
        + Secrets
        + SealingKeys
        + Changes
        + AuditLog
        + Outbox
        + Send
        + Sync
{
}
