//! The audit log on PostgreSQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use sqlx::{Postgres, QueryBuilder};

use super::row::{At, Columns, int};
use super::tx::retrying;
use super::writes::Writes;
use super::{Conn, PostgresStore, Result};
use crate::audit::{Before, END_OF, ENDS, to_end, to_entry, to_stream_end};
use crate::{AuditEntry, AuditFilter, AuditHead, AuditLog, NewAuditEntry, PageRequest, StoreError, StreamEnd};

/// Entries in one statement, far from the number of parameters that a database takes.
const WRITTEN_AT_ONCE: usize = 500;

/// The table, with its columns as they are given values.
const TABLE: &str = "audit (version, seq, stream, place, at, actor, action, subject, address, request_id, credential,
        decision, request, before, after, data, previous, hash)";

#[async_trait]
impl AuditLog for PostgresStore {
    async fn append_audit(&self, entry: &NewAuditEntry, now: Timestamp) -> Result<AuditHead> {
        let mut entry = entry.clone();
        entry.origin.held = None;
        let end = retrying(|| async {
            let mut tx = self.begin().await?;
            tx.record(entry.clone());
            tx.commit(now).await
        });
        end.await?.head.ok_or_else(|| StoreError::corrupt("audit log", "an entry was written and is not there"))
    }

    async fn audit(&self, filter: &AuditFilter, page: PageRequest<u64>) -> Result<Vec<AuditEntry>> {
        let mut query = page_query(filter, page);
        let rows = query.build().fetch_all(&mut *self.read().await?).await?;
        rows.iter().map(to_entry).collect()
    }

    async fn audit_head(&self) -> Result<AuditHead> {
        let query = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1");
        query.fetch_optional(&mut *self.read().await?).await?.map_or_else(
            || Ok(AuditHead::empty()),
            |row| Ok(AuditHead { seq: row.count("seq")?, hash: row.parsed("hash")? }),
        )
    }

    async fn audit_ends(&self) -> Result<Vec<StreamEnd>> {
        let rows = sqlx::query(ENDS).fetch_all(&mut *self.read().await?).await?;
        rows.iter().map(to_stream_end).collect()
    }
}

/// Binds entries, each to the one before it in its stream. Only under the lock on the journal.
pub(super) async fn bound(conn: &mut Conn, new: &[NewAuditEntry], now: Timestamp) -> Result<Vec<AuditEntry>> {
    let mut ends: BTreeMap<String, Before> = BTreeMap::new();
    let (mut last, mut entries) = (None, Vec::with_capacity(new.len()));
    for new in new {
        let stream = new.stream.to_string();
        let before = match ends.remove(&stream) {
            Some(before) => before,
            None => {
                let (there, before) = end_of(conn, &stream).await?;
                last.get_or_insert(there);
                before
            }
        };
        let seq = last.unwrap_or_default() + 1;
        last = Some(seq);
        let entry = new.bound(seq, &before, now)?;
        ends.insert(stream, Before { place: entry.place, hash: entry.hash.clone() });
        entries.push(entry);
    }
    Ok(entries)
}

/// Where the log ends with some entries, if there are any.
pub(super) fn head(entries: &[AuditEntry]) -> Result<Option<AuditHead>> {
    let Some(last) = entries.last() else { return Ok(None) };
    let hash: Digest = last.hash.parse().map_err(|error| StoreError::corrupt("audit log", error))?;
    Ok(Some(AuditHead { seq: last.seq, hash }))
}

/// The last entry's number, and where a stream ends.
async fn end_of(conn: &mut Conn, stream: &str) -> Result<(u64, Before)> {
    to_end(&sqlx::query(END_OF).bind(stream).fetch_one(conn).await?)
}

/// Writes many entries that are bound.
pub(super) async fn insert(conn: &mut Conn, entries: &[AuditEntry]) -> Result<()> {
    for some in entries.chunks(WRITTEN_AT_ONCE) {
        let mut query = QueryBuilder::new(format!("INSERT INTO {TABLE} "));
        query.push_values(some, |mut values, entry| {
            values.push_bind(i64::from(entry.version)).push_bind(int(entry.seq)).push_bind(&entry.stream);
            values.push_bind(int(entry.place)).push_bind(At(entry.at)).push_bind(&entry.actor);
            values.push_bind(&entry.action).push_bind(&entry.subject).push_bind(&entry.address);
            values.push_bind(&entry.request_id).push_bind(&entry.credential).push_bind(&entry.decision);
            values.push_bind(&entry.request).push_bind(&entry.before).push_bind(&entry.after);
            values.push_bind(entry.data.as_str()).push_bind(&entry.previous).push_bind(&entry.hash);
        });
        query.build().execute(&mut *conn).await?;
    }
    Ok(())
}

/// Adds an entry that is bound to what is written.
pub(super) fn write(writes: &mut Writes, entry: &AuditEntry) {
    let row = writes.row(TABLE).set(i64::from(entry.version)).set(int(entry.seq)).set(&entry.stream);
    let row = row.set(int(entry.place)).set(At(entry.at)).set(&entry.actor).set(&entry.action).set(&entry.subject);
    let row = row.set(&entry.address).set(&entry.request_id).set(&entry.credential).set(&entry.decision);
    let row = row.set(&entry.request).set(&entry.before).set(&entry.after).set(entry.data.as_str());
    row.set(&entry.previous).set(&entry.hash).end();
}

fn page_query(filter: &AuditFilter, page: PageRequest<u64>) -> QueryBuilder<Postgres> {
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
        query.push(" AND starts_with(action, ").push_bind(action.clone()).push(")");
    }
    for (bound, moment) in [(" AND at >= ", since), (" AND at < ", until)] {
        if let Some(moment) = moment {
            query.push(bound).push_bind(At(*moment));
        }
    }
    query.push(if *backwards { " ORDER BY seq DESC LIMIT " } else { " ORDER BY seq LIMIT " });
    query.push_bind(i64::from(page.limit));
    query
}
