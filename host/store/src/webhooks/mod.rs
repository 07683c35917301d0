//! Webhooks: who is told of events by a call, how far they have been told, and what came of each attempt.
//!
//! A webhook has a cursor in the outbox. Whoever [claims](Webhooks::claim_webhook) it holds it alone until a moment, as a
//! worker holds a job, tells it one event after the other, and stores what came of each attempt. A
//! [`WebhookLease`] has a fence that every claim and every change of the webhook raises: a worker that was thought dead,
//! or that still has the address from before, is told [`WebhookError::LeaseLost`]. The lease's time is left to run out
//! when a webhook is changed, so that no two tell the same webhook at once.
//!
//! What is signed with, and the address, are sealed before they come here. Events and audit entries name a webhook by its
//! id and its receiver's scheme and host: the rest of an address is often a secret of its receiver's.

mod error;
mod record;
mod step;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::TeamId;

pub use error::WebhookError;
pub use record::{ClaimedWebhook, DeliveryRecord, PreviousSecret, WebhookRecord, WebhookUrl};
pub(crate) use step::{WebhookStep, recorded};

use crate::{ByPerson, DeliveryId, OutboxEvent, PageRequest, Sealed, StoreError, WebhookId};

/// Which events a webhook is told of, among those of its team and those for everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct WebhookFilter {
    /// Those whose type starts with one of these; all when there is none.
    pub types: Vec<String>,
    /// Those whose subject starts with this.
    pub subject: Option<String>,
}

impl WebhookFilter {
    /// Whether an event is one of them.
    #[must_use]
    pub fn takes(&self, event: &OutboxEvent) -> bool {
        let of_type = self.types.is_empty() || self.types.iter().any(|prefix| event.event_type.starts_with(prefix));
        of_type && self.subject.as_ref().is_none_or(|prefix| event.subject.starts_with(prefix))
    }
}

/// Whether a webhook is told of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookState {
    /// It is.
    Active,
    /// It is not, until somebody enables it.
    Disabled,
}

impl WebhookState {
    /// The state's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// Whom a webhook is to call.
#[derive(Debug, Clone)]
pub struct NewWebhookUrl {
    /// The address.
    pub url: Sealed,
    /// Scheme and host of that: what others may read.
    pub receiver: String,
}

/// A webhook to be made.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose events it is told of.
    pub team: TeamId,
    /// What it is for, in its owner's words.
    pub description: String,
    /// Whom to call.
    pub url: NewWebhookUrl,
    /// Which events.
    pub filter: WebhookFilter,
    /// What is signed with.
    pub secret: Sealed,
    /// How many webhooks a team may have.
    pub most: u32,
}

/// What of a webhook is to be another. `None` leaves it as it is when the change is made, whatever it was when somebody
/// looked: of two changes of different things, each stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// What it is for.
    pub description: Option<String>,
    /// Whom to call from now on.
    pub url: Option<NewWebhookUrl>,
    /// Those events whose type starts with one of these; all when there is none.
    pub types: Option<Vec<String>>,
    /// Those events whose subject starts with this; all when it is empty.
    pub subject: Option<String>,
}

impl WebhookChange {
    /// What a webhook is for, and which events it is told of, once this is done to it.
    pub(crate) fn done_to(&self, there: &WebhookRecord) -> (String, WebhookFilter) {
        let description = self.description.as_ref().unwrap_or(&there.description);
        let types = self.types.as_ref().unwrap_or(&there.filter.types);
        let subject = self.subject.as_ref().or(there.filter.subject.as_ref()).filter(|prefix| !prefix.is_empty());
        (description.clone(), WebhookFilter { types: types.clone(), subject: subject.cloned() })
    }
}

/// A worker's hold on a webhook. Only a claim makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookLease {
    pub(crate) webhook: WebhookId,
    pub(crate) fence: u64,
}

impl WebhookLease {
    /// The webhook.
    #[must_use]
    pub const fn webhook(&self) -> WebhookId {
        self.webhook
    }
}

/// What an attempt means for its webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempted {
    /// The event has arrived: the cursor is on it, and the worker goes on until this moment.
    Arrived {
        /// The end of the lease.
        lease_until: Timestamp,
    },
    /// It has not. The webhook is free again, and not before this moment.
    Failed {
        /// When to try again.
        next_attempt: Timestamp,
    },
}

/// The webhooks. What people change is audited and told.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Makes a webhook. It is told of what happens from now on.
    ///
    /// # Errors
    /// [`WebhookError::UnknownTeam`], [`WebhookError::TooMany`].
    async fn create_webhook(
        &self,
        new: &NewWebhook,
        by: ByPerson<'_>,
        now: Timestamp,
    ) -> Result<WebhookRecord, WebhookError>;

    /// One webhook.
    async fn webhook(&self, id: WebhookId) -> Result<Option<WebhookRecord>, StoreError>;

    /// The webhooks of any of some teams, or all, the oldest first.
    async fn webhooks(
        &self,
        teams: Option<&[TeamId]>,
        page: PageRequest<WebhookId>,
    ) -> Result<Vec<WebhookRecord>, StoreError>;

    /// Changes a webhook, which is tried again at once. What it is already is not told.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`].
    async fn change_webhook(
        &self,
        id: WebhookId,
        change: &WebhookChange,
        by: ByPerson<'_>,
        now: Timestamp,
    ) -> Result<WebhookRecord, WebhookError>;

    /// Gives a webhook a new secret; the one it had counts as well until a moment.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`].
    async fn rotate_webhook(
        &self,
        id: WebhookId,
        secret: &Sealed,
        previous_until: Timestamp,
        by: ByPerson<'_>,
        now: Timestamp,
    ) -> Result<WebhookRecord, WebhookError>;

    /// Lets a webhook be told of events again, from where it stopped. One that is active stays as it is.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`].
    async fn enable_webhook(
        &self,
        id: WebhookId,
        by: ByPerson<'_>,
        now: Timestamp,
    ) -> Result<WebhookRecord, WebhookError>;

    /// Removes a webhook and what came of its attempts.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`].
    async fn delete_webhook(&self, id: WebhookId, by: ByPerson<'_>, now: Timestamp) -> Result<(), WebhookError>;

    /// Gives a worker the next webhook that may have something to be told, the one that waits longest, leased until a
    /// moment. Those of a team of which the worker holds `per_team` already are left alone: a worker is known by its name,
    /// and asks for one after the other.
    async fn claim_webhook(
        &self,
        worker: &str,
        per_team: u32,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<ClaimedWebhook>, StoreError>;

    /// Keeps what came of an attempt at an event, and what it means for the webhook.
    ///
    /// # Errors
    /// [`WebhookError::LeaseLost`].
    async fn keep_attempt(
        &self,
        lease: &WebhookLease,
        attempt: &DeliveryRecord,
        means: Attempted,
    ) -> Result<(), WebhookError>;

    /// Frees a webhook that has been told of everything that it takes up to a place.
    ///
    /// # Errors
    /// [`WebhookError::LeaseLost`].
    async fn release_webhook(&self, lease: &WebhookLease, cursor: u64, now: Timestamp) -> Result<(), WebhookError>;

    /// Disables a webhook after its last attempt; that is audited and told, under nobody's name.
    ///
    /// # Errors
    /// [`WebhookError::LeaseLost`].
    async fn disable_webhook(
        &self,
        lease: &WebhookLease,
        attempt: &DeliveryRecord,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), WebhookError>;

    /// Keeps what came of a test, which means nothing for the webhook.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`].
    async fn keep_test(&self, attempt: &DeliveryRecord) -> Result<(), WebhookError>;

    /// What came of a webhook's attempts, the latest first.
    async fn deliveries(
        &self,
        webhook: WebhookId,
        page: PageRequest<DeliveryId>,
    ) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// Removes what is kept of attempts before a moment, and says how many that were.
    async fn prune_deliveries(&self, before: Timestamp) -> Result<u64, StoreError>;
}
