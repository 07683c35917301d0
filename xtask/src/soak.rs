//! `cargo xtask soak [--minutes N] [--database sqlite|postgres]`: an hour of mixed load on the real server, and whether it
//! holds more memory then than after ten minutes.
//!
//! It is no test: an hour is too long for that. The program that puts the load on is the one that measures the rest.

use std::process::Command;

use anyhow::Result;

use crate::bench::{build, release};
use crate::guests;
use crate::shell::{root, run};

/// How long, and on what.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// For how many minutes; under half an hour it says little, since a server takes ten minutes to settle.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// What the server keeps everything in: sqlite or postgres, a server of its own.
    #[arg(long, default_value = "sqlite", value_parser = ["sqlite", "postgres"])]
    database: String,
}

/// Builds the server and what puts load on it, and runs both.
pub(crate) fn soak(options: &Options) -> Result<()> {
    guests::build(&root()?, &guests::Options::default())?;
    build()?;
    let release = release()?;
    let mut soak = Command::new(release.join("macadam-bench"));
    soak.current_dir(root()?).arg("--server").arg(release.join("macadam"));
    soak.args(["--soak", &options.minutes.to_string(), "--database", &options.database]);
    run(&format!("{} minutes of load on {}", options.minutes, options.database), &mut soak)
}
