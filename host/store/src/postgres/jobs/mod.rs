//! The queue of jobs on PostgreSQL, one file for each thing that a worker does.

mod claim;
mod finish;
mod lease;
mod redecide;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::postgres::PgRow;

use super::row::{At, Columns};
use super::tx::retrying;
use super::{Conn, PostgresStore, Result};
use crate::{
    ClaimedJob, Decision, Finished, JobEnd, JobError, JobId, JobPhase, JobRecord, Jobs, Lease, Redecided,
    RequestRecord, Sealed,
};

#[async_trait]
impl Jobs for PostgresStore {
    async fn claim(&self, worker: &str, now: Timestamp, lease_until: Timestamp) -> Result<Option<ClaimedJob>> {
        retrying(|| claim::claim(self, worker, now, lease_until)).await
    }

    async fn begin_work(&self, lease: &Lease, now: Timestamp) -> Result<(), JobError> {
        lease::begin_work(self, lease, now).await
    }

    async fn heartbeat(&self, lease: &Lease, lease_until: Timestamp) -> Result<(), JobError> {
        lease::heartbeat(self, lease, lease_until).await
    }

    async fn save_step(
        &self,
        lease: &Lease,
        state: &Sealed,
        run_after: Timestamp,
        note: &str,
        now: Timestamp,
    ) -> Result<(), JobError> {
        let step = lease::Step { state, run_after, note };
        retrying(|| lease::save_step(self, lease, &step, now)).await
    }

    async fn retry_later(
        &self,
        lease: &Lease,
        error: &str,
        run_after: Timestamp,
        now: Timestamp,
    ) -> Result<(), JobError> {
        lease::retry_later(self, lease, error, run_after, now).await
    }

    async fn begin_undo(&self, lease: &Lease, error: &str, now: Timestamp) -> Result<(), JobError> {
        retrying(|| lease::begin_undo(self, lease, error, now)).await
    }

    async fn finish(&self, lease: &Lease, end: &JobEnd, now: Timestamp) -> Result<Finished, JobError> {
        retrying(|| finish::finish(self, lease, end, now)).await
    }

    async fn redecide(&self, lease: &Lease, decision: &Decision, now: Timestamp) -> Result<Redecided, JobError> {
        retrying(|| redecide::redecide(self, lease, decision, now)).await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRecord>> {
        let query = sqlx::query("SELECT * FROM jobs WHERE id = $1").bind(id.to_string());
        query.fetch_optional(&mut *self.read().await?).await?.as_ref().map(to_job).transpose()
    }

    async fn next_wakeup(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let query = sqlx::query(
            "SELECT min(CASE state WHEN 'queued' THEN run_after ELSE lease_until END) AS next FROM jobs
             WHERE state IN ('queued', 'running')",
        );
        let next = query.fetch_one(&mut *self.read().await?).await?.time_opt("next")?;
        Ok(next.map(|next| next.max(now)))
    }
}

/// Adds the job of a request that may go ahead.
pub(super) async fn insert(
    conn: &mut Conn,
    id: JobId,
    request: &RequestRecord,
    phase: JobPhase,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO jobs (id, request_id, team, phase, state, attempt, failures, fence, run_after, created_at,
                           updated_at)
         VALUES ($1, $2, $3, $4, 'queued', 0, 0, 0, $5, $5, $5)",
    )
    .bind(id.to_string())
    .bind(request.id.to_string())
    .bind(request.team.as_str())
    .bind(phase.as_str())
    .bind(At(now))
    .execute(conn)
    .await?;
    Ok(())
}

fn to_job(row: &PgRow) -> Result<JobRecord> {
    Ok(JobRecord {
        id: row.parsed("id")?,
        request: row.parsed("request_id")?,
        team: row.parsed("team")?,
        phase: row.word("phase")?,
        state: row.word("state")?,
        attempt: row.count("attempt")?,
        failures: row.count("failures")?,
        run_after: row.time("run_after")?,
        lease_until: row.time_opt("lease_until")?,
        note: row.text_opt("note")?,
        error: row.text_opt("error")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
