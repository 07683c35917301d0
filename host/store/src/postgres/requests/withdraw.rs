//! Ways for a pending request to end without a yes: rejected, taken back, or too late.

use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::lifecycle::RequestState;
use macadam_core::names::PersonId;

use super::super::row::{At, Columns, flag};
use super::super::tx::retrying;
use super::super::{PostgresStore, Result};
use super::state::Move;
use super::{read, waiting};
use crate::{By, RequestId, ReviewError};

pub(super) async fn reject(
    store: &PostgresStore,
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
    tx.commit(now).await?;
    Ok(())
}

pub(super) async fn cancel(
    store: &PostgresStore,
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
    tx.commit(now).await?;
    Ok(())
}

/// Ends each that is due in a transaction of its own: one that changed several resources would come from the usage of
/// one back to the next resource.
pub(super) async fn expire_pending(store: &PostgresStore, now: Timestamp, limit: u32) -> Result<Vec<RequestId>> {
    let query = sqlx::query(
        "SELECT id FROM requests WHERE state = 'pending-approval' AND expires_at <= $1
         ORDER BY expires_at, id LIMIT $2",
    );
    let rows = query.bind(At(now)).bind(i64::from(limit)).fetch_all(&mut *store.read().await?).await?;
    let due: Vec<RequestId> = rows.iter().map(|row| row.parsed("id")).collect::<Result<_>>()?;
    let mut expired = Vec::new();
    for id in due {
        if retrying(|| expire(store, id, now)).await? {
            expired.push(id);
        }
    }
    Ok(expired)
}

async fn expire(store: &PostgresStore, id: RequestId, now: Timestamp) -> Result<bool> {
    let mut tx = store.begin().await?;
    // One that somebody has in hand, such as another replica's sweep, is that one's to end.
    let query = sqlx::query(
        "SELECT id FROM requests WHERE id = $1 AND state = 'pending-approval' AND expires_at <= $2
         FOR NO KEY UPDATE SKIP LOCKED",
    );
    if query.bind(id.to_string()).bind(At(now)).fetch_optional(&mut *tx).await?.is_none() {
        tx.leave().await?;
        return Ok(false);
    }
    let request = read::named(&mut tx, id).await?;
    waiting::end(&mut tx, &request, &Move::to(RequestState::Expired), now).await?;
    tx.commit(now).await?;
    Ok(true)
}

pub(super) async fn anything_expired(store: &PostgresStore, now: Timestamp) -> Result<bool> {
    let query = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM requests WHERE state = 'pending-approval' AND expires_at <= $1)
             OR EXISTS (SELECT 1 FROM resources
                        WHERE state = 'ready' AND expires_at <= $1 AND open_request IS NULL) AS expired",
    );
    flag(&query.bind(At(now)).fetch_one(&mut *store.read().await?).await?, "expired")
}
