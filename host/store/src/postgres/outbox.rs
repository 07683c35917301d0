//! The outbox on PostgreSQL. Numbers are given under the lock on the [journal](super::journal), which is held until the
//! commit, so a reader that has seen one has missed none before it.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::QueryBuilder;
use sqlx::postgres::PgRow;

use super::row::{At, Columns, int, json, plain};
use super::tx::retrying;
use super::{Conn, PostgresStore, Result};
use crate::{NewEvent, Outbox, OutboxEvent};

/// Events in one statement, far from the number of parameters that a database takes.
const WRITTEN_AT_ONCE: usize = 500;

/// In the order of their numbers, so that two who mark the same ones wait for each other instead of both.
const MARK: &str = "UPDATE outbox SET delivered_at = $2
     WHERE seq IN (SELECT seq FROM outbox WHERE seq = ANY($1) AND delivered_at IS NULL
                   ORDER BY seq FOR NO KEY UPDATE)";

#[async_trait]
impl Outbox for PostgresStore {
    async fn append_event(&self, event: &NewEvent, now: Timestamp) -> Result<u64> {
        let end = retrying(|| async {
            let mut tx = self.begin().await?;
            tx.tell(event.clone());
            tx.commit(now).await
        });
        Ok(end.await?.told)
    }

    async fn pending_events(&self, limit: u32) -> Result<Vec<OutboxEvent>> {
        let query =
            sqlx::query("SELECT * FROM outbox WHERE delivered_at IS NULL ORDER BY seq LIMIT $1").bind(i64::from(limit));
        query.fetch_all(&mut *self.read().await?).await?.iter().map(to_event).collect()
    }

    async fn mark_delivered(&self, seqs: &[u64], now: Timestamp) -> Result<()> {
        let seqs: Vec<i64> = seqs.iter().copied().map(int).collect();
        sqlx::query(MARK).bind(seqs).bind(At(now)).execute(&mut *self.read().await?).await?;
        Ok(())
    }

    async fn forget_delivered(&self, before: Timestamp) -> Result<u64> {
        let query = sqlx::query("DELETE FROM outbox WHERE delivered_at < $1").bind(At(before));
        Ok(query.execute(&mut *self.read().await?).await?.rows_affected())
    }

    async fn events_since(&self, seq: u64, limit: u32) -> Result<Vec<OutboxEvent>> {
        let query = sqlx::query("SELECT * FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(int(seq))
            .bind(i64::from(limit));
        query.fetch_all(&mut *self.read().await?).await?.iter().map(to_event).collect()
    }
}

/// Adds events after a number. Only under the lock on the journal.
pub(super) async fn append(conn: &mut Conn, events: &[NewEvent], after: u64, now: Timestamp) -> Result<()> {
    let mut rows = Vec::with_capacity(events.len());
    for (seq, event) in (after + 1..).zip(events) {
        rows.push((int(seq), event, json("event", &event.data)?));
    }
    for some in rows.chunks(WRITTEN_AT_ONCE) {
        let mut query = QueryBuilder::new("INSERT INTO outbox (seq, type, subject, at, data) ");
        query.push_values(some, |mut values, (seq, event, data)| {
            values.push_bind(*seq).push_bind(plain(&event.event_type).into_owned());
            values.push_bind(plain(&event.subject).into_owned()).push_bind(At(now)).push_bind(data.clone());
        });
        query.build().execute(&mut *conn).await?;
    }
    Ok(())
}

fn to_event(row: &PgRow) -> Result<OutboxEvent> {
    Ok(OutboxEvent {
        seq: row.count("seq")?,
        event_type: row.text("type")?,
        subject: row.text("subject")?,
        time: row.time("at")?,
        data: row.json("data")?,
    })
}
