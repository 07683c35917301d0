//! `macadam registry`: a registry's directory on this machine, looked over and mended.
//!
//! A server takes over what such a directory in its data directory has when it starts; its own index is in its database.

use std::path::PathBuf;

use clap::Subcommand;
use jiff::Timestamp;
use macadam_registry::Registry;
use serde_json::json;

use crate::args::Global;
use crate::exit::End;
use crate::output::Output;

/// What can be done with a registry's directory.
#[derive(Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Show where index, archives and signatures do not agree; exit code 5 when they do not
    Check {
        /// The registry; the one in the data directory, which a server takes over at its start, if nothing is said
        #[arg(long, value_name = "DIR")]
        registry: Option<PathBuf>,
    },
    /// Mend what can be mended without anybody's word; nothing that was published is deleted
    Repair {
        /// The registry; the one in the data directory, which a server takes over at its start, if nothing is said
        #[arg(long, value_name = "DIR")]
        registry: Option<PathBuf>,
    },
}

/// Runs `macadam registry`.
pub(crate) fn run(global: &Global, command: &RegistryCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let (RegistryCommand::Check { registry } | RegistryCommand::Repair { registry }) = command;
    let directory = registry.clone().unwrap_or_else(|| global.data.join("registry"));
    anyhow::ensure!(directory.is_dir(), "there is no registry at {}", directory.display());
    let (registry, now) = (Registry::open(directory)?, Timestamp::now());
    let found: Vec<String> = match command {
        RegistryCommand::Check { .. } => registry.check(now)?.iter().map(ToString::to_string).collect(),
        RegistryCommand::Repair { .. } => registry.repair(now)?.iter().map(ToString::to_string).collect(),
    };
    output.value(&json!({"items": found}), |_| {
        Ok(if found.is_empty() { "Everything agrees".to_owned() } else { found.join("\n") })
    })?;
    let differs = matches!(command, RegistryCommand::Check { .. }) && !found.is_empty();
    Ok(if differs { End::Differs } else { End::Done })
}
