//! Webhooks as they are kept and as workers are given them, and what is kept of attempts.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use macadam_core::names::{PersonId, TeamId};

use super::{WebhookFilter, WebhookLease, WebhookState};
use crate::row::Columns;
use crate::{Audience, DeliveryId, OutboxEvent, Sealed, StoreError, WebhookId};

/// The secret before a rotation, while receivers may still have that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    /// What is signed with as well.
    pub secret: Sealed,
    /// Until when.
    pub until: Timestamp,
}

/// Whom a webhook calls, as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum WebhookUrl {
    /// Sealed.
    Sealed(Sealed),
    /// As it was kept before such were sealed, until the next [round](crate::SealingKeys::reseal).
    Plain(String),
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed(sealed) => f.debug_tuple("Sealed").field(sealed).finish(),
            // What follows its host is often a secret of the receiver's.
            Self::Plain(_) => f.debug_tuple("Plain").finish_non_exhaustive(),
        }
    }
}

impl WebhookUrl {
    pub(crate) fn of(row: &impl Columns) -> Result<Self, StoreError> {
        Ok(match row.bytes_opt("sealed_url")? {
            Some(sealed) => Self::Sealed(Sealed::new(sealed)),
            None => Self::Plain(row.text("url")?),
        })
    }
}

/// A webhook as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Its id.
    pub id: WebhookId,
    /// Whose events it is told of.
    pub team: TeamId,
    /// What it is for.
    pub description: String,
    /// Whom to call.
    pub url: WebhookUrl,
    /// Which events.
    pub filter: WebhookFilter,
    /// Whether it is told of events.
    pub state: WebhookState,
    /// Why it is not.
    pub reason: Option<String>,
    /// What is signed with.
    pub secret: Sealed,
    /// The secret before that one.
    pub previous: Option<PreviousSecret>,
    /// The last event that needs no attempt any more.
    pub cursor: u64,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<Timestamp>,
    /// Not before this moment.
    pub next_attempt: Timestamp,
    /// When an event last arrived.
    pub last_success_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When.
    pub last_error_at: Option<Timestamp>,
    /// Who made it.
    pub created_by: PersonId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody last changed it.
    pub updated_at: Timestamp,
}

impl WebhookRecord {
    /// Whether an event is for it.
    #[must_use]
    pub fn takes(&self, event: &OutboxEvent) -> bool {
        let may_hear = match &event.audience {
            Audience::Team(team) => *team == self.team,
            Audience::Everybody => true,
            Audience::Admins => false,
        };
        may_hear && self.filter.takes(event)
    }
}

/// A webhook that a worker has just been given.
#[derive(Debug, Clone)]
pub struct ClaimedWebhook {
    /// The hold on it.
    pub lease: WebhookLease,
    /// The webhook.
    pub webhook: WebhookRecord,
}

/// An attempt to tell a webhook of something.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = WebhookDelivery)]
pub struct DeliveryRecord {
    /// Its id.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The event's place in the outbox; `None` for a test.
    pub event: Option<u64>,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Which attempt at this event, counted from one.
    pub attempt: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds as the API shows it.
    #[serde(rename = "took_ms", serialize_with = "millis")]
    #[schema(value_type = u64)]
    pub took: Duration,
    /// What the receiver answered.
    pub status: Option<u16>,
    /// Why the event has not arrived; `None` when it has.
    pub error: Option<String>,
}

fn millis<S: serde::Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}
