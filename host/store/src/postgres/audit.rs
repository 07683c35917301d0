//! The audit log on PostgreSQL.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::{Digest, canonical_json};
use macadam_core::names::PersonId;
use sqlx::QueryBuilder;
use sqlx::postgres::PgRow;

use super::row::{At, Columns, int, plain};
use super::tx::retrying;
use super::{Conn, PostgresStore, Result};
use crate::audit::Hashed;
use crate::{AuditEntry, AuditError, AuditHead, AuditLog, NewAuditEntry, StoreError};

/// Entries that are read at once while the chain is checked, so that a long log needs no more memory than a short one.
const CHECKED_AT_ONCE: u32 = 1000;

/// Entries in one statement, far from the number of parameters that a database takes.
const WRITTEN_AT_ONCE: usize = 500;

#[async_trait]
impl AuditLog for PostgresStore {
    async fn append_audit(&self, entry: &NewAuditEntry, now: Timestamp) -> Result<AuditHead> {
        let end = retrying(|| async {
            let mut tx = self.begin().await?;
            tx.record(entry.clone());
            tx.commit(now).await
        });
        end.await?.head.ok_or_else(|| StoreError::corrupt("audit log", "an entry was written and is not there"))
    }
    async fn audit_since(&self, seq: u64, limit: u32) -> Result<Vec<AuditEntry>> {
        let rows = rows_since(&mut *self.read().await?, seq, limit).await?;
        rows.iter().map(to_entry).collect()
    }

    async fn audit_head(&self) -> Result<AuditHead> {
        head(&mut *self.read().await?).await
    }

    async fn verify_audit(&self, kept: Option<AuditHead>) -> Result<u64, AuditError> {
        let mut conn = self.read().await?;
        let mut reached = AuditHead::empty();
        let mut kept = kept.filter(|kept| kept.seq > 0);
        loop {
            let rows = rows_since(&mut conn, reached.seq, CHECKED_AT_ONCE).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                reached = check(row, reached)?;
                if let Some(head) = kept.take_if(|kept| kept.seq == reached.seq)
                    && head.hash != reached.hash
                {
                    return Err(broken(reached.seq, "the log was rewritten: its hash is not the one that was kept"));
                }
            }
        }
        match kept {
            Some(_) => Err(broken(reached.seq + 1, "the log was cut: entries that were there are missing")),
            None => Ok(reached.seq),
        }
    }
}

/// An entry as it will be stored.
struct Row {
    seq: u64,
    at: Timestamp,
    actor: Option<String>,
    action: String,
    subject: String,
    data: String,
    previous: Digest,
    hash: Digest,
}

/// Appends entries, each bound to the one before. Only under the lock on the journal.
pub(super) async fn append(conn: &mut Conn, entries: &[NewAuditEntry], now: Timestamp) -> Result<AuditHead> {
    let mut reached = head(conn).await?;
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let row = bind(entry, reached, now)?;
        reached = AuditHead { seq: row.seq, hash: row.hash };
        rows.push(row);
    }
    for some in rows.chunks(WRITTEN_AT_ONCE) {
        let mut query = QueryBuilder::new("INSERT INTO audit (seq, at, actor, action, subject, data, previous, hash) ");
        query.push_values(some, |mut values, row| {
            values.push_bind(int(row.seq)).push_bind(At(row.at)).push_bind(row.actor.clone());
            values.push_bind(row.action.clone()).push_bind(row.subject.clone()).push_bind(row.data.clone());
            values.push_bind(row.previous.to_string()).push_bind(row.hash.to_string());
        });
        query.build().execute(&mut *conn).await?;
    }
    Ok(reached)
}

/// Binds an entry to the one before.
fn bind(entry: &NewAuditEntry, before: AuditHead, now: Timestamp) -> Result<Row> {
    let data = canonical_json(&entry.data).map_err(|source| StoreError::Unwritable { what: "audit entry", source })?;
    let (action, subject) = (plain(&entry.action).into_owned(), plain(&entry.subject).into_owned());
    let (seq, actor) = (before.seq + 1, entry.actor.as_ref().map(PersonId::to_string));
    let hashed = Hashed {
        seq,
        at_micros: now.as_microsecond(),
        actor: actor.as_deref(),
        action: &action,
        subject: &subject,
        data: &data,
        previous: before.hash,
    };
    let hash = hashed.hash()?;
    Ok(Row { seq, at: now, actor, action, subject, data, previous: before.hash, hash })
}

async fn head(conn: &mut Conn) -> Result<AuditHead> {
    let row = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetch_optional(conn).await?;
    row.map_or_else(
        || Ok(AuditHead::empty()),
        |row| Ok(AuditHead { seq: row.count("seq")?, hash: row.parsed("hash")? }),
    )
}

async fn rows_since(conn: &mut Conn, seq: u64, limit: u32) -> Result<Vec<PgRow>> {
    let query =
        sqlx::query("SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2").bind(int(seq)).bind(i64::from(limit));
    Ok(query.fetch_all(conn).await?)
}

/// Checks one entry against the one before it.
fn check(row: &PgRow, before: AuditHead) -> Result<AuditHead, AuditError> {
    let seq: u64 = row.count("seq")?;
    if seq != before.seq + 1 {
        return Err(broken(before.seq + 1, "it is missing"));
    }
    let (actor, action, subject) = (row.text_opt("actor")?, row.text("action")?, row.text("subject")?);
    let (data, at_micros) = (row.text("data")?, row.time("at")?.as_microsecond());
    let unreadable = |_| broken(seq, "its hash cannot be read");
    let previous: Digest = row.parsed("previous").map_err(unreadable)?;
    let hash: Digest = row.parsed("hash").map_err(unreadable)?;
    if previous != before.hash {
        return Err(broken(seq, "it does not follow the entry before it"));
    }
    let hashed =
        Hashed { seq, at_micros, actor: actor.as_deref(), action: &action, subject: &subject, data: &data, previous };
    if hashed.hash()? != hash {
        return Err(broken(seq, "it was changed after it was written"));
    }
    Ok(AuditHead { seq, hash })
}

fn broken(seq: u64, reason: &'static str) -> AuditError {
    tracing::error!(seq, reason, "the audit log is broken");
    AuditError::Broken { seq, reason }
}

fn to_entry(row: &PgRow) -> Result<AuditEntry> {
    Ok(AuditEntry {
        seq: row.count("seq")?,
        at: row.time("at")?,
        actor: row.parsed_opt("actor")?,
        action: row.text("action")?,
        subject: row.text("subject")?,
        data: row.json("data")?,
        previous: row.parsed("previous")?,
        hash: row.parsed("hash")?,
    })
}
