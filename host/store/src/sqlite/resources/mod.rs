//! Resources on SQLite: reading here, changing in [`change`], which only requests and jobs call.

pub(super) mod change;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::ResourceKey;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, micros};
use super::{Conn, Result, SqliteStore};
use crate::lists;
use crate::{
    PageRequest, ProviderPin, ResourceFilter, ResourceId, ResourceRecord, ResourceTransition, Resources, StoreError,
};

#[async_trait]
impl Resources for SqliteStore {
    async fn resource(&self, id: ResourceId) -> Result<Option<ResourceRecord>> {
        by_id(&mut *self.read().await?, id).await
    }

    async fn live_resource(&self, key: &ResourceKey) -> Result<Option<ResourceRecord>> {
        live(&mut *self.read().await?, key).await
    }

    async fn list_resources(
        &self,
        filter: &ResourceFilter,
        page: PageRequest<ResourceId>,
    ) -> Result<Vec<ResourceRecord>> {
        let Some(list) = lists::resources(filter, page) else { return Ok(Vec::new()) };
        let rows = super::lists::page(&mut *self.read().await?, &list, page.limit).await?;
        rows.iter().map(to_resource).collect()
    }

    async fn due_for_expiry(&self, now: Timestamp, limit: u32) -> Result<Vec<ResourceRecord>> {
        let query = sqlx::query(
            "SELECT * FROM resources
             WHERE state = 'ready' AND expires_at <= $1 AND open_request IS NULL
             ORDER BY expires_at, id LIMIT $2",
        );
        let rows = query.bind(micros(now)).bind(limit).fetch_all(&mut *self.read().await?).await?;
        rows.iter().map(to_resource).collect()
    }

    async fn transitions(&self, id: ResourceId) -> Result<Vec<ResourceTransition>> {
        let query = sqlx::query("SELECT * FROM resource_transitions WHERE resource_id = $1 ORDER BY seq");
        let rows = query.bind(id.to_string()).fetch_all(&mut *self.read().await?).await?;
        rows.iter().map(to_transition).collect()
    }

    async fn pinned_providers(&self) -> Result<Vec<ProviderPin>> {
        let query = sqlx::query(
            "SELECT json_extract(desired, '$.provider') AS pin FROM resources
             WHERE state NOT IN ('deleted', 'failed')
             UNION
             SELECT json_extract(desired, '$.provider') AS pin FROM requests
             WHERE desired IS NOT NULL AND state IN ('pending-approval', 'queued', 'running')
             ORDER BY pin",
        );
        query.fetch_all(&mut *self.read().await?).await?.iter().map(|row| row.json("pin")).collect()
    }
}

/// One resource, as the transaction sees it.
pub(super) async fn by_id(conn: &mut Conn, id: ResourceId) -> Result<Option<ResourceRecord>> {
    let query = sqlx::query("SELECT * FROM resources WHERE id = $1").bind(id.to_string());
    query.fetch_optional(conn).await?.as_ref().map(to_resource).transpose()
}

/// A resource that another record names, and that therefore is there.
pub(super) async fn named(conn: &mut Conn, id: ResourceId) -> Result<ResourceRecord> {
    by_id(conn, id).await?.ok_or_else(|| StoreError::corrupt("resource", format_args!("{id} is missing")))
}

/// The live resource of a name, as the transaction sees it.
pub(super) async fn live(conn: &mut Conn, key: &ResourceKey) -> Result<Option<ResourceRecord>> {
    let query = sqlx::query(
        "SELECT * FROM resources
         WHERE namespace = $1 AND environment = $2 AND type = $3 AND name = $4
           AND state NOT IN ('deleted', 'failed')",
    )
    .bind(key.namespace.as_str())
    .bind(key.environment.as_str())
    .bind(key.resource_type.as_str())
    .bind(key.name.as_str());
    query.fetch_optional(conn).await?.as_ref().map(to_resource).transpose()
}

pub(super) fn to_resource(row: &SqliteRow) -> Result<ResourceRecord> {
    Ok(ResourceRecord {
        id: row.parsed("id")?,
        key: ResourceKey {
            namespace: row.parsed("namespace")?,
            environment: row.parsed("environment")?,
            resource_type: row.parsed("type")?,
            name: row.parsed("name")?,
        },
        team: row.parsed("team")?,
        state: row.word("state")?,
        desired: row.json("desired")?,
        monthly: row.json("monthly")?,
        pending_monthly: row.json_opt("pending_monthly")?,
        outputs: row.json("outputs")?,
        revision: row.count("revision")?,
        open_request: row.parsed_opt("open_request")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        ready_at: row.time_opt("ready_at")?,
        expires_at: row.time_opt("expires_at")?,
    })
}

fn to_transition(row: &SqliteRow) -> Result<ResourceTransition> {
    Ok(ResourceTransition {
        resource: row.parsed("resource_id")?,
        at: row.time("at")?,
        from: row.word_opt("from_state")?,
        to: row.word("to_state")?,
        request: row.parsed("request_id")?,
    })
}
