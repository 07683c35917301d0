//! What providers last saw of resources: kept when they look, told when it changes.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::row::Columns;
use crate::{ResourceId, ResourceRecord, StoreError};

/// What a provider saw.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum HealthState {
    /// It works.
    Healthy,
    /// It works, but not as it should.
    Degraded,
    /// It does not work or is not there.
    Unhealthy,
    /// The provider could not look.
    Unknown,
}

impl HealthState {
    /// The state's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        }
    }
}

/// How a resource was when its provider last looked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct HealthRecord {
    /// What was seen.
    pub state: HealthState,
    /// What there is to say about it.
    pub message: Option<String>,
    /// Since when it is so.
    pub since: Timestamp,
    /// When the provider last looked.
    pub checked_at: Timestamp,
}

/// The health of resources.
#[async_trait]
pub trait ResourceHealth: Send + Sync {
    /// Ready resources on which nothing is under way and that nobody has looked at since a moment, the longest ago first;
    /// no more than so many of each provider.
    async fn due_for_check(
        &self,
        since: Timestamp,
        per_provider: u32,
        limit: u32,
    ) -> Result<Vec<ResourceRecord>, StoreError>;

    /// Keeps what a provider saw, unless the resource is not ready any more; told when it is something else than before.
    /// Says whether it is.
    async fn record_health(
        &self,
        resource: ResourceId,
        state: HealthState,
        message: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// How resources are, as far as anybody has looked.
    async fn health_of(&self, resources: &[ResourceId]) -> Result<BTreeMap<ResourceId, HealthRecord>, StoreError>;
}

pub(crate) fn to_health(row: &impl Columns) -> Result<(ResourceId, HealthRecord), StoreError> {
    let record = HealthRecord {
        state: row.word("state")?,
        message: row.text_opt("message")?,
        since: row.time("since")?,
        checked_at: row.time("checked_at")?,
    };
    Ok((row.parsed("resource_id")?, record))
}

/// What an event says of a change.
pub(crate) fn changed(
    resource: &ResourceRecord,
    before: Option<HealthState>,
    state: HealthState,
    message: Option<&str>,
) -> serde_json::Value {
    serde_json::json!({
        "resource": resource.key.to_string(), "resource_id": resource.id, "team": resource.team,
        "from": before, "to": state, "message": message,
    })
}
