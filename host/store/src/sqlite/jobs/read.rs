//! Looking at jobs.

use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite};

use super::super::row::{Columns, micros};
use super::super::teams::only_of;
use super::super::{Conn, Result, SqliteStore};
use crate::jobs::to_job;
use crate::{JobFilter, JobId, JobRecord, JobTotals, PageRequest};

/// A job with what its request says of it.
const JOBS: &str = "SELECT jobs.*, requests.action, requests.person, requests.resource_id, requests.resource_key
                    FROM jobs JOIN requests ON requests.id = jobs.request_id WHERE 1 = 1";

pub(super) async fn by_id(conn: &mut Conn, id: JobId) -> Result<Option<JobRecord>> {
    let mut query = QueryBuilder::<Sqlite>::new(JOBS);
    query.push(" AND jobs.id = ").push_bind(id.to_string());
    query.build().fetch_optional(conn).await?.as_ref().map(to_job).transpose()
}

pub(super) async fn list(store: &SqliteStore, filter: &JobFilter, page: PageRequest<JobId>) -> Result<Vec<JobRecord>> {
    let JobFilter { state, team, teams, provider, phase } = filter;
    let mut query = QueryBuilder::<Sqlite>::new(JOBS);
    let mut narrow = |condition: &'static str, value: Option<String>| {
        if let Some(value) = value {
            query.push(condition).push_bind(value);
        }
    };
    narrow(" AND jobs.state = ", state.map(|state| state.to_string()));
    narrow(" AND jobs.team = ", team.as_ref().map(ToString::to_string));
    narrow(" AND jobs.provider = ", provider.as_ref().map(ToString::to_string));
    narrow(" AND jobs.phase = ", phase.map(|phase| phase.as_str().to_owned()));
    narrow(" AND jobs.id < ", page.after.map(|id| id.to_string()));
    only_of(&mut query, "jobs.team", teams.as_deref());
    query.push(" ORDER BY jobs.id DESC LIMIT ").push_bind(page.limit);
    query.build().fetch_all(&mut *store.read().await?).await?.iter().map(to_job).collect()
}

pub(super) async fn totals(store: &SqliteStore, now: Timestamp) -> Result<JobTotals> {
    let query = sqlx::query(
        "SELECT (SELECT count(*) FROM jobs WHERE state = 'queued') AS queued,
                (SELECT count(*) FROM jobs WHERE state = 'running') AS running,
                (SELECT count(*) FROM jobs WHERE state = 'dead') AS dead,
                (SELECT min(run_after) FROM jobs WHERE state = 'queued' AND run_after <= $1) AS oldest",
    );
    let row = query.bind(micros(now)).fetch_one(&mut *store.read().await?).await?;
    Ok(JobTotals {
        queued: row.count("queued")?,
        running: row.count("running")?,
        dead: row.count("dead")?,
        oldest: row.time_opt("oldest")?,
    })
}
