//! The outbox on SQLite. One writer means that sequence numbers are committed in their order, so a reader that has seen
//! one has missed none before it.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use tokio::sync::watch;

use super::row::{Columns, int, json, micros};
use super::writes::Writes;
use super::{Conn, Result, SqliteStore, commit};
use crate::{Audience, EventRange, NewEvent, Outbox, OutboxEvent};

#[async_trait]
impl Outbox for SqliteStore {
    async fn append_event(&self, event: &NewEvent, now: Timestamp) -> Result<u64> {
        let mut tx = self.begin().await?;
        let seq = append(&mut tx, event, now).await?;
        commit(tx).await?;
        Ok(seq)
    }

    async fn events_since(&self, seq: u64, limit: u32) -> Result<Vec<OutboxEvent>> {
        let query = sqlx::query("SELECT * FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2").bind(int(seq)).bind(limit);
        query.fetch_all(&mut *self.read().await?).await?.iter().map(to_event).collect()
    }

    async fn event_range(&self) -> Result<EventRange> {
        range(&mut *self.read().await?).await
    }

    async fn prune_events(&self, before: Timestamp) -> Result<u64> {
        let mut tx = self.begin().await?;
        let query = sqlx::query(
            "DELETE FROM outbox
             WHERE seq < coalesce((SELECT min(seq) FROM outbox WHERE at >= $1), 9223372036854775807)",
        );
        let pruned = query.bind(micros(before)).execute(&mut *tx).await?.rows_affected();
        commit(tx).await?;
        Ok(pruned)
    }

    fn told(&self) -> watch::Receiver<()> {
        self.committed.subscribe()
    }
}

/// The numbers that were given and are still there; SQLite itself remembers the last that it gave.
pub(super) async fn range(conn: &mut Conn) -> Result<EventRange> {
    let query = sqlx::query(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0) AS latest,
                (SELECT min(seq) FROM outbox) AS oldest",
    );
    let row = query.fetch_one(conn).await?;
    let latest: u64 = row.count("latest")?;
    let oldest = row.int_opt("oldest")?.map(|_| row.count("oldest")).transpose()?;
    Ok(EventRange { oldest: oldest.unwrap_or(latest.saturating_add(1)), latest })
}

/// Adds an event to what is written.
pub(super) fn append_with(writes: &mut Writes, event: &NewEvent, now: Timestamp) -> Result<()> {
    let audience = Audience::of(event);
    let (audience, team) = audience.columns();
    let row = writes.row("outbox (type, subject, at, data, audience, team)");
    let row = row.set(&event.event_type).set(&event.subject).set(micros(now)).set(json("event", &event.data)?);
    row.set(audience).set(team).end();
    Ok(())
}

/// Adds an event, and says which number it got.
async fn append(conn: &mut Conn, event: &NewEvent, now: Timestamp) -> Result<u64> {
    let audience = Audience::of(event);
    let (audience, team) = audience.columns();
    let query = sqlx::query(
        "INSERT INTO outbox (type, subject, at, data, audience, team) VALUES ($1, $2, $3, $4, $5, $6) RETURNING seq",
    )
    .bind(&event.event_type)
    .bind(&event.subject)
    .bind(micros(now))
    .bind(json("event", &event.data)?)
    .bind(audience)
    .bind(team);
    query.fetch_one(conn).await?.count("seq")
}

fn to_event(row: &SqliteRow) -> Result<OutboxEvent> {
    Ok(OutboxEvent {
        seq: row.count("seq")?,
        event_type: row.text("type")?,
        subject: row.text("subject")?,
        time: row.time("at")?,
        data: row.json("data")?,
        audience: Audience::from_columns(&row.text("audience")?, row.parsed_opt("team")?)?,
    })
}
