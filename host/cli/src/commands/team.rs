//! `macadam team`: what teams have, and what they may have.

use clap::Subcommand;
use serde_json::Value;

use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::output::{Output, table};
use crate::show::{items, text};

/// What can be done with teams.
#[derive(Debug, Subcommand)]
pub(crate) enum TeamCommand {
    /// List the teams that you may see: what they have, what it costs a month, and their limits
    List,
}

/// Runs `macadam team`.
pub(crate) fn run(global: &Global, command: &TeamCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let TeamCommand::List = command;
    let all = Client::new(global)?.get("/teams")?;
    output.value(&all, |all| Ok(shown(items(all))))?;
    Ok(End::Done)
}

fn shown(teams: &[Value]) -> String {
    let row = |team: &Value| {
        let of = |pointer| text(team, pointer);
        let by_type = team.pointer("/usage/by_type").and_then(Value::as_object);
        let resources: u64 = by_type.into_iter().flat_map(|by_type| by_type.values()).filter_map(Value::as_u64).sum();
        let committed = format!("{} {}", of("/usage/committed"), of("/currency"));
        [of("/name"), resources.to_string(), of("/limits/max_resources"), committed, of("/limits/monthly_budget")]
    };
    table(["team", "resources", "at most", "monthly", "budget"], teams.iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_team_shows_what_it_has_beside_what_it_may_have() {
        let team = json!({
            "name": "payments", "currency": "USD", "limits": {"max_resources": 20, "max_per_type": {}, "monthly_budget": null},
            "usage": {"by_type": {"database": 2, "bucket": 1}, "committed": "41.50"},
        });
        let shown = shown(&[team]);
        let row = shown.lines().find(|line| line.contains("payments")).unwrap();
        assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["payments", "3", "20", "41.50", "USD"], "{shown}");
    }
}
