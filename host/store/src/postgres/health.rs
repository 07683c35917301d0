//! The health of resources on PostgreSQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::lifecycle::ResourceState;

use super::resources::{hold, to_resource};
use super::row::{At, Columns, plain};
use super::{PostgresStore, Result, journal};
use crate::health::{changed, to_health};
use crate::{HealthRecord, HealthState, ResourceHealth, ResourceId, ResourceRecord};

#[async_trait]
impl ResourceHealth for PostgresStore {
    async fn due_for_check(&self, since: Timestamp, per_provider: u32, limit: u32) -> Result<Vec<ResourceRecord>> {
        let query = sqlx::query(
            "WITH due AS (
                 SELECT resources.*, resource_health.checked_at, row_number() OVER (
                     PARTITION BY resources.provider::json -> 'plugin' ->> 'name'
                     ORDER BY resource_health.checked_at NULLS FIRST, resources.id) AS place
                 FROM resources LEFT JOIN resource_health ON resource_health.resource_id = resources.id
                 WHERE resources.state = 'ready' AND resources.open_request IS NULL
                   AND (resource_health.checked_at IS NULL OR resource_health.checked_at < $1)
             )
             SELECT * FROM due WHERE place <= $2 ORDER BY checked_at NULLS FIRST, id LIMIT $3",
        );
        let query = query.bind(At(since)).bind(i64::from(per_provider)).bind(i64::from(limit));
        let rows = query.fetch_all(&mut *self.read().await?).await?;
        rows.iter().map(to_resource).collect()
    }

    async fn record_health(
        &self,
        id: ResourceId,
        state: HealthState,
        message: Option<&str>,
        now: Timestamp,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let resource = hold(&mut tx, id).await?.filter(|resource| resource.state == ResourceState::Ready);
        let Some(resource) = resource else { return Ok(false) };
        let before = sqlx::query("SELECT state FROM resource_health WHERE resource_id = $1");
        let before = before.bind(id.to_string()).fetch_optional(&mut *tx).await?;
        let before: Option<HealthState> = before.map(|row| row.word("state")).transpose()?;
        sqlx::query(
            "INSERT INTO resource_health (resource_id, state, message, since, checked_at) VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT (resource_id) DO UPDATE
             SET since = CASE WHEN resource_health.state = excluded.state THEN resource_health.since
                              ELSE excluded.since END,
                 state = excluded.state, message = excluded.message, checked_at = excluded.checked_at",
        )
        .bind(id.to_string())
        .bind(state.as_str())
        .bind(message.map(plain))
        .bind(At(now))
        .execute(&mut *tx)
        .await?;
        let is_other = before != Some(state);
        if is_other {
            let data = changed(&resource, before, state, message);
            journal::tell(&mut tx, "resource.health", format!("resources/{}", resource.key), data);
        }
        tx.commit(now).await?;
        Ok(is_other)
    }

    async fn health_of(&self, resources: &[ResourceId]) -> Result<BTreeMap<ResourceId, HealthRecord>> {
        let query = sqlx::query("SELECT * FROM resource_health WHERE resource_id = ANY ($1)");
        let rows = query
            .bind(resources.iter().map(ToString::to_string).collect::<Vec<_>>())
            .fetch_all(&mut *self.read().await?)
            .await?;
        rows.iter().map(to_health).collect()
    }
}
