//! Webhooks in the words of their owners: what they ask for, and what they see.

use jiff::Timestamp;
use macadam_core::names::TeamId;
use macadam_store::{WebhookFilter, WebhookId, WebhookRecord, WebhookState};
use serde::{Deserialize, Serialize};

/// A wish for a webhook.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// Whose events; the caller's team if nothing is said.
    #[serde(default)]
    pub team: Option<TeamId>,
    /// What it is to be.
    pub url: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Only events whose type starts with one of these.
    #[serde(default)]
    pub types: Vec<String>,
    /// Only events whose subject starts with this.
    #[serde(default)]
    pub subject: Option<String>,
}

/// What a webhook is to become. What is left out stays as it is.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeWebhook {
    /// Whom to call.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Only events whose type starts with one of these; all when there is none.
    pub types: Option<Vec<String>>,
    /// Only events whose subject starts with this; all when it is empty.
    pub subject: Option<String>,
}

/// A webhook as its owners see it. Its secret is not in it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookView {
    /// Its id.
    pub id: WebhookId,
    /// Whose events it is told of.
    pub team: TeamId,
    /// What it is for.
    pub description: String,
    /// Whom to call; nothing when that does not open any more, and another one is to be given.
    pub url: Option<String>,
    /// Which events.
    #[serde(flatten)]
    pub filter: WebhookFilter,
    /// Whether it is told of events.
    pub state: WebhookState,
    /// Why it is not.
    pub reason: Option<String>,
    /// The last event that it was told of or does not take.
    pub cursor: u64,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<Timestamp>,
    /// When it is tried again, while it fails.
    pub next_attempt: Option<Timestamp>,
    /// When an event last arrived.
    pub last_success_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When.
    pub last_error_at: Option<Timestamp>,
    /// Until when the secret before the last rotation counts as well.
    pub previous_secret_until: Option<Timestamp>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When somebody last changed it.
    pub updated_at: Timestamp,
}

/// A webhook with its secret, which is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = WebhookWithSecret)]
pub struct WithSecret {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookView,
    /// What its messages are signed with.
    pub secret: String,
}

impl WebhookView {
    /// A webhook with its address, if that opens.
    pub(super) fn of(webhook: WebhookRecord, url: Option<String>) -> Self {
        Self {
            id: webhook.id,
            team: webhook.team,
            description: webhook.description,
            url,
            filter: webhook.filter,
            state: webhook.state,
            reason: webhook.reason,
            cursor: webhook.cursor,
            failures: webhook.failures,
            failing_since: webhook.failing_since,
            next_attempt: Some(webhook.next_attempt).filter(|_| webhook.failures > 0),
            last_success_at: webhook.last_success_at,
            last_error: webhook.last_error,
            last_error_at: webhook.last_error_at,
            previous_secret_until: webhook.previous.map(|previous| previous.until),
            created_by: webhook.created_by.to_string(),
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}
