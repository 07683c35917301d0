//! The decision log on PostgreSQL: writing, reading and pruning, each in a file of its own.
//!
//! Who writes or prunes holds the one row of `decision_log` from beginning to end. Numbers and times are given there, so
//! they become visible in their order; and no text goes while a batch that found it is about to name it. Writers are in
//! the background and bring up to a thousand at once, so that they can well take turns.

mod prune;
mod read;
mod texts;
mod write;

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::canonical::CanonicalJson;
use macadam_core::digest::Digest;
use macadam_core::names::BindingName;
use sqlx::postgres::PgRow;

use super::row::Columns;
use super::tx::retrying;
use super::{Conn, PostgresStore, Result};
use crate::{
    DecisionFilter, DecisionKind, DecisionLog, DecisionRecord, DecisionTotals, DifferenceRecord, NewDecision,
    PageRequest, Pruned, RecordedCall, Retention,
};

#[async_trait]
impl DecisionLog for PostgresStore {
    async fn record_decisions(&self, decisions: &[NewDecision], now: Timestamp) -> Result<Vec<u64>> {
        retrying(|| write::record(self, decisions, now)).await
    }

    async fn decisions(&self, filter: &DecisionFilter, page: PageRequest<u64>) -> Result<Vec<DecisionRecord>> {
        read::decisions(&mut *self.read().await?, filter, page).await
    }

    async fn recorded_calls(&self, filter: &DecisionFilter, page: PageRequest<u64>) -> Result<Vec<RecordedCall>> {
        read::calls(&mut *self.read().await?, filter, page).await
    }

    async fn decision(&self, seq: u64) -> Result<Option<DecisionRecord>> {
        read::decision(&mut *self.read().await?, seq).await
    }

    async fn decision_text(&self, digest: &Digest) -> Result<Option<CanonicalJson>> {
        texts::text(&mut *self.read().await?, digest).await
    }

    async fn differences(&self, binding: &BindingName, page: PageRequest<u64>) -> Result<Vec<DifferenceRecord>> {
        read::differences(&mut *self.read().await?, binding, page).await
    }

    async fn prune_decisions(&self, kind: DecisionKind, keep: &Retention) -> Result<Pruned> {
        retrying(|| prune::prune(self, kind, keep)).await
    }

    async fn decision_totals(&self) -> Result<Vec<DecisionTotals>> {
        let query = sqlx::query("SELECT * FROM decision_totals ORDER BY kind");
        query.fetch_all(&mut *self.read().await?).await?.iter().map(to_totals).collect()
    }
}

fn to_totals(row: &PgRow) -> Result<DecisionTotals> {
    Ok(DecisionTotals { kind: row.word("kind")?, records: row.count("records")?, bytes: row.count("bytes")? })
}

/// By how much a transaction changes the total of each kind.
#[derive(Debug, Default)]
struct Tally(BTreeMap<DecisionKind, (i64, i64)>);

impl Tally {
    fn add(&mut self, kind: DecisionKind, records: i64, bytes: i64) {
        let entry = self.0.entry(kind).or_default();
        *entry = (entry.0 + records, entry.1 + bytes);
    }

    async fn keep(&self, conn: &mut Conn) -> Result<()> {
        for (kind, (records, bytes)) in &self.0 {
            sqlx::query(
                "INSERT INTO decision_totals (kind, records, bytes) VALUES ($1, 0, 0) ON CONFLICT (kind) DO NOTHING",
            )
            .bind(kind.as_str())
            .execute(&mut *conn)
            .await?;
            sqlx::query("UPDATE decision_totals SET records = records + $2, bytes = bytes + $3 WHERE kind = $1")
                .bind(kind.as_str())
                .bind(records)
                .bind(bytes)
                .execute(&mut *conn)
                .await?;
        }
        Ok(())
    }
}
