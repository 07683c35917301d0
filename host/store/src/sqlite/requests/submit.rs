//! Taking a request: everything it touches, in one transaction that holds the write lock from its first read. Everybody else
//! who writes waits for its end, so what it looks at comes first and what it writes is one trip.

use jiff::Timestamp;
use macadam_core::lifecycle::RequestState;
use macadam_core::names::TeamId;
use macadam_core::standing::{Reservation, Standing};
use macadam_core::trace::TraceParent;
use serde_json::json;

use super::super::resources::change::{self, Cause, NewResource};
use super::super::writes::Writes;
use super::super::{Conn, SqliteStore, commit, jobs, journal, scaffolds, teams};
use super::insert;
use super::target::{Target, monthly};
use crate::{By, NewRequest, RequestRecord, SubmitError, Submitted};

type Result<T> = std::result::Result<T, SubmitError>;

pub(super) async fn submit(store: &SqliteStore, new: &NewRequest, now: Timestamp) -> Result<Submitted> {
    let mut tx = store.begin().await?;
    let target = Target::fitting(&mut tx, &new.change).await?;
    let standing = standing(&mut tx, target.team(new)).await?;
    let reservation = target.reservation(&standing);
    if let Some(reservation) = &reservation {
        standing.admit(reservation).map_err(SubmitError::OverQuota)?;
    }
    let request = RequestRecord { reservation, ..record(new, &target, state_when_taken(new, &target), now) };
    let mut writes = Writes::default();
    hold(&mut tx, &mut writes, &target, &standing, Cause { request: request.id, now }).await?;
    insert::insert(&mut writes, &request)?;
    follow(&mut writes, &target, &request, new.origin.trace, now)?;
    record_all(&mut tx, writes, new, &target, &request, now).await?;
    commit(tx).await?;
    Ok(answer(&request))
}

pub(super) async fn record_denied(store: &SqliteStore, new: &NewRequest, now: Timestamp) -> Result<Submitted> {
    let mut tx = store.begin().await?;
    let target = Target::any(&mut tx, &new.change).await?;
    // Also a request that was refused belongs to a team that exists.
    standing(&mut tx, target.team(new)).await?;
    let request = record(new, &target, RequestState::Denied, now);
    let mut writes = Writes::default();
    insert::insert(&mut writes, &request)?;
    record_all(&mut tx, writes, new, &target, &request, now).await?;
    commit(tx).await?;
    Ok(answer(&request))
}

async fn standing(conn: &mut Conn, team: &TeamId) -> Result<Standing> {
    teams::standing(conn, team).await?.ok_or_else(|| SubmitError::UnknownTeam(team.clone()))
}

fn state_when_taken(new: &NewRequest, target: &Target<'_>) -> RequestState {
    match (new.decision.waits_for(), target.phase()) {
        (Some(_), _) => RequestState::PendingApproval,
        (None, Some(_)) => RequestState::Queued,
        (None, None) => RequestState::Succeeded,
    }
}

/// Makes the resource, or holds the one that is there.
async fn hold(
    conn: &mut Conn,
    writes: &mut Writes,
    target: &Target<'_>,
    standing: &Standing,
    cause: Cause,
) -> std::result::Result<(), crate::StoreError> {
    match target {
        Target::New { id, key, desired } => {
            let (team, reserved) = (&standing.team.name, monthly(desired, standing));
            change::insert(writes, &NewResource { id: *id, key, team, desired, reserved }, cause)
        }
        Target::Changed { resource, desired } => {
            change::reserve(conn, resource, Some(monthly(desired, standing)), cause).await
        }
        Target::Removed { resource } => change::reserve(conn, resource, None, cause).await,
        Target::Project(_) => Ok(()),
    }
}

/// Adds what hangs on the request: its project, or its job when it may go ahead.
fn follow(
    writes: &mut Writes,
    target: &Target<'_>,
    request: &RequestRecord,
    trace: Option<TraceParent>,
    now: Timestamp,
) -> Result<()> {
    if let Target::Project(scaffold) = target {
        scaffolds::insert(writes, scaffold, request.id, now)?;
    }
    if let (Some(job), Some(does_it)) = (request.job, target.phase().zip(target.provider())) {
        jobs::write(writes, job, request, does_it, trace, now);
    }
    Ok(())
}

fn record(new: &NewRequest, target: &Target<'_>, state: RequestState, now: Timestamp) -> RequestRecord {
    let denied = state == RequestState::Denied;
    let waits_for = new.decision.waits_for().filter(|_| !denied);
    let found = if let Target::Removed { resource } = target { Some(resource.state) } else { None };
    RequestRecord {
        id: new.id,
        action: new.change.action(),
        subject: target.subject(denied),
        team: target.team(new).clone(),
        actor: new.actor.clone(),
        document: new.document.clone(),
        desired: target.desired().cloned(),
        state,
        decision: new.decision.record.clone(),
        digest: new.decision.digest,
        needs: waits_for.map(|approval| approval.needs.clone()).unwrap_or_default(),
        reservation: None::<Reservation>,
        job: (state == RequestState::Queued).then_some(new.job),
        failure: None,
        created_at: now,
        updated_at: now,
        expires_at: waits_for.map(|approval| approval.expires_at),
        found,
    }
}

/// Records the request, and writes it with all that belongs to it.
async fn record_all(
    conn: &mut Conn,
    writes: Writes,
    new: &NewRequest,
    target: &Target<'_>,
    request: &RequestRecord,
    now: Timestamp,
) -> Result<()> {
    let more = json!({ "to": request.state, "job": request.job });
    let (by, action) = (By::person(&request.actor.person, &new.origin), format!("request.{}", request.state));
    let (before, after) = target.digests()?;
    let entry = journal::of_request(by, &action, request, more).changed(before, after);
    Ok(journal::record_with(conn, writes, entry, now).await?)
}

fn answer(request: &RequestRecord) -> Submitted {
    Submitted { request: request.id, state: request.state, resource: request.subject.resource(), job: request.job }
}
