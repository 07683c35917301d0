//! What a worker stores between two steps. Each change names the lease's fence in its condition, so the check cannot be
//! forgotten, and a change that finds no row is a lost lease.

use jiff::Timestamp;
use macadam_core::names::PersonId;
use macadam_core::retry::ErrorClass;
use serde_json::json;
use sqlx::postgres::PgRow;

use super::super::row::{At, Columns, int, plain};
use super::super::{Conn, PostgresStore, journal};
use super::history::{self, End};
use crate::{AttemptOutcome, JobError, JobPhase, Lease, Sealed, Setback, StoreError};

type Result<T> = std::result::Result<T, JobError>;

/// What a finished step left.
pub(super) struct Step<'a> {
    pub(super) state: &'a Sealed,
    pub(super) run_after: Timestamp,
    pub(super) note: &'a str,
}

pub(super) async fn begin_work(store: &PostgresStore, lease: &Lease, now: Timestamp) -> Result<()> {
    let begun = sqlx::query(
        "UPDATE jobs SET begun = true, updated_at = $3 WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING phase",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(At(now))
    .fetch_optional(&mut *store.read().await?)
    .await;
    held_by(lease, begun).map(drop)
}

pub(super) async fn heartbeat(store: &PostgresStore, lease: &Lease, lease_until: Timestamp) -> Result<()> {
    let held = sqlx::query(
        "UPDATE jobs SET lease_until = $3 WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING phase",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(At(lease_until))
    .fetch_optional(&mut *store.read().await?)
    .await;
    held_by(lease, held).map(drop)
}

pub(super) async fn save_step(store: &PostgresStore, lease: &Lease, step: &Step<'_>, now: Timestamp) -> Result<()> {
    let mut tx = store.begin().await?;
    let saved = sqlx::query(
        "UPDATE jobs
         SET state = 'queued', begun = true, sealed_state = $3, note = $5, failures = 0, failing_since = NULL,
             run_after = CASE WHEN cancelled_at IS NULL THEN $4 ELSE $6 END, worker = NULL, lease_until = NULL,
             updated_at = $6
         WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING *",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(step.state.as_bytes())
    .bind(At(step.run_after))
    .bind(plain(step.note))
    .bind(At(now))
    .fetch_optional(&mut *tx)
    .await;
    let job = held_by(lease, saved)?;
    if !step.note.is_empty() {
        let data = json!({
            "job": lease.job, "request": job.text("request_id")?, "team": job.text("team")?,
            "phase": job.text("phase")?, "attempt": job.int("attempt")?, "note": step.note,
        });
        journal::tell(&mut tx, "job.progress", format!("jobs/{}", lease.job), data);
    }
    let end = End { outcome: AttemptOutcome::Progressed, class: None, note: step.note };
    history::end(&mut tx, lease, &end, now).await?;
    tx.commit(now).await?;
    Ok(())
}

/// While undoing, what goes wrong is the note: the error stays the reason for which it is undone.
pub(super) async fn retry_later(
    store: &PostgresStore,
    lease: &Lease,
    setback: &Setback<'_>,
    now: Timestamp,
) -> Result<()> {
    let mut tx = store.begin().await?;
    let freed = sqlx::query(
        "UPDATE jobs
         SET state = 'queued', error = CASE phase WHEN 'undo' THEN error ELSE $3 END,
             note = CASE phase WHEN 'undo' THEN $3 ELSE note END, error_class = $4, failures = failures + $5,
             failing_since = coalesce(failing_since, $7),
             run_after = CASE WHEN cancelled_at IS NULL OR phase <> 'provision' THEN $6 ELSE $7 END, worker = NULL,
             lease_until = NULL, updated_at = $7
         WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING phase",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(plain(setback.error))
    .bind(setback.class.as_str())
    .bind(i64::from(setback.class.counts()))
    .bind(At(setback.run_after))
    .bind(At(now))
    .fetch_optional(&mut *tx)
    .await;
    held_by(lease, freed)?;
    let end = End { outcome: AttemptOutcome::Retried, class: Some(setback.class), note: setback.error };
    history::end(&mut tx, lease, &end, now).await?;
    tx.commit(now).await?;
    Ok(())
}

pub(super) async fn begin_undo(
    store: &PostgresStore,
    lease: &Lease,
    error: &str,
    class: Option<ErrorClass>,
    now: Timestamp,
) -> Result<()> {
    let mut tx = store.begin().await?;
    match held(&mut tx, lease).await?.phase {
        JobPhase::Provision => {}
        phase => {
            return Err(JobError::WrongPhase { job: lease.job, phase, reason: "only providing can be undone" });
        }
    }
    let turned = sqlx::query(
        "UPDATE jobs
         SET state = 'queued', phase = 'undo', phase_since = NULL, begun = true, error = $3, error_class = $5, run_after = $4,
             sealed_state = NULL, attempt = 0, failures = 0, failing_since = NULL, note = NULL, worker = NULL,
             lease_until = NULL, updated_at = $4
         WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING phase",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(plain(error))
    .bind(At(now))
    .bind(class.map(ErrorClass::as_str))
    .fetch_optional(&mut *tx)
    .await;
    held_by(lease, turned)?;
    history::end(&mut tx, lease, &End { outcome: AttemptOutcome::Undoing, class, note: error }, now).await?;
    tx.commit(now).await?;
    Ok(())
}

/// What a leased job is at, and who has taken it back.
pub(super) struct Held {
    pub(super) phase: JobPhase,
    pub(super) cancelled_by: Option<PersonId>,
}

/// A job that the lease still holds; nobody else changes it until the end of the transaction.
pub(super) async fn held(conn: &mut Conn, lease: &Lease) -> Result<Held> {
    let job = sqlx::query(
        "SELECT phase, cancelled_by FROM jobs WHERE id = $1 AND fence = $2 AND state = 'running' FOR NO KEY UPDATE",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .fetch_optional(conn)
    .await;
    let job = held_by(lease, job)?;
    Ok(Held { phase: job.word("phase")?, cancelled_by: job.parsed_opt("cancelled_by")? })
}

/// The row that a lease's change found; none is a lost lease.
pub(super) fn held_by(lease: &Lease, found: sqlx::Result<Option<PgRow>>) -> Result<PgRow> {
    found.map_err(StoreError::from)?.ok_or(JobError::LeaseLost { job: lease.job })
}
