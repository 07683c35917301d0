//! Removing old decisions, a few at a time.

use std::collections::BTreeSet;

use sqlx::postgres::PgRow;

use super::super::row::{Columns, int};
use super::super::{Conn, PostgresStore, Result};
use super::{Tally, texts};
use crate::{DecisionKind, Pruned, Retention};

/// Records that are looked at together. A text that goes with its last record frees more than was foreseen, so this is
/// also how many records too many may go when a size is to be met.
const RECORDS_AT_ONCE: u32 = 64;

/// Slices in one transaction: about a thousand records, some tens of milliseconds.
const SLICES: u32 = 16;

pub(super) async fn prune(store: &PostgresStore, kind: DecisionKind, keep: &Retention) -> Result<Pruned> {
    let mut tx = store.pool.begin().await?;
    sqlx::query("SELECT seq FROM decision_log FOR NO KEY UPDATE").fetch_one(&mut *tx).await?;
    let mut pruned = Pruned { more: true, ..Pruned::default() };
    for _ in 0..SLICES {
        let slice = prune_slice(&mut tx, kind, keep).await?;
        pruned.records += slice.records;
        pruned.bytes += slice.bytes;
        pruned.more = slice.more;
        if !slice.more {
            break;
        }
    }
    tx.commit().await?;
    Ok(pruned)
}

async fn prune_slice(conn: &mut Conn, kind: DecisionKind, keep: &Retention) -> Result<Pruned> {
    let oldest =
        sqlx::query("SELECT seq, at, bytes, input, settings FROM decisions WHERE kind = $1 ORDER BY seq LIMIT $2")
            .bind(kind.as_str())
            .bind(i64::from(RECORDS_AT_ONCE))
            .fetch_all(&mut *conn)
            .await?;
    let beyond = Beyond::find(&oldest, keep, excess(conn, kind, keep).await?)?;
    let Some(last) = beyond.last else { return Ok(Pruned::default()) };
    let removed = sqlx::query("DELETE FROM decisions WHERE kind = $1 AND seq <= $2")
        .bind(kind.as_str())
        .bind(last)
        .execute(&mut *conn)
        .await?
        .rows_affected();
    let mut tally = Tally::default();
    tally.add(kind, -beyond.records, -beyond.bytes);
    let freed = beyond.bytes + texts::forget_unused(conn, beyond.texts.iter().copied(), &mut tally).await?;
    tally.keep(conn).await?;
    let more = beyond.records == i64::from(RECORDS_AT_ONCE) || keep.max_bytes.is_some();
    Ok(Pruned { records: removed, bytes: u64::try_from(freed).unwrap_or(0), more })
}

/// How much more there is of a kind than there may be.
async fn excess(conn: &mut Conn, kind: DecisionKind, keep: &Retention) -> Result<i64> {
    let Some(max_bytes) = keep.max_bytes else { return Ok(0) };
    let query = sqlx::query("SELECT bytes FROM decision_totals WHERE kind = $1").bind(kind.as_str());
    let bytes = query.fetch_optional(conn).await?.map(|row| row.int("bytes")).transpose()?.unwrap_or(0);
    Ok(bytes.saturating_sub(int(max_bytes)))
}

/// Of some of the oldest records, those that are beyond the bounds.
#[derive(Default)]
struct Beyond {
    last: Option<i64>,
    records: i64,
    bytes: i64,
    texts: BTreeSet<i64>,
}

impl Beyond {
    fn find(oldest: &[PgRow], keep: &Retention, excess: i64) -> Result<Self> {
        let mut found = Self::default();
        for row in oldest {
            let at = row.time("at")?;
            let too_old = keep.older_than.is_some_and(|moment| at < moment);
            if !too_old && found.bytes >= excess {
                break;
            }
            found.last = Some(row.int("seq")?);
            found.records += 1;
            found.bytes += row.int("bytes")?;
            found.texts.extend([row.int("input")?, row.int("settings")?]);
        }
        Ok(found)
    }
}
