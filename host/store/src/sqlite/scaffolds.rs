//! Generated projects on SQLite.

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use macadam_core::digest::Digest;

use super::row::{Columns, json, micros};
use super::writes::Writes;
use super::{Result, SqliteStore};
use crate::scaffolds::OfArchive;
use crate::{RequestId, Scaffold, ScaffoldId, ScaffoldRecord, Scaffolds};

#[async_trait]
impl Scaffolds for SqliteStore {
    async fn scaffold(&self, id: ScaffoldId) -> Result<Option<ScaffoldRecord>> {
        let query = sqlx::query("SELECT * FROM scaffolds WHERE id = $1").bind(id.to_string());
        let Some(row) = query.fetch_optional(&mut *self.read().await?).await? else { return Ok(None) };
        let (scaffold, request) = (row.json("document")?, row.parsed("request_id")?);
        Ok(Some(ScaffoldRecord { scaffold, request, created_at: row.time("created_at")? }))
    }

    async fn archives(&self, ended_since: Timestamp) -> Result<Vec<Digest>> {
        let mut conn = self.read().await?;
        let query = sqlx::query(
            "SELECT scaffolds.document AS document FROM scaffolds JOIN requests ON requests.id = scaffolds.request_id
             WHERE requests.state NOT IN ('denied', 'failed', 'rejected', 'expired', 'cancelled')
                OR requests.updated_at >= $1",
        )
        .bind(micros(ended_since));
        let (mut found, mut rows) = (BTreeSet::new(), query.fetch(&mut *conn));
        while let Some(row) = rows.try_next().await? {
            found.insert(row.json::<OfArchive>("document")?.archive);
        }
        Ok(found.into_iter().collect())
    }
}

/// Keeps a project with the request that asked for it, which is written before.
pub(super) fn insert(writes: &mut Writes, scaffold: &Scaffold, request: RequestId, now: Timestamp) -> Result<()> {
    let row = writes.row("scaffolds (id, request_id, template, document, created_at)");
    let row = row.set(scaffold.id.to_string()).set(request.to_string()).set(scaffold.template.as_str());
    row.set(json("scaffold", scaffold)?).set(micros(now)).end();
    Ok(())
}
