//! Persistence: what the platform keeps, as one trait for each aggregate, and behind them SQLite or
//! PostgreSQL.
//!
//! | trait | what it keeps |
//! |---|---|
//! | [`Teams`], [`Environments`] | who and where; what a team has of what it may have |
//! | [`Requests`] | what was asked for, decided and approved |
//! | [`Resources`] | what exists, is being made, or was |
//! | [`IdempotencyKeys`] | what was answered to requests that may come again |
//! | [`Jobs`] | the work, leased to workers |
//! | [`Schedules`] | work by the clock, done once whichever host does it |
//! | [`ResourceHealth`] | what providers last saw of resources |
//! | [`Scaffolds`] | generated projects |
//! | [`Namespaces`] | who publishes plugins under which name, and with which keys |
//! | [`Bindings`] | which plugins are to be active, and every state that this ever had |
//! | [`PackageIndex`] | which versions of which plugin can be had, and who has signed them |
//! | [`Changes`] | hearing of what other hosts have changed |
//! | [`AccessPolicies`] | what administrators add to the rules of who may do what |
//! | [`DecisionLog`] | what plugins were asked and said, to be explained and replayed |
//! | [`ServiceTokens`] | who may call without being a person |
//! | [`Secrets`], [`SealingKeys`] | sealed bytes behind handles; under which keys, and sealing them anew |
//! | [`AuditLog`], [`Outbox`] | what happened, kept for good and told to others |
//! | [`Webhooks`] | who is told by a call, how far they have been told, and what came of each attempt |
//!
//! Three rules hold everywhere. What belongs together is one transaction: no request without its audit entry, no event
//! of something that was rolled back. A change is conditional on the state it leaves, so the second of two gets a typed
//! refusal instead of overwriting the first. Time, ids and randomness are arguments, so everything can be replayed.
//!
//! [`Store`] is all the traits together, as an object. [`SqliteStore`] is the embedded one, for one process;
//! [`PostgresStore`] is for several on one database.

mod access;
mod audit;
mod bindings;
mod decisions;
mod error;
mod event_types;
mod generations;
mod health;
mod idempotency;
mod ids;
mod jobs;
mod lists;
mod namespaces;
mod outbox;
mod packages;
mod postgres;
mod requests;
mod resources;
mod row;
mod scaffolds;
mod schedules;
mod sealing;
mod secrets;
mod service_tokens;
mod sqlite;
mod teams;
mod webhooks;

pub use access::{AccessPolicies, AccessPolicyChange, AccessPolicyError, AccessPolicyRecord, AccessPolicySet};
pub use audit::{AuditEntry, AuditError, AuditFilter, AuditHead, AuditLog, By, ByPerson, NewAuditEntry, StreamEnd};
pub use bindings::{
    Applied, Attribution, BindingChange, BindingError, BindingRecord, BindingRevision, BindingSet, Bindings, Expected,
};
pub use decisions::{
    DecisionFilter, DecisionKind, DecisionLog, DecisionOutcome, DecisionRecord, DecisionRole, DecisionTotals,
    Difference, DifferenceRecord, NewDecision, Pruned, RecordedCall, Retention,
};
pub use error::{Obstacle, StoreError};
pub use event_types::{Addressee, EVENT_TYPES, EventType};
pub use generations::{Changes, Generations, Listener};
pub use health::{HealthRecord, HealthState, ResourceHealth};
pub use idempotency::{HeldKey, IdempotencyKeys, KeyState, KeyedRequest};
pub use ids::{DeliveryId, IdError, JobId, PairId, RequestId, ResourceId, ScaffoldId, ServiceTokenId, WebhookId};
pub use jobs::{
    AttemptOutcome, AttemptRecord, Cancellation, Cancelled, ClaimedJob, Finished, InterveneError, JobEnd, JobError,
    JobFilter, JobLimits, JobPhase, JobRecord, JobTotals, Jobs, Lease, Redecided, Setback,
};
pub use namespaces::{
    NamespaceError, NamespaceKey, NamespaceRecord, Namespaces, NewNamespace, NewNamespaceKey, Revocation,
    SignaturePolicy,
};
pub use outbox::{Audience, EVENT_TYPE_PREFIX, EventRange, NewEvent, Outbox, OutboxEvent};
pub use packages::{PackageIndex, PackageIndexChange, PackageIndexError, PackageIndexRecord};
pub use postgres::{PostgresSettings, PostgresStore};
pub use requests::{
    Approval, ApprovalRecord, ApproveOutcome, Change, Decision, NewRequest, PendingApproval, RequestFilter,
    RequestRecord, Requests, ReviewError, Subject, SubmitError, Submitted,
};
pub use resources::{Desired, PageRequest, ProviderPin, ResourceFilter, ResourceRecord, ResourceTransition, Resources};
pub use scaffolds::{Scaffold, ScaffoldFile, ScaffoldRecord, Scaffolds};
pub use schedules::{DueSchedule, RunEnd, RunOutcome, ScheduleError, ScheduleLease, ScheduleRecord, Schedules};
pub use sealing::{
    Resealed, SealedPlace, SealedValue, SealingKeyId, SealingKeyIdError, SealingKeyRecord, SealingKeySet, SealingKeys,
};
pub use secrets::{Sealed, SecretRecord, Secrets};
pub use service_tokens::{NewServiceToken, ServiceTokenError, ServiceTokenRecord, ServiceTokens, USE_NOTED_FOR};
pub use sqlite::{BackupError, CheckedBackup, SqliteStore};
pub use teams::{Environments, Teams};
pub use webhooks::{
    Attempted, ClaimedWebhook, DeliveryRecord, NewWebhook, NewWebhookUrl, PreviousSecret, WebhookChange, WebhookError,
    WebhookFilter, WebhookLease, WebhookRecord, WebhookState, WebhookUrl, Webhooks,
};

/// Everything the platform keeps.
pub trait Store:
    Teams
    + Environments
    + Requests
    + IdempotencyKeys
    + Resources
    + Jobs
    + Schedules
    + ResourceHealth
    + Scaffolds
    + Namespaces
    + Bindings
    + AccessPolicies
    + DecisionLog
    + Secrets
    + ServiceTokens
    + PackageIndex
    + SealingKeys
    + Changes
    + AuditLog
    + Outbox
    + Webhooks
    + Send
    + Sync
{
}

impl<T> Store for T where
    T: Teams
        + Environments
        + Requests
        + IdempotencyKeys
        + Resources
        + Jobs
        + Schedules
        + ResourceHealth
        + Scaffolds
        + Namespaces
        + Bindings
        + AccessPolicies
        + DecisionLog
        + Secrets
        + ServiceTokens
        + PackageIndex
        + SealingKeys
        + Changes
        + AuditLog
        + Outbox
        + Webhooks
        + Send
        + Sync
{
}
