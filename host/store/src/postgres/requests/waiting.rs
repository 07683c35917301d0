//! Requests that wait for people: who has said yes, and how the wait begins and ends.

use jiff::Timestamp;
use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_core::request::Action;

use super::super::resources::change::{self, Cause};
use super::super::row::{At, json, plain};
use super::super::tx::Tx;
use super::super::{Conn, Result, resources};
use super::read;
use super::state::{self, Move};
use crate::{Approval, RequestId, RequestRecord, ReviewError};

/// A request that is pending, and that nobody else decides on meanwhile.
pub(super) async fn pending(conn: &mut Conn, id: RequestId) -> Result<RequestRecord, ReviewError> {
    let request = read::hold(conn, id).await?.ok_or(ReviewError::NotFound(id))?;
    match request.state {
        RequestState::PendingApproval => Ok(request),
        state => Err(ReviewError::NotPending { state }),
    }
}

/// Adds a yes.
pub(super) async fn add_approval(conn: &mut Conn, approval: &Approval, now: Timestamp) -> Result<()> {
    sqlx::query("INSERT INTO approvals (request_id, person, groups, comment, at) VALUES ($1, $2, $3, $4, $5)")
        .bind(approval.request.to_string())
        .bind(approval.approver.person.as_str())
        .bind(json("groups", &approval.approver.groups)?)
        .bind(approval.comment.as_deref().map(plain))
        .bind(At(now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets every yes: they were to a decision that is replaced. The audit log keeps them.
pub(in super::super) async fn forget_approvals(conn: &mut Conn, id: RequestId) -> Result<()> {
    sqlx::query("DELETE FROM approvals WHERE request_id = $1").bind(id.to_string()).execute(conn).await?;
    Ok(())
}

/// Ends a wait without a yes: the request is over, and its resource is let go.
pub(super) async fn end(tx: &mut Tx, request: &RequestRecord, step: &Move<'_>, now: Timestamp) -> Result<()> {
    state::move_to(tx, request, step, now).await?;
    let Some(id) = request.subject.resource() else { return Ok(()) };
    let resource = resources::named(tx, id).await?;
    let to = match request.action {
        Action::Create => ResourceState::Deleted,
        Action::Update | Action::Delete | Action::Scaffold => resource.state,
    };
    change::release(tx, &resource, to, false, Cause { request: request.id, now }).await
}
