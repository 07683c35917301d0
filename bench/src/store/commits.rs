//! A request for a resource, from the wish to the answer that it is taken, beside a row that the database commits alone.
//!
//! The platform does all that it does for a request over HTTP without a key: validates, asks the policy, has the provider
//! plan, and writes quota, resource, request, audit entry and events in one transaction. The requests wait for approval.
//! The floor is one row, durably, by as many clients on the same database. Both take turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use jiff::Timestamp;
use macadam_core::lifecycle::RequestState;
use macadam_core::names::TeamId;
use macadam_platform::provisioning::Ask;
use macadam_platform::{Caller, Platform, Role};
use serde_json::json;
use tokio::task::JoinSet;

use super::place::{Kind, Place, Raw};
use crate::Effort;
use crate::decision::the_context;
use crate::figures::Report;
use crate::race::median;
use crate::whole;

/// How many clients, and the names of the figures.
type Row = (usize, &'static str, &'static str);

const SQLITE: [Row; 2] =
    [(1, "store/sqlite-commit", "store/sqlite-submit"), (8, "store/sqlite-commit-8", "store/sqlite-submit-8")];
const POSTGRES: [Row; 2] =
    [(1, "store/postgres-commit", "store/postgres-submit"), (8, "store/postgres-commit-8", "store/postgres-submit-8")];

/// What a row has: about as much as an audit entry.
const ROW_BYTES: usize = 400;

/// Measures both with one client and with eight.
pub(super) fn measure(kind: Kind, effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let rows = match kind {
        Kind::Sqlite => SQLITE,
        Kind::Postgres => POSTGRES,
    };
    runtime.block_on(async {
        let (place, data) = (Place::start(kind).await?, tempfile::tempdir()?);
        let (store, raw) = place.database("commits").await?;
        raw.make_the_table().await?;
        let packages = [whole::policy("macadam/bench-policy", "1.0.0")?, whole::provider()?];
        let bindings = whole::bindings("macadam/bench-policy@1.0.0")?;
        let platform = whole::host_on(store, data.path(), &packages, &bindings).await?;
        let raw = Arc::new(raw);
        for (clients, commit, submit) in rows {
            let (mut commits, mut submits) = (Vec::new(), Vec::new());
            for round in 0..=effort.rounds {
                let committed = commits_a_second(&raw, clients, effort.round).await?;
                let submitted = submits_a_second(&platform, clients, round, effort.round).await?;
                // The first round warms everything up.
                if round > 0 {
                    commits.push(committed);
                    submits.push(submitted);
                }
            }
            report.add(commit, median(commits), "commits/s", None);
            report.add(submit, median(submits), "requests/s", Some(commit));
        }
        Ok(())
    })
}

async fn commits_a_second(raw: &Arc<Raw>, clients: usize, time: Duration) -> anyhow::Result<f64> {
    let (mut tasks, begin) = (JoinSet::new(), Instant::now());
    for _ in 0..clients {
        let raw = Arc::clone(raw);
        tasks.spawn(async move {
            let (text, mut done) = ("x".repeat(ROW_BYTES), 0_u64);
            while begin.elapsed() < time {
                raw.commit_one(&text).await?;
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    rate(tasks, begin).await
}

/// Each client is of a team of its own, since requests of one team take turns; and of a new one in each round, so that names
/// are free again.
async fn submits_a_second(platform: &Platform, clients: usize, round: usize, time: Duration) -> anyhow::Result<f64> {
    let mut callers = Vec::new();
    for client in 0..clients {
        let team: TeamId = format!("team-{clients}-{round}-{client}").parse()?;
        let document = serde_json::from_value(json!({"name": team, "members": ["dana"]}))?;
        platform.store().put_team(&document, None, Timestamp::now()).await?;
        callers.push(Caller::in_development("dana".parse()?, team, vec![Role::Developer], Vec::new()));
    }
    let (mut tasks, begin) = (JoinSet::new(), Instant::now());
    for caller in callers {
        let platform = platform.clone();
        tasks.spawn(async move {
            let mut done = 0_u64;
            while begin.elapsed() < time {
                submit(&platform, &caller, &format!("notes-{done}")).await?;
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    rate(tasks, begin).await
}

async fn submit(platform: &Platform, caller: &Caller, name: &str) -> anyhow::Result<()> {
    let wish = json!({
        "environment": "dev", "type": "local-directory", "name": name, "spec": {"quota_mb": 500},
        "tags": the_context().request.tags,
    });
    let taken = platform.submit(caller, Ask::Create(serde_json::from_value(wish)?), Timestamp::now()).await?;
    // There is no estimator, and the measured policy has a person look at what has no price.
    ensure!(taken.submitted.state == RequestState::PendingApproval, "the request is {}", taken.submitted.state);
    Ok(())
}

async fn rate(mut tasks: JoinSet<anyhow::Result<u64>>, begin: Instant) -> anyhow::Result<f64> {
    let mut done = 0;
    while let Some(task) = tasks.join_next().await {
        done += task??;
    }
    Ok(done as f64 / begin.elapsed().as_secs_f64())
}
