//! `macadam decision`: what plugins were asked and said. `macadam replay`: what another version would have said.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use macadam_core::names::{BindingName, PluginName, TeamId};
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::{Client, with_query};
use crate::exit::End;
use crate::inputs::{object_from, seconds};
use crate::output::{Output, table};
use crate::show::{facts, items, text};

/// What can be looked at.
#[derive(Debug, Subcommand)]
pub(crate) enum DecisionCommand {
    /// List decisions, the oldest first
    List(ListArgs),
    /// Show a decision with everything that the plugin was given
    Get {
        /// Its number
        decision: u64,
    },
}

/// Which decisions.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Those of a plugin, in any version
    #[arg(long)]
    plugin: Option<PluginName>,
    /// Those of a binding
    #[arg(long)]
    binding: Option<BindingName>,
    /// Those on a team's requests; those on every team's that you may see if nothing is said
    #[arg(long)]
    team: Option<TeamId>,
    /// Those after a number: where the last page ended
    #[arg(long)]
    after: Option<u64>,
    /// How many at most
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

/// What is replayed.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The candidate's plugin: NAMESPACE/NAME
    #[arg(long)]
    plugin: PluginName,
    /// The candidate's version
    #[arg(long)]
    version: String,
    /// Settings for the candidate, as a JSON file; what was recorded if nothing is said
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Only what was decided lately, such as 30d
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    since: Option<u64>,
    /// Only what was asked under a binding
    #[arg(long)]
    binding: Option<BindingName>,
    /// Only what was asked about a team's requests
    #[arg(long)]
    team: Option<TeamId>,
    /// Go on after a decision: where a replay that was cut off had got to
    #[arg(long)]
    after: Option<u64>,
}

/// Runs `macadam decision`.
pub(crate) fn run(global: &Global, command: DecisionCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let client = Client::new(global)?;
    match command {
        DecisionCommand::List(args) => {
            let query = [
                ("plugin", args.plugin.map(|plugin| plugin.to_string())),
                ("binding", args.binding.map(|binding| binding.to_string())),
                ("team", args.team.map(|team| team.to_string())),
                ("after", args.after.map(|after| after.to_string())),
                ("limit", Some(args.limit.to_string())),
            ];
            let page = client.get(&with_query("/decisions", &query))?;
            output.value(&page, |page| Ok(listed(page)))?;
        }
        DecisionCommand::Get { decision } => {
            let decision = client.get(&format!("/decisions/{decision}"))?;
            output.value(&decision, |decision| Ok(serde_yaml_ng::to_string(decision)?))?;
        }
    }
    Ok(End::Done)
}

fn listed(page: &Value) -> String {
    let row = |decision: &Value| {
        let of = |pointer| text(decision, pointer);
        let plugin = format!("{}@{}", of("/plugin/name"), of("/plugin/version"));
        let said = match decision.pointer("/outcome/answered") {
            Some(answer) => brief(answer),
            None => of("/outcome/failed/kind"),
        };
        [of("/seq"), of("/at"), of("/role"), plugin, of("/subject"), said, of("/usage/fuel")]
    };
    table(["decision", "when", "role", "plugin", "about", "said", "fuel"], items(page).iter().map(row))
}

fn brief(answer: &Value) -> String {
    let verdict = text(answer, "/verdict");
    if verdict.is_empty() { text(answer, "/monthly") } else { verdict }
}

/// Runs `macadam replay`.
pub(crate) fn replay(global: &Global, args: &ReplayArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let client = Client::new(global)?;
    let since = args.since.map(|seconds| Timestamp::now() - jiff::SignedDuration::from_secs(seconds.cast_signed()));
    let settings = args.settings.as_deref().map(object_from).transpose()?;
    let mut whole: Option<Value> = None;
    let mut after = args.after;
    loop {
        let wish = json!({
            "plugin": format!("{}@{}", args.plugin, args.version), "settings": settings, "since": since,
            "binding": args.binding, "team": args.team, "after": after,
        });
        let report = client.ask("/replays", &wish)?;
        after = report.get("last").and_then(Value::as_u64);
        let more = report.get("more").and_then(Value::as_bool).unwrap_or_default();
        let sum = match whole.take() {
            None => report,
            Some(before) => together(before, &report),
        };
        whole = Some(sum);
        if !more {
            break;
        }
    }
    let report = whole.context("the server gave no report")?;
    output.value(&report, |report| Ok(shown(report)))?;
    let all_the_same = ["/different", "/failed"].iter().all(|pointer| number(&report, pointer) == 0);
    Ok(if all_the_same { End::Done } else { End::Differs })
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

const SUMS: [&str; 8] = [
    "/asked",
    "/same",
    "/different",
    "/failed",
    "/fuel/recorded",
    "/fuel/candidate",
    "/wall_ns/recorded",
    "/wall_ns/candidate",
];

/// Two reports on one candidate as one.
fn together(mut one: Value, other: &Value) -> Value {
    for pointer in SUMS {
        let sum = number(&one, pointer).saturating_add(number(other, pointer));
        if let Some(place) = one.pointer_mut(pointer) {
            *place = json!(sum);
        }
    }
    for pointer in ["/last", "/more"] {
        if let (Some(place), Some(value)) = (one.pointer_mut(pointer), other.pointer(pointer)) {
            *place = value.clone();
        }
    }
    let more = other.get("groups").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(groups) = one.get_mut("groups").and_then(Value::as_array_mut) {
        for group in more {
            let alike =
                |there: &&mut Value| there.get("from") == group.get("from") && there.get("to") == group.get("to");
            match groups.iter_mut().find(alike) {
                Some(there) => {
                    let count = number(there, "/count").saturating_add(number(&group, "/count"));
                    if let Some(place) = there.get_mut("count") {
                        *place = json!(count);
                    }
                }
                None => groups.push(group),
            }
        }
    }
    one
}

fn shown(report: &Value) -> String {
    let of = |pointer| text(report, pointer);
    let change = |what: &str| {
        let (then, now) = (number(report, &format!("/{what}/recorded")), number(report, &format!("/{what}/candidate")));
        if then == 0 { String::new() } else { format!("{:+.1} %", (now as f64 / then as f64 - 1.0) * 100.0) }
    };
    let head = facts(&[
        ("Candidate", format!("{}@{}", of("/candidate/plugin/name"), of("/candidate/plugin/version"))),
        ("Asked", of("/asked")),
        ("Same", of("/same")),
        ("Different", of("/different")),
        ("Failed", of("/failed")),
        ("Fuel", change("fuel")),
        ("Time", change("wall_ns")),
        ("Last", of("/last")),
    ]);
    let groups = report.get("groups").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if groups.is_empty() {
        return head;
    }
    let row = |group: &Value| {
        let examples = group.get("examples").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let examples: Vec<_> = examples
            .iter()
            .map(|example| format!("{} ({})", text(example, "/decision"), text(example, "/subject")))
            .collect();
        [text(group, "/count"), text(group, "/from"), text(group, "/to"), examples.join(", ")]
    };
    format!("{head}\n{}", table(["calls", "from", "to", "such as"], groups.iter().map(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_on_two_stretches_of_the_log_are_one_report_on_both() {
        let report = |asked: u64, to: &str, more: bool| {
            json!({
                "asked": asked, "same": asked - 1, "different": 1, "failed": 0, "last": asked * 10, "more": more,
                "fuel": {"recorded": 10, "candidate": 12}, "wall_ns": {"recorded": 1, "candidate": 1},
                "groups": [{"from": "allow", "to": to, "count": 1, "examples": []}],
            })
        };
        let sum = together(report(5, "deny", true), &report(7, "deny", false));
        assert_eq!((number(&sum, "/asked"), number(&sum, "/last"), &sum["more"]), (12, 70, &json!(false)));
        assert_eq!(sum["groups"], json!([{"from": "allow", "to": "deny", "count": 2, "examples": []}]));
        let sum = together(sum, &report(2, "warn", false));
        assert_eq!((sum["groups"].as_array().map(Vec::len), number(&sum, "/fuel/candidate")), (Some(2), 36));
    }
}
