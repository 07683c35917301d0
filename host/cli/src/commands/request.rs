//! `macadam request`: what became of requests, and decisions on those of others.

use clap::{Args, Subcommand};
use macadam_core::digest::Digest;
use macadam_core::lifecycle::RequestState;
use macadam_core::names::TeamId;
use macadam_core::selector::Selector;
use macadam_core::verdict::{ApprovalNeed, Outcome};
use macadam_store::RequestId;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::{Client, encoded, with_query};
use crate::exit::End;
use crate::inputs::word;
use crate::output::{Output, table};
use crate::show::{self, Decision, facts, items, text};

/// What can be done with requests.
#[derive(Debug, Subcommand)]
pub(crate) enum RequestCommand {
    /// List requests, the newest first
    List(ListArgs),
    /// Show one request: its decision, approvals and job
    Get {
        /// The request's id
        id: RequestId,
    },
    /// Approve a request of somebody else
    #[command(after_help = "\
Examples:
  macadam --as amir request list --state pending-approval
  macadam --as amir request get 0198c0de-0000-7000-8000-000000000000
  macadam --as amir request approve 0198c0de-0000-7000-8000-000000000000 --comment 'fine for a week'

An approval is bound to the decision's digest. Without --digest, the decision as it is now is approved; with the digest
that `request get` has shown, exactly that one, or none.")]
    Approve(ApproveArgs),
    /// Reject a request of somebody else
    Reject(RejectArgs),
    /// Take back a request: what was done of it is undone
    Cancel {
        /// The request's id
        id: RequestId,
    },
}

/// Which requests.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only in this state
    #[arg(long, value_parser = word::<RequestState>(RequestState::ALL.iter().map(|state| state.as_str())))]
    state: Option<RequestState>,
    /// Only of this team
    #[arg(long)]
    team: Option<TeamId>,
    /// Only those with such tags: `team=payments,tier!=dev,env in (a,b),!x`
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<Selector>,
    /// How many at most
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Those that follow this id, which the page before has shown
    #[arg(long, value_name = "ID")]
    after: Option<RequestId>,
}

/// Approve.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The request's id
    id: RequestId,
    /// The digest of the decision that you looked at
    #[arg(long)]
    digest: Option<Digest>,
    /// What you have to say
    #[arg(long)]
    comment: Option<String>,
}

/// Reject.
#[derive(Debug, Args)]
pub(crate) struct RejectArgs {
    /// The request's id
    id: RequestId,
    /// Why
    #[arg(long)]
    comment: Option<String>,
}

/// Runs `macadam request`.
pub(crate) fn run(global: &Global, command: RequestCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let client = Client::new(global)?;
    let request = match command {
        RequestCommand::List(args) => return list(&client, &args, output),
        RequestCommand::Get { id } => client.get(&format!("/requests/{id}"))?,
        RequestCommand::Approve(ApproveArgs { id, digest, comment }) => {
            let digest = match digest {
                Some(digest) => json!(digest),
                None => json!(text(&client.get(&format!("/requests/{id}"))?, "/digest")),
            };
            client.post(&format!("/requests/{id}/approve"), &json!({"digest": digest, "comment": comment}), &[])?
        }
        RequestCommand::Reject(RejectArgs { id, comment }) => {
            client.post(&format!("/requests/{id}/reject"), &json!({"comment": comment}), &[])?
        }
        RequestCommand::Cancel { id } => client.post(&format!("/requests/{id}/cancel"), &json!({}), &[])?,
    };
    output.value(&request, |request| Ok(shown(request)))?;
    Ok(End::Done)
}

fn list(client: &Client, args: &ListArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let path = with_query(
        "/requests",
        &[
            ("state", args.state.map(|state| state.to_string())),
            ("team", args.team.as_ref().map(ToString::to_string)),
            ("selector", args.selector.as_ref().map(|selector| encoded(&selector.to_string()))),
            ("limit", Some(args.limit.to_string())),
            ("after", args.after.map(|id| id.to_string())),
        ],
    );
    let page = client.get(&path)?;
    output.value(&page, |page| {
        let row = |request: &Value| {
            ["/id", "/state", "/action", "/subject", "/person", "/created_at"].map(|pointer| text(request, pointer))
        };
        Ok(table(["request", "state", "action", "subject", "person", "created"], items(page).iter().map(row)))
    })?;
    more(&page, output)?;
    Ok(End::Done)
}

/// Says where the next page starts, when there is one.
pub(crate) fn more(page: &Value, output: &mut Output<'_>) -> anyhow::Result<()> {
    match text(page, "/next").as_str() {
        "" => Ok(()),
        next => output.remark(&format!("\nThere may be more: add --after {next}")),
    }
}

/// A request, whole.
pub(crate) fn shown(request: &Value) -> String {
    let of = |pointer| text(request, pointer);
    let job = [of("/job/phase"), of("/job/state"), of("/job/note"), of("/job/error")];
    let job: Vec<_> = job.into_iter().filter(|part| !part.is_empty()).collect();
    let mut shown = facts(&[
        ("Request", of("/id")),
        ("State", of("/state")),
        ("Action", of("/action")),
        ("Subject", of("/subject")),
        ("Requester", format!("{} ({})", of("/person"), of("/team"))),
        ("Created", of("/created_at")),
        ("Expires", of("/expires_at")),
        ("Job", job.join(", ")),
        ("Failure", of("/failure")),
        ("Digest", of("/digest")),
    ]);
    for part in [approvals(request), missing(request), decided(request)] {
        if !part.is_empty() {
            shown.push('\n');
            shown.push_str(part.trim_end());
            shown.push('\n');
        }
    }
    shown
}

fn approvals(request: &Value) -> String {
    let given = request.get("approvals").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if given.is_empty() {
        return String::new();
    }
    let row = |approval: &Value| ["/person", "/at", "/comment"].map(|pointer| text(approval, pointer));
    table(["approved by", "at", "comment"], given.iter().map(row))
}

fn missing(request: &Value) -> String {
    let missing = request.get("missing").cloned().unwrap_or_default();
    let missing: Vec<ApprovalNeed> = serde_json::from_value(missing).unwrap_or_default();
    let lines: Vec<_> =
        missing.iter().map(|need| format!("Waits for approval: {}", crate::output::clean(&show::need(need)))).collect();
    lines.join("\n")
}

fn decided(request: &Value) -> String {
    let decision = request.get("decision").cloned().unwrap_or_default();
    serde_json::from_value::<Decision>(decision).map_or_else(
        |_| String::new(),
        |decision| {
            // What approvals are missing is said above, as of now and not as of the decision.
            match decision.outcome() {
                Outcome::Denied { .. } => show::decision(&decision),
                Outcome::Allowed { .. } | Outcome::ApprovalRequired { .. } => show::reasons(&decision),
            }
        },
    )
}
