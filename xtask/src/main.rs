//! The developer's commands; `cargo xtask help` lists them.

mod bench;
mod conformance;
mod deploy;
mod foreign;
mod fuzz;
mod guests;
mod lint;
mod oidc;
mod serve;
mod shell;
mod soak;
mod test;

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The developer's commands")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Builds everything, packs the shipped plugins into a local registry, and serves.
    Run {
        /// Where state, plugins and keys are kept.
        #[arg(long, default_value = ".macadam")]
        data: PathBuf,
        /// The address to serve on.
        #[arg(long, default_value = "127.0.0.1:7070")]
        listen: String,
    },
    /// Builds every plugin into a component, `guests/target/components/NAME.wasm`.
    Guests(guests::Options),
    /// Runs every test, or one group of those that cross crates, such as `hostile`.
    Test {
        /// The group: a file or folder in `tests/`, or `keyless`, the feature that nothing else builds.
        group: Option<String>,
    },
    /// Measures what the sandbox costs, against native code and other programs.
    Bench(bench::Options),
    /// Puts an hour of mixed load on the server, and fails if its memory goes on growing.
    Soak(soak::Options),
    /// Feeds the parsers of untrusted bytes with what leads somewhere new, target by target.
    Fuzz(fuzz::Options),
    /// Checks formatting, lints and documentation of host and guests, that targets of fuzzing compile, and `deploy/`.
    Lint,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Run { data, listen } => serve::serve(&data, &listen),
        Command::Test { group } => test::test(group.as_deref()),
        Command::Lint => lint::lint(),
        Command::Fuzz(options) => fuzz::fuzz(&options),
        Command::Bench(options) => bench::bench(&options),
        Command::Soak(options) => soak::soak(&options),
        Command::Guests(options) => {
            let root = shell::root()?;
            let built = guests::build(&root, &options)?;
            let mut out = std::io::stdout().lock();
            for plugin in &built {
                let component = plugin.component.strip_prefix(&root).unwrap_or(&plugin.component);
                writeln!(out, "{:>8}  {}", std::fs::metadata(&plugin.component)?.len(), component.display())?;
            }
            Ok(())
        }
    }
}

/// Prints a line. A reader that has gone away is no error of ours.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
