//! The queue of jobs on PostgreSQL, one file for each thing that a worker does.

mod claim;
mod finish;
mod history;
mod intervene;
mod lease;
mod read;
mod redecide;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::lifecycle::JobState;
use macadam_core::retry::ErrorClass;
use macadam_core::trace::TraceParent;

use super::row::{At, Columns, one_row};
use super::tx::retrying;
use super::writes::Writes;
use super::{Conn, PostgresStore, Result};
use crate::{
    AttemptRecord, ByPerson, Cancelled, ClaimedJob, Decision, Finished, InterveneError, JobEnd, JobError, JobFilter,
    JobId, JobLimits, JobPhase, JobRecord, JobTotals, Jobs, Lease, PageRequest, ProviderPin, Redecided, RequestRecord,
    Sealed, Setback,
};

#[async_trait]
impl Jobs for PostgresStore {
    async fn claim(
        &self,
        worker: &str,
        limits: &JobLimits,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<ClaimedJob>> {
        retrying(|| claim::claim(self, worker, limits, now, lease_until)).await
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

    async fn retry_later(&self, lease: &Lease, setback: &Setback<'_>, now: Timestamp) -> Result<(), JobError> {
        retrying(|| lease::retry_later(self, lease, setback, now)).await
    }

    async fn begin_undo(
        &self,
        lease: &Lease,
        error: &str,
        class: Option<ErrorClass>,
        now: Timestamp,
    ) -> Result<(), JobError> {
        retrying(|| lease::begin_undo(self, lease, error, class, now)).await
    }

    async fn finish(&self, lease: &Lease, end: &JobEnd, now: Timestamp) -> Result<Finished, JobError> {
        retrying(|| finish::finish(self, lease, end, now)).await
    }

    async fn redecide(&self, lease: &Lease, decision: &Decision, now: Timestamp) -> Result<Redecided, JobError> {
        retrying(|| redecide::redecide(self, lease, decision, now)).await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRecord>> {
        read::by_id(&mut *self.read().await?, id).await
    }

    async fn list_jobs(&self, filter: &JobFilter, page: PageRequest<JobId>) -> Result<Vec<JobRecord>> {
        read::list(self, filter, page).await
    }

    async fn attempts(&self, id: JobId, limit: u32) -> Result<Vec<AttemptRecord>> {
        history::of(self, id, limit).await
    }

    async fn cancel_job(&self, id: JobId, by: ByPerson<'_>, now: Timestamp) -> Result<Cancelled, InterveneError> {
        retrying(|| intervene::cancel(self, id, by, now)).await
    }

    async fn retry_job(&self, id: JobId, by: ByPerson<'_>, now: Timestamp) -> Result<(), InterveneError> {
        retrying(|| intervene::retry(self, id, by, now)).await
    }

    async fn job_totals(&self, now: Timestamp) -> Result<JobTotals> {
        read::totals(self, now).await
    }

    async fn forget_attempts(&self, before: Timestamp, limit: u32) -> Result<u64> {
        history::forget(self, before, limit).await
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

/// Adds the job of a request that may go ahead as soon as it is written.
pub(super) fn write(
    writes: &mut Writes,
    id: JobId,
    request: &RequestRecord,
    (phase, provider): (JobPhase, &ProviderPin),
    trace: Option<TraceParent>,
    now: Timestamp,
) {
    let row = writes.row(
        "jobs (id, request_id, team, provider, phase, state, attempt, failures, fence, run_after, created_at, updated_at,
               trace)",
    );
    let row = row.set(id.to_string()).set(request.id.to_string()).set(request.team.as_str());
    let row = row.set(provider.plugin.name.to_string()).set(phase.as_str()).set(JobState::Queued.as_str());
    let row = row.set(0_i64).set(0_i64).set(0_i64);
    let row = row.set(At(now)).set(At(now)).set(At(now));
    row.set(trace.map(|trace| trace.to_string())).end();
}

/// Adds the job of a request that may go ahead after it waited.
pub(super) async fn insert(
    conn: &mut Conn,
    id: JobId,
    request: &RequestRecord,
    phase: JobPhase,
    trace: Option<TraceParent>,
    now: Timestamp,
) -> Result<()> {
    let added = sqlx::query(
        "INSERT INTO jobs (id, request_id, team, provider, phase, state, attempt, failures, fence, run_after,
                           created_at, updated_at, trace)
         SELECT $1, $2, $3, provider::json -> 'plugin' ->> 'name', $4, 'queued', 0, 0, 0, $5, $5, $5, $7
         FROM resources WHERE id = $6",
    )
    .bind(id.to_string())
    .bind(request.id.to_string())
    .bind(request.team.as_str())
    .bind(phase.as_str())
    .bind(At(now))
    .bind(request.subject.resource().map(|id| id.to_string()))
    .bind(trace.map(|trace| trace.to_string()))
    .execute(conn)
    .await?;
    one_row("job", &added)
}
