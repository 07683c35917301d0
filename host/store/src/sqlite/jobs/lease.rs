//! What a worker stores between two steps. Each change names the lease's fence in its condition, so the check cannot be
//! forgotten, and a change that finds no row is a lost lease.

use jiff::Timestamp;
use serde_json::json;
use sqlx::sqlite::SqliteRow;

use super::super::row::{Columns, int, micros};
use super::super::{Conn, SqliteStore, commit, journal};
use crate::{JobError, JobPhase, Lease, Sealed, StoreError};

type Result<T> = std::result::Result<T, JobError>;

/// What a finished step left.
pub(super) struct Step<'a> {
    pub(super) state: &'a Sealed,
    pub(super) run_after: Timestamp,
    pub(super) note: &'a str,
}

pub(super) async fn begin_work(store: &SqliteStore, lease: &Lease, now: Timestamp) -> Result<()> {
    let mut tx = store.begin().await?;
    let begun = sqlx::query(
        "UPDATE jobs SET begun = 1, updated_at = $3 WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING phase",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(micros(now))
    .fetch_optional(&mut *tx)
    .await;
    held_by(lease, begun)?;
    Ok(commit(tx).await?)
}

pub(super) async fn heartbeat(store: &SqliteStore, lease: &Lease, lease_until: Timestamp) -> Result<()> {
    let mut tx = store.begin().await?;
    let held = sqlx::query(
        "UPDATE jobs SET lease_until = $3 WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING phase",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(micros(lease_until))
    .fetch_optional(&mut *tx)
    .await;
    held_by(lease, held)?;
    Ok(commit(tx).await?)
}

pub(super) async fn save_step(store: &SqliteStore, lease: &Lease, step: &Step<'_>, now: Timestamp) -> Result<()> {
    let mut tx = store.begin().await?;
    let saved = sqlx::query(
        "UPDATE jobs
         SET state = 'queued', begun = 1, sealed_state = $3, run_after = $4, note = $5, failures = 0, worker = NULL,
             lease_until = NULL, updated_at = $6
         WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING *",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(step.state.as_bytes())
    .bind(micros(step.run_after))
    .bind(step.note)
    .bind(micros(now))
    .fetch_optional(&mut *tx)
    .await;
    let job = held_by(lease, saved)?;
    if !step.note.is_empty() {
        let data = json!({
            "job": lease.job, "request": job.text("request_id")?, "team": job.text("team")?,
            "phase": job.text("phase")?, "attempt": job.int("attempt")?, "note": step.note,
        });
        journal::tell(&mut tx, "job.progress", format!("jobs/{}", lease.job), data, now).await?;
    }
    Ok(commit(tx).await?)
}

pub(super) async fn retry_later(
    store: &SqliteStore,
    lease: &Lease,
    error: &str,
    run_after: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let mut tx = store.begin().await?;
    let freed = sqlx::query(
        "UPDATE jobs
         SET state = 'queued', error = $3, run_after = $4, failures = failures + 1, worker = NULL, lease_until = NULL,
             updated_at = $5
         WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING phase",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(error)
    .bind(micros(run_after))
    .bind(micros(now))
    .fetch_optional(&mut *tx)
    .await;
    held_by(lease, freed)?;
    Ok(commit(tx).await?)
}

pub(super) async fn begin_undo(store: &SqliteStore, lease: &Lease, error: &str, now: Timestamp) -> Result<()> {
    let mut tx = store.begin().await?;
    match phase(&mut tx, lease).await? {
        JobPhase::Provision => {}
        phase => {
            return Err(JobError::WrongPhase { job: lease.job, phase, reason: "only providing can be undone" });
        }
    }
    let turned = sqlx::query(
        "UPDATE jobs
         SET state = 'queued', phase = 'undo', error = $3, run_after = $4, sealed_state = NULL, attempt = 0,
             failures = 0, note = NULL, worker = NULL, lease_until = NULL, updated_at = $4
         WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING phase",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(error)
    .bind(micros(now))
    .fetch_optional(&mut *tx)
    .await;
    held_by(lease, turned)?;
    Ok(commit(tx).await?)
}

/// What a leased job is at.
pub(super) async fn phase(conn: &mut Conn, lease: &Lease) -> Result<JobPhase> {
    let job = sqlx::query("SELECT phase FROM jobs WHERE id = $1 AND fence = $2 AND state = 'running'")
        .bind(lease.job.to_string())
        .bind(int(lease.fence))
        .fetch_optional(conn)
        .await;
    Ok(held_by(lease, job)?.word("phase")?)
}

/// The row that a lease's change found; none is a lost lease.
pub(super) fn held_by(lease: &Lease, found: sqlx::Result<Option<SqliteRow>>) -> Result<SqliteRow> {
    found.map_err(StoreError::from)?.ok_or(JobError::LeaseLost { job: lease.job })
}
