//! Deciding anew, when what was approved turns out not to be what would be done.

use jiff::Timestamp;
use macadam_core::lifecycle::{JobState, RequestState, ResourceState};
use macadam_core::request::Action;
use serde_json::json;

use super::super::requests::waiting;
use super::super::resources::change::{self, Cause};
use super::super::row::{Columns, json, micros, one_row};
use super::super::{Conn, Result, SqliteStore, commit, journal, requests, resources};
use super::{finish, lease};
use crate::{AttemptOutcome, Decision, JobError, JobPhase, Lease, PendingApproval, Redecided, RequestRecord};

pub(super) async fn redecide(
    store: &SqliteStore,
    lease: &Lease,
    decision: &Decision,
    now: Timestamp,
) -> Result<Redecided, JobError> {
    let mut tx = store.begin().await?;
    nothing_was_done(&mut tx, lease).await?;
    let (redecided, request) = match decision.waits_for() {
        Some(wait) => {
            let text = "decided anew; waits for approval again";
            let (state, outcome) = (JobState::Failed, AttemptOutcome::Returned);
            let ending = finish::Ending { state, outcome, error: Some(text), class: None };
            let request = finish::end_job(&mut tx, lease, &ending, now).await?;
            wait_again(&mut tx, &request, wait, now).await?;
            (Redecided::ReturnedToPending, request)
        }
        None => (Redecided::GoesOn, request_of(&mut tx, lease).await?),
    };
    waiting::forget_approvals(&mut tx, request.id).await?;
    replace(&mut tx, &request, decision, now).await?;
    commit(tx).await?;
    Ok(redecided)
}

/// A decision can be replaced only before its work: afterwards something exists that it stood for.
async fn nothing_was_done(conn: &mut Conn, lease: &Lease) -> Result<(), JobError> {
    let phase = lease::held(conn, lease).await?.phase;
    let begun =
        sqlx::query("SELECT begun FROM jobs WHERE id = $1").bind(lease.job.to_string()).fetch_optional(conn).await;
    if lease::held_by(lease, begun)?.int("begun")? != 0 || phase == JobPhase::Undo {
        let reason = "what was approved has begun and cannot be decided anew";
        return Err(JobError::WrongPhase { job: lease.job, phase, reason });
    }
    Ok(())
}

async fn request_of(conn: &mut Conn, lease: &Lease) -> Result<RequestRecord> {
    let query = sqlx::query("SELECT request_id FROM jobs WHERE id = $1").bind(lease.job.to_string());
    let id = query.fetch_one(&mut *conn).await?.parsed("request_id")?;
    requests::read::named(conn, id).await
}

/// Puts request and resource where they were before the work began.
async fn wait_again(conn: &mut Conn, request: &RequestRecord, wait: &PendingApproval, now: Timestamp) -> Result<()> {
    let returned = sqlx::query(
        "UPDATE requests SET state = 'pending-approval', expires_at = $2 WHERE id = $1 AND state = 'running'",
    )
    .bind(request.id.to_string())
    .bind(micros(wait.expires_at))
    .execute(&mut *conn)
    .await?;
    one_row("request", &returned)?;
    let Some(id) = request.subject.resource() else { return Ok(()) };
    let resource = resources::named(conn, id).await?;
    let before = match request.action {
        Action::Create | Action::Scaffold => resource.state,
        Action::Update => ResourceState::Ready,
        Action::Delete => request.found.unwrap_or(ResourceState::Ready),
    };
    change::move_to(conn, &resource, before, Cause { request: request.id, now }).await
}

/// Writes the new decision over the old one, which the audit log keeps by its digest.
async fn replace(conn: &mut Conn, request: &RequestRecord, decision: &Decision, now: Timestamp) -> Result<()> {
    let needs = decision.waits_for().map(|wait| wait.needs.clone()).unwrap_or_default();
    let replaced =
        sqlx::query("UPDATE requests SET decision = $2, digest = $3, needs = $4, updated_at = $5 WHERE id = $1")
            .bind(request.id.to_string())
            .bind(json("decision", &decision.record)?)
            .bind(decision.digest.to_string())
            .bind(json("needs", &needs)?)
            .bind(micros(now))
            .execute(&mut *conn)
            .await?;
    one_row("request", &replaced)?;
    let to = if needs.is_empty() { RequestState::Running } else { RequestState::PendingApproval };
    let more = json!({ "from": request.state, "to": to, "new_digest": decision.digest, "needs": needs });
    journal::record_request(conn, None, "request.redecided", request, more, now).await
}
