//! The outbox on SQLite. One writer means that sequence numbers are committed in their order, so a reader that has seen
//! one has missed none before it.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, int, json, micros};
use super::{Conn, Result, SqliteStore, commit};
use crate::{NewEvent, Outbox, OutboxEvent};

#[async_trait]
impl Outbox for SqliteStore {
    async fn append_event(&self, event: &NewEvent, now: Timestamp) -> Result<u64> {
        let mut tx = self.begin().await?;
        let seq = append(&mut tx, event, now).await?;
        commit(tx).await?;
        Ok(seq)
    }

    async fn pending_events(&self, limit: u32) -> Result<Vec<OutboxEvent>> {
        let query = sqlx::query("SELECT * FROM outbox WHERE delivered_at IS NULL ORDER BY seq LIMIT $1").bind(limit);
        query.fetch_all(&mut *self.read().await?).await?.iter().map(to_event).collect()
    }

    async fn mark_delivered(&self, seqs: &[u64], now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        for seq in seqs {
            sqlx::query("UPDATE outbox SET delivered_at = $2 WHERE seq = $1 AND delivered_at IS NULL")
                .bind(int(*seq))
                .bind(micros(now))
                .execute(&mut *tx)
                .await?;
        }
        commit(tx).await
    }

    async fn forget_delivered(&self, before: Timestamp) -> Result<u64> {
        let mut tx = self.begin().await?;
        let query = sqlx::query("DELETE FROM outbox WHERE delivered_at < $1").bind(micros(before));
        let forgotten = query.execute(&mut *tx).await?.rows_affected();
        commit(tx).await?;
        Ok(forgotten)
    }

    async fn events_since(&self, seq: u64, limit: u32) -> Result<Vec<OutboxEvent>> {
        let query = sqlx::query("SELECT * FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2").bind(int(seq)).bind(limit);
        query.fetch_all(&mut *self.read().await?).await?.iter().map(to_event).collect()
    }
}

/// Adds an event to the transaction that it tells of.
pub(super) async fn append(conn: &mut Conn, event: &NewEvent, now: Timestamp) -> Result<u64> {
    let query = sqlx::query("INSERT INTO outbox (type, subject, at, data) VALUES ($1, $2, $3, $4) RETURNING seq")
        .bind(&event.event_type)
        .bind(&event.subject)
        .bind(micros(now))
        .bind(json("event", &event.data)?);
    query.fetch_one(conn).await?.count("seq")
}

fn to_event(row: &SqliteRow) -> Result<OutboxEvent> {
    Ok(OutboxEvent {
        seq: row.count("seq")?,
        event_type: row.text("type")?,
        subject: row.text("subject")?,
        time: row.time("at")?,
        data: row.json("data")?,
    })
}
