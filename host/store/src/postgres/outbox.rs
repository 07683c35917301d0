//! The outbox on PostgreSQL. Numbers are given under the lock on the [journal](super::journal), which is held until the
//! commit, so a reader that has seen one has missed none before it.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::QueryBuilder;
use sqlx::postgres::PgRow;
use tokio::sync::watch;

use super::row::{At, Columns, int, json, plain};
use super::tx::retrying;
use super::writes::Writes;
use super::{Conn, PostgresStore, Result};
use crate::{Audience, EventRange, NewEvent, Outbox, OutboxEvent};

/// Events in one statement, far from the number of parameters that a database takes.
const WRITTEN_AT_ONCE: usize = 500;

/// The table, with its columns as they are given values.
const TABLE: &str = "outbox (seq, type, subject, at, data, audience, team)";

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

    async fn events_since(&self, seq: u64, limit: u32) -> Result<Vec<OutboxEvent>> {
        let query = sqlx::query("SELECT * FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(int(seq))
            .bind(i64::from(limit));
        query.fetch_all(&mut *self.read().await?).await?.iter().map(to_event).collect()
    }

    async fn event_range(&self) -> Result<EventRange> {
        range(&mut *self.read().await?).await
    }

    async fn prune_events(&self, before: Timestamp) -> Result<u64> {
        // The end is read before anything is removed: what is told meanwhile is newer than what goes.
        let query = sqlx::query(
            "DELETE FROM outbox
             WHERE seq < coalesce((SELECT min(seq) FROM outbox WHERE at >= $1), (SELECT told + 1 FROM journal))",
        );
        Ok(query.bind(At(before)).execute(&mut *self.read().await?).await?.rows_affected())
    }

    fn told(&self) -> watch::Receiver<()> {
        self.told.subscribe()
    }
}

/// The numbers that were given and are still there, as one statement sees them.
pub(super) async fn range(conn: &mut Conn) -> Result<EventRange> {
    let query = sqlx::query("SELECT told, (SELECT min(seq) FROM outbox) AS oldest FROM journal");
    let row = query.fetch_one(conn).await?;
    let latest: u64 = row.count("told")?;
    let oldest = row.int_opt("oldest")?.map(|_| row.count("oldest")).transpose()?;
    Ok(EventRange { oldest: oldest.unwrap_or(latest.saturating_add(1)), latest })
}

/// Writes many events after a number. Only under the lock on the journal.
pub(super) async fn insert(conn: &mut Conn, events: &[NewEvent], after: u64, now: Timestamp) -> Result<()> {
    let mut rows = Vec::with_capacity(events.len());
    for (seq, event) in (after + 1..).zip(events) {
        rows.push((int(seq), event, json("event", &event.data)?));
    }
    for some in rows.chunks(WRITTEN_AT_ONCE) {
        let mut query = QueryBuilder::new(format!("INSERT INTO {TABLE} "));
        query.push_values(some, |mut values, (seq, event, data)| {
            let audience = Audience::of(event);
            let (audience, team) = audience.columns();
            values.push_bind(*seq).push_bind(plain(&event.event_type).into_owned());
            values.push_bind(plain(&event.subject).into_owned()).push_bind(At(now)).push_bind(data.clone());
            values.push_bind(audience).push_bind(team.map(str::to_owned));
        });
        query.build().execute(&mut *conn).await?;
    }
    Ok(())
}

/// Adds events after a number to what is written. Only under the lock on the journal.
pub(super) fn write(writes: &mut Writes, events: &[NewEvent], after: u64, now: Timestamp) -> Result<()> {
    for (seq, event) in (after + 1..).zip(events) {
        let audience = Audience::of(event);
        let (audience, team) = audience.columns();
        let row = writes.row(TABLE).set(int(seq)).set(plain(&event.event_type).into_owned());
        let row = row.set(plain(&event.subject).into_owned()).set(At(now)).set(json("event", &event.data)?);
        row.set(audience).set(team).end();
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
        audience: Audience::from_columns(&row.text("audience")?, row.parsed_opt("team")?)?,
    })
}
