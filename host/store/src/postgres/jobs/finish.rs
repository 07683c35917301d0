//! The end of a job: with it ends its request, and its resource is what the work made of it.

use jiff::Timestamp;
use macadam_core::lifecycle::{JobState, RequestState, ResourceState};
use macadam_core::plan::Output;
use macadam_core::request::Action;

use super::super::requests::state::{self, Move};
use super::super::resources::change::{self, Cause};
use super::super::row::{At, Columns, int, plain};
use super::super::tx::Tx;
use super::super::{Conn, PostgresStore, requests, resources};
use super::lease;
use crate::{Finished, JobEnd, JobError, JobPhase, Lease, RequestRecord, ResourceRecord, StoreError};

type Result<T> = std::result::Result<T, JobError>;

pub(super) async fn finish(store: &PostgresStore, lease: &Lease, end: &JobEnd, now: Timestamp) -> Result<Finished> {
    let mut tx = store.begin().await?;
    let (job_state, request_state, text) = match end {
        JobEnd::Done { .. } => (JobState::Succeeded, RequestState::Succeeded, None),
        JobEnd::Failed { error } | JobEnd::Abandoned { error } => {
            (JobState::Failed, RequestState::Failed, Some(error.as_str()))
        }
    };
    let phase = lease::phase(&mut tx, lease).await?;
    if phase == JobPhase::Undo && job_state == JobState::Succeeded {
        let reason = "undoing ends in the failure that made it necessary";
        return Err(JobError::WrongPhase { job: lease.job, phase, reason });
    }
    let request = end_job(&mut tx, lease, job_state, text, now).await?;
    state::move_to(&mut tx, &request, &Move { text, ..Move::to(request_state) }, now).await?;
    let id = request.subject.resource().ok_or_else(|| StoreError::corrupt("job", "its request names no resource"))?;
    let resource = resources::named(&mut tx, id).await?;
    let resource = settle(&mut tx, &request, &resource, end, now).await?;
    tx.commit(now).await?;
    Ok(Finished { request: request_state, resource })
}

/// Ends the job itself, and gives its request.
pub(super) async fn end_job(
    conn: &mut Conn,
    lease: &Lease,
    state: JobState,
    error: Option<&str>,
    now: Timestamp,
) -> Result<RequestRecord> {
    let ended = sqlx::query(
        "UPDATE jobs
         SET state = $3, error = coalesce($4, error), sealed_state = NULL, worker = NULL, lease_until = NULL,
             updated_at = $5
         WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING request_id",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(state.as_str())
    .bind(error.map(plain))
    .bind(At(now))
    .fetch_optional(&mut *conn)
    .await;
    let job = lease::held_by(lease, ended)?;
    Ok(requests::read::named(conn, job.parsed("request_id")?).await?)
}

/// What the work made of a resource, whichever way it ended.
async fn settle(
    tx: &mut Tx,
    request: &RequestRecord,
    resource: &ResourceRecord,
    end: &JobEnd,
    now: Timestamp,
) -> Result<ResourceState> {
    let cause = Cause { request: request.id, now };
    if let (JobEnd::Done { outputs }, Some(desired)) = (end, &request.desired) {
        change::become_ready(tx, resource, desired, outputs as &[Output], cause).await?;
        return Ok(ResourceState::Ready);
    }
    let (to, keep_cost) = match (request.action, end) {
        (_, JobEnd::Done { .. }) => (ResourceState::Deleted, false),
        (Action::Create, JobEnd::Failed { .. }) => (ResourceState::Failed, false),
        (Action::Create, JobEnd::Abandoned { .. }) => (ResourceState::Deleting, true),
        (Action::Delete, JobEnd::Abandoned { .. }) => (ResourceState::Deleting, false),
        (Action::Delete, JobEnd::Failed { .. }) => (request.found.unwrap_or(ResourceState::Ready), false),
        (Action::Update | Action::Scaffold, _) => (ResourceState::Ready, false),
    };
    change::release(tx, resource, to, keep_cost, cause).await?;
    Ok(to)
}
