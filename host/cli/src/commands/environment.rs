//! `macadam environment`: where resources can be.

use clap::Subcommand;
use serde_json::Value;

use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::output::{Output, table};
use crate::show::{items, text};

/// What can be done with environments.
#[derive(Debug, Subcommand)]
pub(crate) enum EnvironmentCommand {
    /// List the environments that resources can be in
    List,
}

/// Runs `macadam environment`.
pub(crate) fn run(global: &Global, command: &EnvironmentCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let EnvironmentCommand::List = command;
    let all = Client::new(global)?.get("/environments")?;
    output.value(&all, |all| {
        let row = |environment: &Value| {
            ["/name", "/class", "/region", "/default_ttl_seconds"].map(|part| text(environment, part))
        };
        Ok(table(["environment", "class", "region", "life time, s"], items(all).iter().map(row)))
    })?;
    Ok(End::Done)
}
