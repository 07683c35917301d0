//! Approving: one person's yes, counted where no other can come between.

use jiff::Timestamp;
use macadam_core::approvals::{Approver, missing};
use macadam_core::lifecycle::RequestState;
use macadam_core::request::Action;
use serde_json::json;

use super::super::{Conn, Result, SqliteStore, commit, jobs, journal};
use super::state::{self, Move};
use super::{read, waiting};
use crate::{Approval, ApproveOutcome, By, JobPhase, RequestRecord, ReviewError};

pub(super) async fn approve(
    store: &SqliteStore,
    approval: &Approval,
    now: Timestamp,
) -> Result<ApproveOutcome, ReviewError> {
    let mut tx = store.begin().await?;
    let request = waiting::pending(&mut tx, approval.request).await?;
    let mut approvers = approvers(&mut tx, &request).await?;
    check(&request, &approvers, approval, now)?;
    approvers.push(approval.approver.clone());
    waiting::add_approval(&mut tx, approval, now).await?;
    let missing = missing(&request.needs, &approvers);
    let more = json!({
        "approver": approval.approver, "comment": approval.comment, "people_missing": people(&missing),
    });
    let by = By::person(&approval.approver.person, &approval.origin);
    journal::record_request(&mut tx, by, "request.approved", &request, more, now).await?;
    let outcome = if missing.is_empty() {
        go_ahead(&mut tx, &request, approval, now).await?
    } else {
        ApproveOutcome::StillPending { missing }
    };
    commit(tx).await?;
    Ok(outcome)
}

async fn approvers(conn: &mut Conn, request: &RequestRecord) -> Result<Vec<Approver>> {
    Ok(read::approvals(conn, request.id).await?.into_iter().map(|approval| approval.approver).collect())
}

/// Whether an approval counts. Approvals can only ever be matched to needs in growing numbers, so one that meets
/// nothing together with those before it will meet nothing with those after it either.
fn check(request: &RequestRecord, before: &[Approver], approval: &Approval, now: Timestamp) -> Result<(), ReviewError> {
    let person = &approval.approver.person;
    // Too late is too late, also when nobody has swept the request away yet.
    if request.expires_at.is_some_and(|end| end <= now) {
        return Err(ReviewError::NotPending { state: RequestState::Expired });
    }
    if request.digest != approval.digest {
        return Err(ReviewError::DigestChanged { current: request.digest });
    }
    if request.actor.person == *person {
        return Err(ReviewError::OwnRequest(person.clone()));
    }
    if before.iter().any(|approver| approver.person == *person) {
        return Err(ReviewError::AlreadyApproved(person.clone()));
    }
    let after: Vec<Approver> = before.iter().chain([&approval.approver]).cloned().collect();
    let short = |approvers: &[Approver]| people(&missing(&request.needs, approvers));
    if short(&after) == short(before) {
        return Err(ReviewError::NotAnApprover(person.clone()));
    }
    Ok(())
}

fn people(missing: &[(usize, u32)]) -> u64 {
    missing.iter().map(|(_, people)| u64::from(*people)).sum()
}

/// The last approval is there: a worker takes over, or there is nothing more to do.
async fn go_ahead(
    conn: &mut Conn,
    request: &RequestRecord,
    approval: &Approval,
    now: Timestamp,
) -> Result<ApproveOutcome> {
    let phase = match request.action {
        Action::Create | Action::Update => JobPhase::Provision,
        Action::Delete => JobPhase::Deprovision,
        Action::Scaffold => {
            state::move_to(conn, request, &Move::to(RequestState::Succeeded), now).await?;
            return Ok(ApproveOutcome::Succeeded);
        }
    };
    let queued = Move { job: Some(approval.job), ..Move::to(RequestState::Queued) };
    state::move_to(conn, request, &queued, now).await?;
    jobs::insert(conn, approval.job, request, phase, approval.origin.trace, now).await?;
    Ok(ApproveOutcome::Queued { job: approval.job })
}
