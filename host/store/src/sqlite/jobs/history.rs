//! What each claim of a job came to.

use jiff::Timestamp;
use macadam_core::retry::ErrorClass;
use sqlx::sqlite::SqliteRow;

use super::super::row::{Columns, int, micros};
use super::super::{Conn, Result, SqliteStore, commit};
use crate::jobs::{short, to_attempt};
use crate::{AttemptOutcome, AttemptRecord, JobId, Lease};

/// What an attempt came to.
pub(super) struct End<'a> {
    pub(super) outcome: AttemptOutcome,
    pub(super) class: Option<ErrorClass>,
    pub(super) note: &'a str,
}

/// Begins the record of a claim that was just made. What is still open is of a worker that has vanished.
pub(super) async fn begin(conn: &mut Conn, job: JobId, claimed: &SqliteRow, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE job_attempts SET ended_at = $2, outcome = 'lost', error_class = 'lease-lost'
         WHERE job_id = $1 AND outcome IS NULL",
    )
    .bind(job.to_string())
    .bind(micros(now))
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO job_attempts (job_id, fence, phase, attempt, worker, started_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(job.to_string())
    .bind(claimed.int("fence")?)
    .bind(claimed.text("phase")?)
    .bind(claimed.int("attempt")?)
    .bind(claimed.text("worker")?)
    .bind(micros(now))
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends the record of a claim.
pub(super) async fn end(conn: &mut Conn, lease: &Lease, end: &End<'_>, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE job_attempts SET ended_at = $3, outcome = $4, error_class = $5, note = $6
         WHERE job_id = $1 AND fence = $2 AND outcome IS NULL",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(micros(now))
    .bind(end.outcome.as_str())
    .bind(end.class.map(ErrorClass::as_str))
    .bind(short(end.note))
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn of(store: &SqliteStore, job: JobId, limit: u32) -> Result<Vec<AttemptRecord>> {
    let query = sqlx::query("SELECT * FROM job_attempts WHERE job_id = $1 ORDER BY fence DESC LIMIT $2");
    let rows = query.bind(job.to_string()).bind(limit).fetch_all(&mut *store.read().await?).await?;
    rows.iter().rev().map(to_attempt).collect()
}

pub(super) async fn forget(store: &SqliteStore, before: Timestamp, limit: u32) -> Result<u64> {
    let mut tx = store.begin().await?;
    let query = sqlx::query(
        "DELETE FROM job_attempts WHERE (job_id, fence) IN (
             SELECT job_attempts.job_id, job_attempts.fence FROM job_attempts
             JOIN jobs ON jobs.id = job_attempts.job_id
             WHERE job_attempts.ended_at < $1 AND jobs.state NOT IN ('queued', 'running', 'dead')
             ORDER BY job_attempts.ended_at LIMIT $2)",
    );
    let gone = query.bind(micros(before)).bind(limit).execute(&mut *tx).await?.rows_affected();
    commit(tx).await?;
    Ok(gone)
}
