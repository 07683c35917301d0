//! Giving a worker its next job.

use jiff::Timestamp;
use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_core::request::Action;
use macadam_core::retry::Before;
use sqlx::sqlite::SqliteRow;

use super::super::requests::state::{self, Move};
use super::super::resources::change::{self, Cause};
use super::super::row::{Columns, json, micros};
use super::super::{Conn, Result, SqliteStore, commit, requests, resources};
use super::history;
use crate::jobs::{Full, to_cancellation};
use crate::{ClaimedJob, JobId, JobLimits, Lease, RequestRecord, ResourceRecord, Sealed, StoreError};

pub(super) async fn claim(
    store: &SqliteStore,
    worker: &str,
    limits: &JobLimits,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<ClaimedJob>> {
    // Idle workers look without the write lock, so that asking for work costs those who write nothing.
    if next(&mut *store.read().await?, limits, now).await?.is_none() {
        return Ok(None);
    }
    let mut tx = store.begin().await?;
    let Some(id) = next(&mut tx, limits, now).await? else { return Ok(None) };
    let row = take(&mut tx, id, worker, now, lease_until).await?;
    history::begin(&mut tx, id, &row, now).await?;
    let (request, resource) = start(&mut tx, &row, now).await?;
    let job = ClaimedJob {
        lease: Lease { job: id, fence: row.count("fence")? },
        phase: row.word("phase")?,
        phase_since: row.time("phase_since")?,
        attempt: row.count("attempt")?,
        before: Before { failures: row.count("failures")?, since: row.time_opt("failing_since")? },
        begun: row.int("begun")? != 0,
        cancelled: to_cancellation(&row)?,
        trace: row.text_opt("trace")?.and_then(|trace| trace.parse().ok()),
        state: row.bytes_opt("sealed_state")?.map(Sealed::new),
        error: row.text_opt("error")?,
        request,
        resource,
    };
    commit(tx).await?;
    Ok(Some(job))
}

/// The job whose turn it is. Counting who is at work before asking who waits longest keeps one team's thousand requests
/// from standing in front of another team's one; asking who was served longest ago keeps them from it also where there
/// is only one worker.
async fn next(conn: &mut Conn, limits: &JobLimits, now: Timestamp) -> Result<Option<JobId>> {
    let busy = sqlx::query(
        "SELECT team, provider, count(*) AS at_work FROM jobs WHERE state = 'running' AND lease_until > $1
         GROUP BY team, provider",
    );
    let busy = busy.bind(micros(now)).fetch_all(&mut *conn).await?;
    let full = Full::among(&busy, limits)?;
    let query = sqlx::query(
        "WITH busy AS (
             SELECT team, count(*) AS at_work FROM jobs WHERE state = 'running' AND lease_until > $1 GROUP BY team
         )
         SELECT jobs.id FROM jobs
         LEFT JOIN busy ON busy.team = jobs.team
         LEFT JOIN job_turns ON job_turns.team = jobs.team
         WHERE jobs.state IN ('queued', 'running')
           AND CASE jobs.state WHEN 'queued' THEN jobs.run_after ELSE jobs.lease_until END <= $1
           AND jobs.team NOT IN (SELECT value FROM json_each($2))
           AND jobs.provider NOT IN (SELECT value FROM json_each($3))
         ORDER BY coalesce(busy.at_work, 0), coalesce(job_turns.turn, 0), jobs.run_after, jobs.created_at, jobs.id
         LIMIT 1",
    );
    let query = query.bind(micros(now)).bind(json("teams", &full.teams)?).bind(json("providers", &full.providers)?);
    query.fetch_optional(conn).await?.map(|row| row.parsed("id")).transpose()
}

/// Stores that the step is begun before the worker hears of it. A lease that ran out is a claim that came to nothing.
async fn take(conn: &mut Conn, id: JobId, worker: &str, now: Timestamp, lease_until: Timestamp) -> Result<SqliteRow> {
    let query = sqlx::query(
        "UPDATE jobs
         SET failures = failures + CASE state WHEN 'running' THEN 1 ELSE 0 END,
             failing_since = CASE state WHEN 'running' THEN coalesce(failing_since, $4) ELSE failing_since END,
             state = 'running', phase_since = coalesce(phase_since, $4), attempt = attempt + 1, fence = fence + 1, worker = $2, lease_until = $3, updated_at = $4
         WHERE id = $1
         RETURNING *",
    );
    let query = query.bind(id.to_string()).bind(worker).bind(micros(lease_until)).bind(micros(now));
    let row = query.fetch_one(&mut *conn).await?;
    let turn = sqlx::query(
        "INSERT INTO job_turns (team, turn) VALUES ($1, (SELECT coalesce(max(turn), 0) + 1 FROM job_turns))
         ON CONFLICT (team) DO UPDATE SET turn = excluded.turn",
    );
    turn.bind(row.text("team")?).execute(conn).await?;
    Ok(row)
}

/// Finds what the job is about, and says that it has begun if it has only begun now.
async fn start(conn: &mut Conn, job: &SqliteRow, now: Timestamp) -> Result<(RequestRecord, ResourceRecord)> {
    let request = requests::read::named(conn, job.parsed("request_id")?).await?;
    let id = request.subject.resource().ok_or_else(|| StoreError::corrupt("job", "its request names no resource"))?;
    let resource = resources::named(conn, id).await?;
    if request.state == RequestState::Running {
        return Ok((request, resource));
    }
    state::move_to(conn, &request, &Move::to(RequestState::Running), now).await?;
    let working = match request.action {
        Action::Update => ResourceState::Updating,
        Action::Delete => ResourceState::Deleting,
        Action::Create | Action::Scaffold => resource.state,
    };
    change::move_to(conn, &resource, working, Cause { request: request.id, now }).await?;
    let request = requests::read::named(conn, request.id).await?;
    Ok((request, resources::named(conn, id).await?))
}
