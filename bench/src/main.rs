//! What the sandbox costs: every figure beside the floor under it, measured in one run.
//!
//! Microseconds belong to a machine; ratios travel. So whatever is compared takes turns within one run ([`race`]), and
//! noise hits all contenders alike. `cargo xtask bench` builds this program and what it compares with, and
//! `docs/benchmarks.md` explains the figures.
//!
//! | module | what it holds |
//! |---|---|
//! | [`figures`] | the figures, as a table and as JSON |
//! | [`goals`] | what the figures should be |
//! | [`race`] | timing contenders in turns |
//! | [`rule`] | the rule that is decided by, as native functions |
//! | [`decision`] | one decision: native, fresh, warm, foreign, other engines; one thread and two |
//! | [`http`] | the same over HTTP, on one core |
//! | [`scaffold`] | a project from a golden path: native, in the sandbox, other generators |
//! | [`lifecycle`] | activating, rolling back, a thousand bound plugins, replaying what was decided |
//! | [`store`] | durable requests beside bare commits, and lists over few and over many |
//! | [`whole`] | a whole host, for those that measure more than a call |
//! | [`plugin`] | loading a plugin, and what one costs while nobody calls it |
//! | [`server`] | from the start of the program to readiness |
//! | [`soak`] | an hour of mixed load on the program, and what becomes of its memory |

mod cores;
mod decision;
mod figures;
mod goals;
mod http;
mod lifecycle;
mod plugin;
mod race;
mod rule;
mod scaffold;
mod server;
mod soak;
mod store;
mod whole;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::figures::{Report, say};

/// The server's allocator, also for what it is compared with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures; `cargo xtask bench` calls it with everything that it needs.
#[derive(Debug, Parser)]
struct Args {
    /// One group; all when nothing is said.
    group: Option<Group>,
    /// Everything in under a minute, with fewer repetitions.
    #[arg(long)]
    quick: bool,
    /// Writes the figures to a file as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The program with the other policy engines.
    #[arg(long, value_name = "PROGRAM")]
    peers: Option<PathBuf>,
    /// The folder with the programs of other generators.
    #[arg(long, value_name = "FOLDER")]
    tools: Option<PathBuf>,
    /// The server's program.
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
    /// Measures so many idle plugins in this very process, and nothing else.
    #[arg(long, hide = true, requires = "cache")]
    idle: Option<usize>,
    /// Where the code of the idle plugins is.
    #[arg(long, hide = true)]
    cache: Option<PathBuf>,
    #[command(flatten)]
    load: http::load::LoadArgs,
    #[command(flatten)]
    soak: soak::SoakArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
    Decision,
    Http,
    Scaffold,
    Plugin,
    Lifecycle,
    Store,
    Server,
}

/// How much time a group may take.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// For contenders that take turns.
    race: Duration,
    /// How many rounds of longer measurements.
    rounds: usize,
    /// How long one of those is.
    round: Duration,
}

impl Effort {
    fn new(quick: bool) -> Self {
        let ms = Duration::from_millis;
        if quick {
            Self { race: ms(4_000), rounds: 5, round: ms(200) }
        } else {
            Self { race: ms(30_000), rounds: 15, round: ms(500) }
        }
    }
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let (Some(count), Some(cache)) = (args.idle, &args.cache) {
        return plugin::idle_in_this_process(count, cache);
    }
    if let Some(server) = args.load.load {
        return http::load::in_this_process(server, &args.load);
    }
    if let Some(minutes) = args.soak.soak {
        return soak::run(minutes, &args.soak, args.server.as_deref());
    }
    let effort = Effort::new(args.quick);
    let wanted = |group| args.group.is_none_or(|only| only == group);
    let mut report = Report::default();
    if wanted(Group::Decision) {
        say("decisions …");
        decision::measure(effort, args.peers.as_deref(), &mut report)?;
    }
    if wanted(Group::Http) {
        say("HTTP …");
        http::measure(effort, &mut report)?;
    }
    if wanted(Group::Scaffold) {
        say("scaffolds …");
        scaffold::measure(effort, args.tools.as_deref(), &mut report)?;
    }
    if wanted(Group::Plugin) {
        say("plugins …");
        plugin::measure(effort, &mut report)?;
    }
    if wanted(Group::Lifecycle) {
        say("the life of plugins …");
        lifecycle::measure(effort, &mut report)?;
    }
    if wanted(Group::Store) {
        say("the store …");
        store::measure(effort, &mut report)?;
    }
    if wanted(Group::Server) {
        say("the server …");
        server::measure(effort, args.server.as_deref(), &mut report)?;
    }
    say(&report.table());
    say(&goals::table(&report));
    if let Some(path) = &args.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}
