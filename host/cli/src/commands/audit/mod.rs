//! `macadam audit`: who did what, and the proof that nobody has changed what is said about it.

mod ask;
mod check;
mod export;
mod tail;
mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use macadam_core::audit::Stream;
use macadam_core::names::PersonId;

use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::inputs::seconds;
use crate::output::Output;
use crate::show::text;

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show the newest entries, and go on with what comes
    #[command(after_help = "\
Examples:
  macadam audit tail
  macadam audit tail --follow --stream team/payments
  macadam audit tail --actor dana --action request. --since 7d --lines 200

Your own team's stream is yours to read; the others are for auditors. A reading of theirs leaves an entry of its own.
While it follows, a server that is away for a while is asked again.")]
    Tail(TailArgs),
    /// Write entries to a file, one JSON document on each line, with the signed heads of their chains
    #[command(after_help = "\
Examples:
  macadam audit export -o audit.jsonl
  macadam audit export --since 30d -o november.jsonl
  macadam audit export --stream team/payments -o - | gzip > payments.jsonl.gz

`macadam audit verify FILE` checks such a file anywhere, without a server.")]
    Export(ExportArgs),
    /// Check that entries are what was written; exit code 6 when they are not
    #[command(after_help = "\
Examples:
  macadam audit verify                                          what the server has now
  macadam audit verify --heads /mnt/audit/heads --key audit.key against heads that were exported since it runs
  macadam audit verify audit.jsonl --key audit.key              a file, without a server
  macadam audit verify october.jsonl november.jsonl             files that follow each other
  macadam audit verify payments.jsonl --stream team/payments    what holds one stream only

Without heads that were kept elsewhere, a chain that was written anew as a whole, or whose end was cut off, is as good
as another one. Without a key that was kept elsewhere, signatures are anybody's. Keep both: `audit heads`, `audit key`.

What a file says that it holds is nobody's word. Heads count for every stream that they name, and with --key or --heads the
log must be there from its first entry on. For an export of a part, say what it is to hold: --stream, --from.

Exit codes:
  0  everything is what was written
  1  it could not be checked
  6  something was done to it; every finding names stream, entry and what")]
    Verify(VerifyArgs),
    /// Show where each chain ends now, signed
    Heads,
    /// Show the public key that heads are signed with
    Key,
}

/// What `audit tail` takes.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// Go on with what comes, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// How many entries to begin with
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    lines: u32,
    /// Those of a stream: `platform`, or `team/` and a team's name
    #[arg(long)]
    stream: Option<Stream>,
    /// Those of what somebody did
    #[arg(long, value_name = "PERSON")]
    actor: Option<PersonId>,
    /// Those whose action begins so, such as `request.`
    #[arg(long, value_name = "PREFIX")]
    action: Option<String>,
    /// Those of what was done to something, such as `bindings/cost-threshold`
    #[arg(long)]
    subject: Option<String>,
    /// Only what was done lately, such as 30d
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    since: Option<u64>,
}

/// What `audit export` takes.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Where to; `-` is standard output. A file that is there is not overwritten
    #[arg(long = "out", short = 'o', value_name = "FILE")]
    out: PathBuf,
    /// Only from the first entry of this time on, such as 30d
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    since: Option<u64>,
    /// Only one stream; all that you may read if nothing is said
    #[arg(long)]
    stream: Option<Stream>,
}

/// What `audit verify` takes.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Exports, the oldest first; `-` is standard input; the server's log if nothing is said
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Heads that were kept: a file of `audit heads`, or a directory of exported ones; may be given again
    #[arg(long, value_name = "PATH")]
    heads: Vec<PathBuf>,
    /// The key that heads must be signed with, or a file with it
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Look at this stream only; may be given again. All that heads name if nothing is said
    #[arg(long)]
    stream: Vec<Stream>,
    /// The number that files may begin with at the latest; with --key or --heads the first if nothing is said
    #[arg(long, value_name = "NUMBER", requires = "files")]
    from: Option<u64>,
}

/// Runs `macadam audit`.
pub(crate) fn run(global: &Global, command: AuditCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    match command {
        AuditCommand::Tail(args) => tail::run(&Client::new(global)?, &args, output),
        AuditCommand::Export(args) => export::run(&Client::new(global)?, &args, output),
        AuditCommand::Verify(args) => verify::run(global, &args, output),
        AuditCommand::Heads => {
            let heads = Client::new(global)?.get("/audit/heads")?;
            // For people as well it is the document, since it is made to be kept.
            output.line(&serde_json::to_string(&heads)?)?;
            Ok(End::Done)
        }
        AuditCommand::Key => {
            let key = Client::new(global)?.get("/audit/key")?;
            output.value(&key, |key| Ok(text(key, "/key")))?;
            Ok(End::Done)
        }
    }
}
