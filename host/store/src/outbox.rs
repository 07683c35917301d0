//! The outbox: events that leave only if what they tell of was committed, because both are one transaction.
//!
//! A row holds what a CloudEvent 1.0 needs (its `id` is the sequence number as text, unique for this source). Delivery
//! is at least once: who crashes between sending and [`mark_delivered`](Outbox::mark_delivered) sends again.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::StoreError;

/// What every event's type starts with.
pub const EVENT_TYPE_PREFIX: &str = "macadam.";

/// Something to be told.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// What happened, such as `macadam.request.queued`.
    pub event_type: String,
    /// To what, such as `requests/…`.
    pub subject: String,
    /// What of it; never a secret.
    pub data: Value,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct OutboxEvent {
    /// Its place in the order of commits; a client that saw it asks for what follows.
    pub seq: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// To what.
    pub subject: String,
    /// When.
    pub time: Timestamp,
    /// What of it.
    pub data: Value,
}

/// The outbox.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Adds an event that belongs to no use case of the store; those add their own.
    async fn append_event(&self, event: &NewEvent, now: Timestamp) -> Result<u64, StoreError>;

    /// What is still to be delivered, in order.
    async fn pending_events(&self, limit: u32) -> Result<Vec<OutboxEvent>, StoreError>;

    /// Says that events were delivered. Again is no error.
    async fn mark_delivered(&self, seqs: &[u64], now: Timestamp) -> Result<(), StoreError>;

    /// Removes events that were delivered before a moment: a client can resume for a while, not for ever.
    async fn forget_delivered(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Events after a place, delivered or not, for a client that resumes.
    async fn events_since(&self, seq: u64, limit: u32) -> Result<Vec<OutboxEvent>, StoreError>;
}
