//! The audit log on SQLite.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::{Digest, canonical_json};
use macadam_core::names::PersonId;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, int, micros};
use super::{Conn, Result, SqliteStore, commit};
use crate::audit::Hashed;
use crate::{AuditEntry, AuditError, AuditHead, AuditLog, NewAuditEntry, StoreError};

/// Entries that are read at once while the chain is checked, so that a long log needs no more memory than a short one.
const CHECKED_AT_ONCE: u32 = 1000;

#[async_trait]
impl AuditLog for SqliteStore {
    async fn append_audit(&self, entry: &NewAuditEntry, now: Timestamp) -> Result<AuditHead> {
        let mut tx = self.begin().await?;
        let head = append(&mut tx, entry, now).await?;
        commit(tx).await?;
        Ok(head)
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

/// Appends an entry, bound to the last one.
pub(super) async fn append(conn: &mut Conn, entry: &NewAuditEntry, now: Timestamp) -> Result<AuditHead> {
    let last = head(conn).await?;
    let data = canonical_json(&entry.data).map_err(|source| StoreError::Unwritable { what: "audit entry", source })?;
    let hashed = Hashed {
        seq: last.seq + 1,
        at_micros: micros(now),
        actor: entry.actor.as_ref().map(PersonId::as_str),
        action: &entry.action,
        subject: &entry.subject,
        data: &data,
        previous: last.hash,
    };
    let hash = hashed.hash()?;
    sqlx::query(
        "INSERT INTO audit (seq, at, actor, action, subject, data, previous, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(int(hashed.seq))
    .bind(hashed.at_micros)
    .bind(hashed.actor)
    .bind(hashed.action)
    .bind(hashed.subject)
    .bind(hashed.data)
    .bind(hashed.previous.to_string())
    .bind(hash.to_string())
    .execute(&mut *conn)
    .await?;
    Ok(AuditHead { seq: hashed.seq, hash })
}

async fn head(conn: &mut Conn) -> Result<AuditHead> {
    let row = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetch_optional(conn).await?;
    row.map_or_else(
        || Ok(AuditHead::empty()),
        |row| Ok(AuditHead { seq: row.count("seq")?, hash: row.parsed("hash")? }),
    )
}

async fn rows_since(conn: &mut Conn, seq: u64, limit: u32) -> Result<Vec<SqliteRow>> {
    let query = sqlx::query("SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2").bind(int(seq)).bind(limit);
    Ok(query.fetch_all(conn).await?)
}

/// Checks one entry against the one before it.
fn check(row: &SqliteRow, before: AuditHead) -> Result<AuditHead, AuditError> {
    let seq: u64 = row.count("seq")?;
    if seq != before.seq + 1 {
        return Err(broken(before.seq + 1, "it is missing"));
    }
    let (actor, action, subject) = (row.text_opt("actor")?, row.text("action")?, row.text("subject")?);
    let (data, at_micros) = (row.text("data")?, row.int("at")?);
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

fn to_entry(row: &SqliteRow) -> Result<AuditEntry> {
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
