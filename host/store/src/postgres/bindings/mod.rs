//! Bindings on PostgreSQL: reading here, changing in [`change`].

mod change;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::canonical::CanonicalJson;
use macadam_core::names::BindingName;
use sqlx::postgres::PgRow;

use super::row::{Columns, int};
use super::tx::retrying;
use super::{Conn, PostgresStore, Result};
use crate::{
    Applied, Attribution, BindingChange, BindingError, BindingRecord, BindingRevision, BindingSet, Bindings, Expected,
    StoreError,
};

#[async_trait]
impl Bindings for PostgresStore {
    async fn bindings(&self) -> Result<BindingSet> {
        let mut tx = self.snapshot().await?;
        let generation = generation(&mut tx).await?;
        let rows = sqlx::query(
            "SELECT r.* FROM bindings b JOIN binding_revisions r ON r.name = b.name AND r.revision = b.revision
             ORDER BY b.name",
        )
        .fetch_all(&mut *tx)
        .await?;
        Ok(BindingSet { generation, bindings: rows.iter().map(to_binding).collect::<Result<_>>()? })
    }

    async fn bindings_generation(&self) -> Result<u64> {
        generation(&mut *self.read().await?).await
    }

    async fn binding(&self, name: &BindingName) -> Result<Option<BindingRecord>> {
        by_name(&mut *self.read().await?, name).await
    }

    async fn put_binding(
        &self,
        name: &BindingName,
        expected: Expected,
        spec: &CanonicalJson,
        why: &Attribution,
        now: Timestamp,
    ) -> Result<BindingRecord, BindingError> {
        let put = BindingChange::put(name.clone(), expected, spec.clone());
        let kept = retrying(|| async {
            let mut tx = self.begin().await?;
            change::apply(&mut tx, std::slice::from_ref(&put), None, why, now).await?;
            let kept = by_name(&mut tx, name).await?;
            tx.commit(now).await?;
            Ok::<_, BindingError>(kept)
        });
        Ok(kept.await?.ok_or_else(|| StoreError::corrupt("binding", format_args!("{name} is missing")))?)
    }

    async fn remove_binding(
        &self,
        name: &BindingName,
        expected: Expected,
        why: &Attribution,
        now: Timestamp,
    ) -> Result<(), BindingError> {
        self.apply_bindings(&[BindingChange::remove(name.clone(), expected)], None, why, now).await.map(drop)
    }

    async fn apply_bindings(
        &self,
        changes: &[BindingChange],
        expected_generation: Option<u64>,
        why: &Attribution,
        now: Timestamp,
    ) -> Result<Applied, BindingError> {
        retrying(|| async {
            let mut tx = self.begin().await?;
            let applied = change::apply(&mut tx, changes, expected_generation, why, now).await?;
            tx.commit(now).await?;
            Ok(applied)
        })
        .await
    }

    async fn binding_history(&self, name: &BindingName, limit: u32) -> Result<Vec<BindingRevision>> {
        let query = sqlx::query("SELECT * FROM binding_revisions WHERE name = $1 ORDER BY revision DESC LIMIT $2");
        let rows = query.bind(name.as_str()).bind(i64::from(limit)).fetch_all(&mut *self.read().await?).await?;
        rows.iter().map(to_revision).collect()
    }

    async fn binding_revision(&self, name: &BindingName, revision: u64) -> Result<Option<BindingRevision>> {
        let query = sqlx::query("SELECT * FROM binding_revisions WHERE name = $1 AND revision = $2");
        let row = query.bind(name.as_str()).bind(int(revision)).fetch_optional(&mut *self.read().await?).await?;
        row.as_ref().map(to_revision).transpose()
    }
}

async fn generation(conn: &mut Conn) -> Result<u64> {
    sqlx::query("SELECT generation FROM bindings_generation").fetch_one(conn).await?.count("generation")
}

async fn by_name(conn: &mut Conn, name: &BindingName) -> Result<Option<BindingRecord>> {
    let query = sqlx::query(
        "SELECT r.* FROM bindings b JOIN binding_revisions r ON r.name = b.name AND r.revision = b.revision
         WHERE b.name = $1",
    );
    query.bind(name.as_str()).fetch_optional(conn).await?.as_ref().map(to_binding).transpose()
}

fn to_binding(row: &PgRow) -> Result<BindingRecord> {
    Ok(BindingRecord {
        name: row.parsed("name")?,
        revision: row.count("revision")?,
        generation: row.count("generation")?,
        spec: CanonicalJson::from_canonical(row.text("spec")?),
        actor: row.parsed_opt("actor")?,
        reason: row.text("reason")?,
        changed_at: row.time("at")?,
    })
}

fn to_revision(row: &PgRow) -> Result<BindingRevision> {
    Ok(BindingRevision {
        revision: row.count("revision")?,
        generation: row.count("generation")?,
        spec: row.text_opt("spec")?.map(CanonicalJson::from_canonical),
        actor: row.parsed_opt("actor")?,
        reason: row.text("reason")?,
        at: row.time("at")?,
    })
}
