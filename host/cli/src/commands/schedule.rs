//! `macadam schedule`: what is done by the clock, for administrators.

use clap::Subcommand;
use macadam_core::names::ScheduleName;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::output::{Output, table};
use crate::show::{items, text};

/// What can be done with schedules.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// List what is done by the clock, when, and how it went last
    List,
    /// Have something run now
    #[command(after_help = "\
Example:
  macadam --as ada schedule run decision-log

Some host takes it up within about a second; `schedule list` shows how it went. What runs when due does nothing while
nothing is due.")]
    Run {
        /// Its name
        name: ScheduleName,
    },
}

/// Runs `macadam schedule`.
pub(crate) fn run(global: &Global, command: &ScheduleCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let client = Client::new(global)?;
    match command {
        ScheduleCommand::List => {
            let all = client.get("/schedules")?;
            output.value(&all, |all| Ok(shown(items(all))))?;
        }
        ScheduleCommand::Run { name } => {
            let one = client.post(&format!("/schedules/{name}/run"), &json!({}), &[])?;
            output.value(&one, |one| Ok(shown(std::slice::from_ref(one))))?;
        }
    }
    Ok(End::Done)
}

fn shown(schedules: &[Value]) -> String {
    let row = |schedule: &Value| {
        let of = |pointer| text(schedule, pointer);
        let running = !of("/worker").is_empty();
        let last = match of("/last/outcome") {
            _ if running => format!("running on {}", of("/worker")),
            outcome if outcome.is_empty() => "never".to_owned(),
            outcome => format!("{outcome} at {}", of("/last/ended_at")),
        };
        [of("/name"), of("/timing"), of("/next_run_at"), last, of("/last/seconds"), of("/last/note")]
    };
    table(["schedule", "timing", "next", "last run", "seconds", "note"], schedules.iter().map(row))
}
