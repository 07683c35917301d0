//! Ways for a pending request to end without a yes: rejected, taken back, or too late.

use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::lifecycle::RequestState;
use macadam_core::names::PersonId;

use super::super::row::{Columns, micros};
use super::super::{Result, SqliteStore, commit};
use super::state::Move;
use super::{read, waiting};
use crate::{By, RequestId, ReviewError};

pub(super) async fn reject(
    store: &SqliteStore,
    id: RequestId,
    person: &PersonId,
    origin: &Origin,
    comment: Option<&str>,
    now: Timestamp,
) -> Result<(), ReviewError> {
    let mut tx = store.begin().await?;
    let request = waiting::pending(&mut tx, id).await?;
    if request.actor.person == *person {
        return Err(ReviewError::OwnRequest(person.clone()));
    }
    let rejected = Move { to: RequestState::Rejected, by: By::person(person, origin), job: None, text: comment };
    waiting::end(&mut tx, &request, &rejected, now).await?;
    Ok(commit(tx).await?)
}

pub(super) async fn cancel(
    store: &SqliteStore,
    id: RequestId,
    person: &PersonId,
    origin: &Origin,
    now: Timestamp,
) -> Result<(), ReviewError> {
    let mut tx = store.begin().await?;
    let request = waiting::pending(&mut tx, id).await?;
    if request.actor.person != *person {
        return Err(ReviewError::NotRequester { requester: request.actor.person });
    }
    let cancelled = Move { to: RequestState::Cancelled, by: By::person(person, origin), job: None, text: None };
    waiting::end(&mut tx, &request, &cancelled, now).await?;
    Ok(commit(tx).await?)
}

pub(super) async fn expire_pending(store: &SqliteStore, now: Timestamp, limit: u32) -> Result<Vec<RequestId>> {
    let mut tx = store.begin().await?;
    let query = sqlx::query(
        "SELECT id FROM requests WHERE state = 'pending-approval' AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2",
    );
    let rows = query.bind(micros(now)).bind(limit).fetch_all(&mut *tx).await?;
    let due: Vec<RequestId> = rows.iter().map(|row| row.parsed("id")).collect::<Result<_>>()?;
    for id in &due {
        let request = read::named(&mut tx, *id).await?;
        waiting::end(&mut tx, &request, &Move::to(RequestState::Expired), now).await?;
    }
    commit(tx).await?;
    Ok(due)
}

pub(super) async fn anything_expired(store: &SqliteStore, now: Timestamp) -> Result<bool> {
    let query = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM requests WHERE state = 'pending-approval' AND expires_at <= $1)
             OR EXISTS (SELECT 1 FROM resources
                        WHERE state = 'ready' AND expires_at <= $1 AND open_request IS NULL) AS expired",
    );
    Ok(query.bind(micros(now)).fetch_one(&mut *store.read().await?).await?.int("expired")? != 0)
}
