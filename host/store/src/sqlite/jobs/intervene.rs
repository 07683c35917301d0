//! What people do to jobs: taking one back, and having a dead one tried again.

use jiff::Timestamp;
use macadam_core::lifecycle::{JobState, RequestState, ResourceState};
use macadam_core::request::Action;
use serde_json::json;
use sqlx::sqlite::SqliteRow;

use super::super::requests::state::{self, Move};
use super::super::resources::change::{self, Cause};
use super::super::row::{Columns, micros, one_row};
use super::super::{Conn, SqliteStore, commit, journal, requests, resources};
use super::read;
use crate::{ByPerson, Cancelled, InterveneError, JobId, JobPhase, JobRecord, RequestId, RequestRecord};

type Result<T> = std::result::Result<T, InterveneError>;

pub(super) async fn cancel(store: &SqliteStore, id: JobId, by: ByPerson<'_>, now: Timestamp) -> Result<Cancelled> {
    let mut tx = store.begin().await?;
    let job = read::by_id(&mut tx, id).await?.ok_or(InterveneError::NotFound(id))?;
    if job.state.is_final() {
        return Err(InterveneError::Ended { state: job.state });
    }
    if job.cancelled.is_some() {
        return Ok(Cancelled::Undoing);
    }
    let request = requests::read::named(&mut tx, job.request).await?;
    let cancelled = if has_begun(&mut tx, id).await? {
        ask_for_undoing(&mut tx, &job, &request, by, now).await?;
        Cancelled::Undoing
    } else {
        end_at_once(&mut tx, &job, &request, by, now).await?;
        Cancelled::AtOnce
    };
    commit(tx).await?;
    Ok(cancelled)
}

async fn has_begun(conn: &mut Conn, id: JobId) -> Result<bool> {
    let row = sqlx::query("SELECT begun FROM jobs WHERE id = $1").bind(id.to_string()).fetch_one(conn).await;
    Ok(row.map_err(crate::StoreError::from)?.int("begun")? != 0)
}

/// The provider may have begun, so the next worker undoes what there is; it looks at once.
async fn ask_for_undoing(
    conn: &mut Conn,
    job: &JobRecord,
    request: &RequestRecord,
    by: ByPerson<'_>,
    now: Timestamp,
) -> Result<()> {
    match job.phase {
        JobPhase::Provision => {}
        JobPhase::Undo => return Err(InterveneError::UndoneAlready),
        JobPhase::Deprovision => return Err(InterveneError::RemovalHasBegun { key: job.resource_key.clone() }),
    }
    let asked = sqlx::query(
        "UPDATE jobs
         SET cancelled_by = $2, cancelled_at = $3, run_after = min(run_after, $3), updated_at = $3
         WHERE id = $1 AND state IN ('queued', 'running') AND phase = 'provision'",
    )
    .bind(job.id.to_string())
    .bind(by.person.as_str())
    .bind(micros(now))
    .execute(&mut *conn)
    .await
    .map_err(crate::StoreError::from)?;
    one_row("job", &asked)?;
    journal::record_job(conn, by, "job.cancel-requested", job.id, request, json!({}), now).await?;
    Ok(())
}

/// Nothing was done. A worker that has the job finds its lease lost before it may begin.
async fn end_at_once(
    conn: &mut Conn,
    job: &JobRecord,
    request: &RequestRecord,
    by: ByPerson<'_>,
    now: Timestamp,
) -> Result<()> {
    let ended = sqlx::query(
        "UPDATE jobs
         SET state = 'cancelled', cancelled_by = $2, cancelled_at = $3, sealed_state = NULL, worker = NULL,
             lease_until = NULL, updated_at = $3
         WHERE id = $1 AND state IN ('queued', 'running') AND begun = 0",
    )
    .bind(job.id.to_string())
    .bind(by.person.as_str())
    .bind(micros(now))
    .execute(&mut *conn)
    .await
    .map_err(crate::StoreError::from)?;
    one_row("job", &ended)?;
    sqlx::query("UPDATE job_attempts SET ended_at = $2, outcome = 'cancelled' WHERE job_id = $1 AND outcome IS NULL")
        .bind(job.id.to_string())
        .bind(micros(now))
        .execute(&mut *conn)
        .await
        .map_err(crate::StoreError::from)?;
    let text = format!("cancelled by {}", by.person);
    let step = Move { to: RequestState::Cancelled, by: by.into(), job: None, text: Some(&text) };
    state::move_to(conn, request, &step, now).await?;
    let resource = resources::named(conn, job.resource).await?;
    let to = match request.action {
        Action::Create => ResourceState::Deleted,
        Action::Update | Action::Scaffold => ResourceState::Ready,
        Action::Delete => request.found.unwrap_or(ResourceState::Ready),
    };
    change::release(conn, &resource, to, false, Cause { request: request.id, now }).await?;
    journal::record_job(conn, by, "job.cancelled", job.id, request, json!({}), now).await?;
    Ok(())
}

pub(super) async fn retry(store: &SqliteStore, id: JobId, by: ByPerson<'_>, now: Timestamp) -> Result<()> {
    let mut tx = store.begin().await?;
    let job = read::by_id(&mut tx, id).await?.ok_or(InterveneError::NotFound(id))?;
    if job.state != JobState::Dead {
        return Err(InterveneError::NotDead { state: job.state });
    }
    let request = requests::read::named(&mut tx, job.request).await?;
    let resource = resources::named(&mut tx, job.resource).await?;
    if resource.open_request.is_some() {
        return Err(InterveneError::Busy { key: resource.key });
    }
    let left = if request.action == Action::Update { ResourceState::Ready } else { ResourceState::Deleting };
    if resource.state != left {
        return Err(InterveneError::Overtaken { key: resource.key });
    }
    let queued = sqlx::query(
        "UPDATE jobs SET state = 'queued', failures = 0, failing_since = NULL, phase_since = NULL,
                         run_after = $2, updated_at = $2
         WHERE id = $1 AND state = 'dead'",
    )
    .bind(id.to_string())
    .bind(micros(now))
    .execute(&mut *tx)
    .await
    .map_err(crate::StoreError::from)?;
    one_row("job", &queued)?;
    let step = Move { to: RequestState::Queued, by: by.into(), job: Some(id), text: None };
    state::move_to(&mut tx, &request, &step, now).await?;
    change::reserve(&mut tx, &resource, None, Cause { request: request.id, now }).await?;
    journal::record_job(&mut tx, by, "job.retried", id, &request, json!({ "error": job.error }), now).await?;
    Ok(commit(tx).await?)
}

/// What other dead jobs of a resource had left is gone, or is as it should be: there is nothing more to mend. Jobs come
/// before their resource in the order of locks, so this is done while only the ending job is held.
pub(super) async fn settle_dead(conn: &mut Conn, ending: JobId, now: Timestamp) -> crate::sqlite::Result<()> {
    let settled = sqlx::query(
        "UPDATE jobs SET state = 'failed', sealed_state = NULL, updated_at = $2
         WHERE state = 'dead' AND request_id IN (
             SELECT id FROM requests WHERE resource_id = (
                 SELECT requests.resource_id FROM requests JOIN jobs ON jobs.request_id = requests.id
                 WHERE jobs.id = $1))
         RETURNING id, request_id",
    )
    .bind(ending.to_string())
    .bind(micros(now))
    .fetch_all(&mut *conn)
    .await?;
    let ids = |job: &SqliteRow| -> crate::sqlite::Result<(JobId, RequestId)> {
        Ok((job.parsed("id")?, job.parsed("request_id")?))
    };
    for (job, request) in settled.iter().map(ids).collect::<crate::sqlite::Result<Vec<_>>>()? {
        let request = requests::read::named(conn, request).await?;
        journal::note_job(conn, "job.settled", job, &request, json!({ "settled_by": ending }), now).await?;
    }
    Ok(())
}
