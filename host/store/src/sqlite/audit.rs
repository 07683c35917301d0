//! The audit log on SQLite.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite};

use super::row::{Columns, int, micros};
use super::writes::Writes;
use super::{Conn, Result, SqliteStore, commit};
use crate::audit::{Before, END_OF, ENDS, to_end, to_entry, to_stream_end};
use crate::{AuditEntry, AuditFilter, AuditHead, AuditLog, NewAuditEntry, PageRequest, StreamEnd};

#[async_trait]
impl AuditLog for SqliteStore {
    async fn append_audit(&self, entry: &NewAuditEntry, now: Timestamp) -> Result<AuditHead> {
        let mut tx = self.begin().await?;
        append(&mut tx, entry, now).await?;
        let head = head(&mut tx).await?;
        commit(tx).await?;
        Ok(head)
    }

    async fn audit(&self, filter: &AuditFilter, page: PageRequest<u64>) -> Result<Vec<AuditEntry>> {
        let mut query = page_query(filter, page);
        let rows = query.build().fetch_all(&mut *self.read().await?).await?;
        rows.iter().map(to_entry).collect()
    }

    async fn audit_head(&self) -> Result<AuditHead> {
        head(&mut *self.read().await?).await
    }

    async fn audit_ends(&self) -> Result<Vec<StreamEnd>> {
        let rows = sqlx::query(ENDS).fetch_all(&mut *self.read().await?).await?;
        rows.iter().map(to_stream_end).collect()
    }
}

/// Appends an entry, bound to the last one of its stream.
async fn append(conn: &mut Conn, new: &NewAuditEntry, now: Timestamp) -> Result<()> {
    let mut writes = Writes::default();
    append_with(conn, &mut writes, new, now).await?;
    writes.run(conn).await
}

/// Adds an entry to what is written, bound to the last one of its stream that is there.
pub(super) async fn append_with(
    conn: &mut Conn,
    writes: &mut Writes,
    new: &NewAuditEntry,
    now: Timestamp,
) -> Result<()> {
    let (last, before) = end_of(conn, &new.stream.to_string()).await?;
    let entry = new.bound(last + 1, &before, now)?;
    let row = writes.row(
        "audit (version, seq, stream, place, at, actor, action, subject, address, request_id, credential, decision,
                request, before, after, data, previous, hash)",
    );
    let row = row.set(entry.version).set(int(entry.seq)).set(entry.stream).set(int(entry.place)).set(micros(entry.at));
    let row = row.set(entry.actor).set(entry.action).set(entry.subject).set(entry.address).set(entry.request_id);
    let row = row.set(entry.credential).set(entry.decision).set(entry.request).set(entry.before).set(entry.after);
    row.set(entry.data.as_str()).set(entry.previous).set(entry.hash).end();
    Ok(())
}

/// The last entry's number, and where a stream ends.
async fn end_of(conn: &mut Conn, stream: &str) -> Result<(u64, Before)> {
    to_end(&sqlx::query(END_OF).bind(stream).fetch_one(conn).await?)
}

async fn head(conn: &mut Conn) -> Result<AuditHead> {
    let row = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetch_optional(conn).await?;
    row.map_or_else(
        || Ok(AuditHead::empty()),
        |row| Ok(AuditHead { seq: row.count("seq")?, hash: row.parsed("hash")? }),
    )
}

fn page_query(filter: &AuditFilter, page: PageRequest<u64>) -> QueryBuilder<Sqlite> {
    let AuditFilter { stream, actor, action, subject, since, until, backwards } = filter;
    let mut query = QueryBuilder::new("SELECT * FROM audit WHERE ");
    match (page.after, backwards) {
        (after, false) => query.push("seq > ").push_bind(int(after.unwrap_or(0))),
        (before, true) => query.push("seq < ").push_bind(before.map_or(i64::MAX, int)),
    };
    let texts = [
        (" AND stream = ", stream.as_ref().map(ToString::to_string)),
        (" AND actor = ", actor.as_ref().map(ToString::to_string)),
        (" AND subject = ", subject.clone()),
    ];
    for (column, text) in texts {
        if let Some(text) = text {
            query.push(column).push_bind(text);
        }
    }
    if let Some(action) = action {
        query.push(" AND substr(action, 1, length(").push_bind(action.clone()).push(")) = ").push_bind(action.clone());
    }
    for (bound, moment) in [(" AND at >= ", since), (" AND at < ", until)] {
        if let Some(moment) = moment {
            query.push(bound).push_bind(micros(*moment));
        }
    }
    query.push(if *backwards { " ORDER BY seq DESC LIMIT " } else { " ORDER BY seq LIMIT " }).push_bind(page.limit);
    query
}
