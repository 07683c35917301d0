//! `macadam job`: the work on requests, what its attempts came to, and what people do about it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::{Args, Subcommand};
use macadam_core::lifecycle::JobState;
use macadam_core::names::{PluginName, TeamId};
use macadam_store::{JobId, JobPhase};
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::{Client, with_query};
use crate::exit::End;
use crate::inputs::{seconds, word};
use crate::output::{Output, note, table};
use crate::show::{facts, items, text};

/// What can be done with jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// List jobs, the newest first
    #[command(after_help = "\
Examples:
  macadam job list --state running
  macadam --as ada job list --state dead
  macadam job list --provider macadam/postgres-database --output json")]
    List(ListArgs),
    /// Show one job, with what each attempt came to
    Get {
        /// The job's id
        id: JobId,
        #[command(flatten)]
        follow: Follow,
    },
    /// Take a job back: it ends at once, or once what was done is undone
    #[command(after_help = "\
Example:
  macadam job cancel 0198c0de-0000-7000-8000-000000000000 --follow

A removal that has begun cannot be taken back. Nor can a job that has ended: delete what it made.")]
    Cancel {
        /// The job's id
        id: JobId,
        #[command(flatten)]
        follow: Follow,
    },
    /// Have a dead job tried again, once what it died of is mended; for administrators
    #[command(after_help = "\
Example:
  macadam --as ada job list --state dead
  macadam --as ada job retry 0198c0de-0000-7000-8000-000000000000 --follow

It goes on from the last step that was kept.")]
    Retry {
        /// The job's id
        id: JobId,
        #[command(flatten)]
        follow: Follow,
    },
}

/// Which jobs.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only in this state
    #[arg(long, value_parser = word::<JobState>(JobState::ALL.iter().map(|state| state.as_str())))]
    state: Option<JobState>,
    /// Only of this team
    #[arg(long)]
    team: Option<TeamId>,
    /// Only of this provider
    #[arg(long, value_name = "NAMESPACE/NAME")]
    provider: Option<PluginName>,
    /// Only at this work
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(JobPhase::ALL.map(JobPhase::as_str)))]
    phase: Option<String>,
    /// How many at most
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Those that follow this id, which the page before has shown
    #[arg(long, value_name = "ID")]
    after: Option<JobId>,
}

/// Whether to wait for the end.
#[derive(Debug, Args)]
pub(crate) struct Follow {
    /// Wait until the job has ended, and tell what happens meanwhile
    #[arg(long)]
    follow: bool,
    /// How long to wait at most
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = seconds)]
    timeout: u64,
}

/// Soon enough for people, and seldom enough for the server.
const POLL: Duration = Duration::from_millis(500);

/// Runs `macadam job`.
pub(crate) fn run(global: &Global, command: JobCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let client = Client::new(global)?;
    match command {
        JobCommand::List(args) => list(&client, &args, output),
        JobCommand::Get { id, follow } => {
            let job = client.get(&format!("/jobs/{id}"))?;
            follow.show(&client, job, id, output).map(|_| End::Done)
        }
        JobCommand::Cancel { id, follow } => {
            let job = client.post(&format!("/jobs/{id}/cancel"), &json!({}), &[])?;
            ended_as(&follow.show(&client, job, id, output)?, JobState::Cancelled, &follow)
        }
        JobCommand::Retry { id, follow } => {
            let job = client.post(&format!("/jobs/{id}/retry"), &json!({}), &[])?;
            let job = follow.show(&client, job, id, output)?;
            // Undoing what a failed request left ends in that failure, and is what was wanted.
            let wanted = if text(&job, "/phase") == JobPhase::Undo.as_str() {
                state_of(&job).filter(|state| *state != JobState::Dead).unwrap_or(JobState::Failed)
            } else {
                JobState::Succeeded
            };
            ended_as(&job, wanted, &follow)
        }
    }
}

fn state_of(job: &Value) -> Option<JobState> {
    text(job, "/state").parse().ok()
}

/// Who waits for an end is told by the exit code when it was another one.
fn ended_as(job: &Value, wanted: JobState, follow: &Follow) -> anyhow::Result<End> {
    match state_of(job) {
        Some(state) if follow.follow && state != wanted => {
            bail!("the job is {state}: {}", text(job, "/error"))
        }
        _ => Ok(End::Done),
    }
}

impl Follow {
    /// Shows a job, at its end if that was asked for.
    fn show(&self, client: &Client, mut job: Value, id: JobId, output: &mut Output<'_>) -> anyhow::Result<Value> {
        let until = Instant::now() + Duration::from_secs(self.timeout);
        let mut seen = String::new();
        while self.follow && state_of(&job).is_some_and(|state| !state.is_final()) {
            let now = ["/phase", "/state", "/note"].map(|pointer| text(&job, pointer)).join(" ");
            if now != seen {
                note(&format!("{id}: {}", now.trim_end()));
                seen = now;
            }
            if Instant::now() >= until {
                bail!("job {id} has not ended in time; look at it again with `macadam job get {id}`");
            }
            sleep(POLL);
            job = client.get(&format!("/jobs/{id}"))?;
        }
        output.value(&job, |job| Ok(shown(job)))?;
        Ok(job)
    }
}

fn list(client: &Client, args: &ListArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let path = with_query(
        "/jobs",
        &[
            ("state", args.state.map(|state| state.to_string())),
            ("team", args.team.as_ref().map(ToString::to_string)),
            ("provider", args.provider.as_ref().map(ToString::to_string)),
            ("phase", args.phase.clone()),
            ("limit", Some(args.limit.to_string())),
            ("after", args.after.map(|id| id.to_string())),
        ],
    );
    let page = client.get(&path)?;
    output.value(&page, |page| {
        let row = |job: &Value| {
            let of = |pointer| text(job, pointer);
            [of("/id"), of("/state"), of("/phase"), key_of(job), of("/attempt"), said(job)]
        };
        Ok(table(["job", "state", "phase", "resource", "attempt", "note"], items(page).iter().map(row)))
    })?;
    super::request::more(&page, output)?;
    Ok(End::Done)
}

fn key_of(job: &Value) -> String {
    ["namespace", "environment", "type", "name"].map(|part| text(job, &format!("/resource_key/{part}"))).join("/")
}

/// What went wrong, or what is happening.
fn said(job: &Value) -> String {
    let error = text(job, "/error");
    if error.is_empty() { text(job, "/note") } else { error }
}

/// A job, whole.
fn shown(job: &Value) -> String {
    let of = |pointer| text(job, pointer);
    let cancelled = match of("/cancelled/by") {
        by if by.is_empty() => by,
        by => format!("by {by} at {}", of("/cancelled/at")),
    };
    let open = state_of(job).is_some_and(|state| !state.is_final());
    let mut shown = facts(&[
        ("Job", of("/id")),
        ("State", of("/state")),
        ("Phase", of("/phase")),
        ("Resource", key_of(job)),
        ("Request", format!("{} ({} by {})", of("/request"), of("/action"), of("/requester"))),
        ("Team", of("/team")),
        ("Provider", of("/provider")),
        ("Note", of("/note")),
        ("Error", of("/error")),
        ("Error class", of("/error_class")),
        ("Cancelled", cancelled),
        ("Failing since", of("/failing_since")),
        ("Next step", if open { of("/run_after") } else { String::new() }),
        ("Created", of("/created_at")),
        ("Updated", of("/updated_at")),
    ]);
    let history = job.get("history").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if !history.is_empty() {
        let row = |attempt: &Value| {
            let of = |pointer| text(attempt, pointer);
            let outcome = of("/outcome");
            let outcome = if outcome.is_empty() { "at work".to_owned() } else { outcome };
            let kind = of("/error_class");
            let outcome = if kind.is_empty() { outcome } else { format!("{outcome} ({kind})") };
            [of("/started_at"), of("/phase"), of("/worker"), of("/seconds"), outcome, of("/note")]
        };
        shown.push('\n');
        shown.push_str(&table(["began", "phase", "worker", "seconds", "outcome", "note"], history.iter().map(row)));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_shown_with_what_each_attempt_came_to() {
        let job = json!({
            "id": "j", "state": "dead", "phase": "deprovision", "request": "r", "action": "delete", "requester": "dana",
            "resource_key": {"namespace": "a", "environment": "dev", "type": "t", "name": "n"}, "error": "no way",
            "error_class": "final",
            "history": [
                {"started_at": "then", "phase": "deprovision", "worker": "w", "seconds": 0.5, "outcome": "dead",
                 "error_class": "final", "note": "no way"},
                {"started_at": "now", "phase": "deprovision", "worker": "w"},
            ],
        });
        let shown = shown(&job);
        for part in ["a/dev/t/n", "r (delete by dana)", "dead (final)", "at work", "no way"] {
            assert!(shown.contains(part), "{part} is missing in:\n{shown}");
        }
    }
}
