//! The end of a job: with it ends its request, and its resource is what the work made of it.

use jiff::Timestamp;
use macadam_core::lifecycle::{JobState, RequestState, ResourceState};
use macadam_core::names::PersonId;
use macadam_core::plan::Output;
use macadam_core::request::Action;
use macadam_core::retry::ErrorClass;
use serde_json::json;

use super::super::requests::state::{self, Move};
use super::super::resources::change::{self, Cause};
use super::super::row::{At, Columns, int, plain};
use super::super::tx::Tx;
use super::super::{Conn, PostgresStore, journal, requests, resources};
use super::history::End;
use super::{history, intervene, lease};
use crate::{AttemptOutcome, Finished, JobEnd, JobError, JobPhase, Lease, RequestRecord, ResourceRecord, StoreError};

type Result<T> = std::result::Result<T, JobError>;

/// How a job ends, for its own row.
pub(super) struct Ending<'a> {
    pub(super) state: JobState,
    pub(super) outcome: AttemptOutcome,
    pub(super) error: Option<&'a str>,
    pub(super) class: Option<ErrorClass>,
}

pub(super) async fn finish(store: &PostgresStore, lease: &Lease, end: &JobEnd, now: Timestamp) -> Result<Finished> {
    let mut tx = store.begin().await?;
    let held = lease::held(&mut tx, lease).await?;
    may_end(lease, &held, end)?;
    let (ending, request_state) = ending(end, held.cancelled_by.as_ref());
    if ending.state != JobState::Dead {
        intervene::settle_dead(&mut tx, lease.job, now).await?;
    }
    let request = end_job(&mut tx, lease, &ending, now).await?;
    let step = Move { text: ending.error, ..Move::to(request_state) };
    state::move_to(&mut tx, &request, &step, now).await?;
    let id = request.subject.resource().ok_or_else(|| StoreError::corrupt("job", "its request names no resource"))?;
    let resource = resources::named(&mut tx, id).await?;
    let resource = settle(&mut tx, &request, &resource, end, request_state, now).await?;
    tell(&mut tx, lease, &request, &ending, held.cancelled_by.as_ref());
    tx.commit(now).await?;
    Ok(Finished { request: request_state, resource })
}

/// Tells of ends that a request's own events do not tell apart.
fn tell(tx: &mut Tx, lease: &Lease, request: &RequestRecord, ending: &Ending<'_>, by: Option<&PersonId>) {
    let (action, by) = match ending.state {
        JobState::Dead => ("job.dead", None),
        JobState::Cancelled => ("job.cancelled", by),
        _ => return,
    };
    let told = json!({ "error": ending.error, "error_class": ending.class });
    journal::record_job(tx, by, action, lease.job, request, told);
}

/// Undoing never ends well, and what was taken back is not handed out.
fn may_end(lease: &Lease, held: &lease::Held, end: &JobEnd) -> Result<()> {
    let JobEnd::Done { .. } = end else { return Ok(()) };
    match (held.phase, &held.cancelled_by) {
        (JobPhase::Undo, _) => {
            let reason = "undoing ends in the failure that made it necessary";
            Err(JobError::WrongPhase { job: lease.job, phase: held.phase, reason })
        }
        (JobPhase::Provision, Some(by)) => Err(JobError::Cancelled { job: lease.job, by: by.clone() }),
        _ => Ok(()),
    }
}

fn ending<'a>(end: &'a JobEnd, cancelled_by: Option<&PersonId>) -> (Ending<'a>, RequestState) {
    let (state, outcome, request, error, class) = match end {
        JobEnd::Done { .. } => (JobState::Succeeded, AttemptOutcome::Done, RequestState::Succeeded, None, None),
        JobEnd::Failed { error } if cancelled_by.is_some() => {
            (JobState::Cancelled, AttemptOutcome::Cancelled, RequestState::Cancelled, Some(error), None)
        }
        JobEnd::Failed { error } => (JobState::Failed, AttemptOutcome::Failed, RequestState::Failed, Some(error), None),
        JobEnd::Abandoned { error, class } => {
            (JobState::Dead, AttemptOutcome::Dead, RequestState::Failed, Some(error), Some(*class))
        }
    };
    (Ending { state, outcome, error: error.map(String::as_str), class }, request)
}

/// Ends the job itself, and gives its request. A dead one keeps the state of its last step, to be taken up again.
pub(super) async fn end_job(
    conn: &mut Conn,
    lease: &Lease,
    ending: &Ending<'_>,
    now: Timestamp,
) -> Result<RequestRecord> {
    let ended = sqlx::query(
        "UPDATE jobs
         SET state = $3, error = CASE $3 WHEN 'succeeded' THEN NULL ELSE coalesce($4, error) END,
             error_class = CASE $3 WHEN 'succeeded' THEN NULL ELSE coalesce($6, error_class) END,
             sealed_state = CASE $3 WHEN 'dead' THEN sealed_state ELSE NULL END, worker = NULL, lease_until = NULL,
             updated_at = $5
         WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING request_id",
    )
    .bind(lease.job.to_string())
    .bind(int(lease.fence))
    .bind(ending.state.as_str())
    .bind(ending.error.map(plain))
    .bind(At(now))
    .bind(ending.class.map(ErrorClass::as_str))
    .fetch_optional(&mut *conn)
    .await;
    let job = lease::held_by(lease, ended)?;
    let end = End { outcome: ending.outcome, class: ending.class, note: ending.error.unwrap_or_default() };
    history::end(conn, lease, &end, now).await?;
    Ok(requests::read::named(conn, job.parsed("request_id")?).await?)
}

/// What the work made of a resource, whichever way it ended.
async fn settle(
    tx: &mut Tx,
    request: &RequestRecord,
    resource: &ResourceRecord,
    end: &JobEnd,
    request_state: RequestState,
    now: Timestamp,
) -> Result<ResourceState> {
    let cause = Cause { request: request.id, now };
    if let (JobEnd::Done { outputs }, Some(desired)) = (end, &request.desired) {
        change::become_ready(tx, resource, desired, outputs as &[Output], cause).await?;
        return Ok(ResourceState::Ready);
    }
    let (to, keep_cost) = match (request.action, end) {
        (_, JobEnd::Done { .. }) => (ResourceState::Deleted, false),
        // Somebody did not want it any more: that is no failure.
        (Action::Create, JobEnd::Failed { .. }) if request_state == RequestState::Cancelled => {
            (ResourceState::Deleted, false)
        }
        (Action::Create, JobEnd::Failed { .. }) => (ResourceState::Failed, false),
        (Action::Create, JobEnd::Abandoned { .. }) => (ResourceState::Deleting, true),
        (Action::Delete, JobEnd::Abandoned { .. }) => (ResourceState::Deleting, false),
        (Action::Delete, JobEnd::Failed { .. }) => (request.found.unwrap_or(ResourceState::Ready), false),
        (Action::Update | Action::Scaffold, _) => (ResourceState::Ready, false),
    };
    change::release(tx, resource, to, keep_cost, cause).await?;
    Ok(to)
}
