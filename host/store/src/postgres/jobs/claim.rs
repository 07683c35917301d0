//! Giving a worker its next job.

use jiff::Timestamp;
use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_core::request::Action;
use macadam_core::retry::Before;
use sqlx::postgres::PgRow;

use super::super::requests::state::{self, Move};
use super::super::resources::change::{self, Cause};
use super::super::row::{At, Columns, flag};
use super::super::tx::{Lock, Tx};
use super::super::{Conn, PostgresStore, Result, requests, resources};
use super::history;
use crate::jobs::{Full, to_cancellation};
use crate::{ClaimedJob, JobId, JobLimits, Lease, RequestRecord, ResourceRecord, Sealed, StoreError};

pub(super) async fn claim(
    store: &PostgresStore,
    worker: &str,
    limits: &JobLimits,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<ClaimedJob>> {
    // Idle workers look without any lock, so that asking for work costs the others nothing.
    if next(&mut *store.read().await?, WAITING, limits, now).await?.is_none() {
        return Ok(None);
    }
    let mut tx = store.begin().await?;
    // Of two who look at once, the second must count what the first takes, or both would serve the same team.
    tx.lock(Lock::Queue).await?;
    let Some(id) = next(&mut tx, NEXT, limits, now).await? else { return Ok(None) };
    let row = take(&mut tx, id, worker, now, lease_until).await?;
    history::begin(&mut tx, id, &row, now).await?;
    let (request, resource) = start(&mut tx, &row, now).await?;
    let job = ClaimedJob {
        lease: Lease { job: id, fence: row.count("fence")? },
        phase: row.word("phase")?,
        phase_since: row.time("phase_since")?,
        attempt: row.count("attempt")?,
        before: Before { failures: row.count("failures")?, since: row.time_opt("failing_since")? },
        begun: flag(&row, "begun")?,
        cancelled: to_cancellation(&row)?,
        trace: row.text_opt("trace")?.and_then(|trace| trace.parse().ok()),
        state: row.bytes_opt("sealed_state")?.map(Sealed::new),
        error: row.text_opt("error")?,
        request,
        resource,
    };
    tx.commit(now).await?;
    Ok(Some(job))
}

macro_rules! waiting {
    ($more:literal) => {
        concat!(
            "WITH busy AS (
                 SELECT team, count(*) AS at_work FROM jobs WHERE state = 'running' AND lease_until > $1 GROUP BY team
             )
             SELECT jobs.id FROM jobs
             LEFT JOIN busy ON busy.team = jobs.team
             LEFT JOIN job_turns ON job_turns.team = jobs.team
             WHERE jobs.state IN ('queued', 'running')
               AND CASE jobs.state WHEN 'queued' THEN jobs.run_after ELSE jobs.lease_until END <= $1
               AND jobs.team <> ALL ($2) AND jobs.provider <> ALL ($3)
             ORDER BY coalesce(busy.at_work, 0), coalesce(job_turns.turn, 0), jobs.run_after, jobs.created_at, jobs.id
             LIMIT 1",
            $more
        )
    };
}

/// Whether there is a job to be taken.
const WAITING: &str = waiting!("");

/// The same, to be taken. A job that its late worker is just about to save or to hold for longer is passed over.
const NEXT: &str = waiting!(" FOR NO KEY UPDATE OF jobs SKIP LOCKED");

/// The job whose turn it is. Counting who is at work before asking who waits longest keeps one team's thousand requests
/// from standing in front of another team's one; asking who was served longest ago keeps them from it also where there
/// is only one worker.
async fn next(conn: &mut Conn, query: &'static str, limits: &JobLimits, now: Timestamp) -> Result<Option<JobId>> {
    let busy = sqlx::query(
        "SELECT team, provider, count(*) AS at_work FROM jobs WHERE state = 'running' AND lease_until > $1
         GROUP BY team, provider",
    );
    let busy = busy.bind(At(now)).fetch_all(&mut *conn).await?;
    let full = Full::among(&busy, limits)?;
    let query = sqlx::query(query).bind(At(now)).bind(full.teams).bind(full.providers);
    query.fetch_optional(conn).await?.map(|row| row.parsed("id")).transpose()
}

/// Stores that the step is begun before the worker hears of it. A lease that ran out is a claim that came to nothing.
async fn take(conn: &mut Conn, id: JobId, worker: &str, now: Timestamp, lease_until: Timestamp) -> Result<PgRow> {
    let query = sqlx::query(
        "UPDATE jobs
         SET failures = failures + CASE state WHEN 'running' THEN 1 ELSE 0 END,
             failing_since = CASE state WHEN 'running' THEN coalesce(failing_since, $4) ELSE failing_since END,
             state = 'running', phase_since = coalesce(phase_since, $4), attempt = attempt + 1, fence = fence + 1, worker = $2, lease_until = $3, updated_at = $4
         WHERE id = $1
         RETURNING *",
    );
    let query = query.bind(id.to_string()).bind(worker).bind(At(lease_until)).bind(At(now));
    let row = query.fetch_one(&mut *conn).await?;
    let turn = sqlx::query(
        "INSERT INTO job_turns (team, turn) VALUES ($1, (SELECT coalesce(max(turn), 0) + 1 FROM job_turns))
         ON CONFLICT (team) DO UPDATE SET turn = excluded.turn",
    );
    turn.bind(row.text("team")?).execute(conn).await?;
    Ok(row)
}

/// Finds what the job is about, and says that it has begun if it has only begun now.
async fn start(tx: &mut Tx, job: &PgRow, now: Timestamp) -> Result<(RequestRecord, ResourceRecord)> {
    let request = requests::read::named(tx, job.parsed("request_id")?).await?;
    let id = request.subject.resource().ok_or_else(|| StoreError::corrupt("job", "its request names no resource"))?;
    let resource = resources::named(tx, id).await?;
    if request.state == RequestState::Running {
        return Ok((request, resource));
    }
    state::move_to(tx, &request, &Move::to(RequestState::Running), now).await?;
    let working = match request.action {
        Action::Update => ResourceState::Updating,
        Action::Delete => ResourceState::Deleting,
        Action::Create | Action::Scaffold => resource.state,
    };
    change::move_to(tx, &resource, working, Cause { request: request.id, now }).await?;
    let request = requests::read::named(tx, request.id).await?;
    Ok((request, resources::named(tx, id).await?))
}
