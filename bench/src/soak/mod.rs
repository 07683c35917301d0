//! The soak: an hour of mixed load on the real program, after which it may hold no more memory than after ten minutes.
//!
//! What is kept for ever makes a database larger; a host that holds it in memory as well will end one day. So some people
//! and services do all that there is to do, each at a steady pace that leaves most of the machine idle: what is looked
//! for is memory that is not given back, and not how much a host can bear. What they make they remove again, so that as
//! many resources are there at the end as at the beginning, and only the history has grown.
//!
//! Nothing may go wrong meanwhile either: each request knows with which status it is answered, and any other is a failure.
//!
//! | module | what it holds |
//! |---|---|
//! | [`acts`] | what people do, and how often |
//! | [`host`] | the program, its data and its database |
//! | [`memory`] | the memory over time, and the verdict |
//! | [`site`] | somebody who asks, and the answer |
//! | [`tally`] | how many answers there were of each kind, and those that should not have been |

mod acts;
mod host;
mod memory;
mod site;
mod tally;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::figures::say;
use host::{Database, Host};

/// What a soak is told on the command line; `cargo xtask soak` does it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SoakArgs {
    /// Puts mixed load on the server for so many minutes, watches its memory, and does nothing else.
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..), hide = true)]
    pub(crate) soak: Option<u64>,
    /// What the server keeps everything in.
    #[arg(long, value_enum, default_value_t = Database::Sqlite, hide = true)]
    database: Database,
}

/// Runs the soak, and says how it went.
///
/// # Errors
/// When the memory has grown by more than a tenth, or when an answer was not the one that there should be.
pub(crate) fn run(minutes: u64, args: &SoakArgs, program: Option<&Path>) -> anyhow::Result<()> {
    let program = program.context("the server's program is given with --server")?;
    let mut host = Host::start(program, args.database)?;
    let site = Arc::new(host.site()?);
    acts::prepare(&site, &host.receiver())?;
    let people = acts::start(&site)?;
    let watched = memory::watch(&mut host, &site, Duration::from_secs(minutes * 60));
    site.is_over();
    for person in people {
        ensure!(person.join().is_ok(), "one of those who put the load on has panicked");
    }
    let samples = watched?;
    say(&site.tally.table());
    let log = host.log();
    host.end()?;
    let verdict = memory::Verdict::of(&samples, Duration::from_secs(minutes * 60))?;
    say(&verdict.to_string());
    ensure!(site.tally.unexpected() == 0, "{}\n{log}", site.tally.complaints());
    verdict.must_hold()
}
