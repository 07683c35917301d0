//! The command line as a whole. What a command takes is defined beside what it does.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use macadam_core::names::PersonId;

use crate::commands::api::ApiCommand;
use crate::commands::decision::{DecisionCommand, ReplayArgs};
use crate::commands::namespace::NamespaceCommand;
use crate::commands::plugin::PluginCommand;
use crate::commands::preview::PreviewArgs;
use crate::commands::registry::RegistryCommand;
use crate::commands::request::RequestCommand;
use crate::commands::resource::ResourceCommand;
use crate::commands::scaffold::{FetchArgs, ScaffoldArgs};
use crate::commands::template::TemplateCommand;
use crate::output::Format;
use crate::serve::{CompileArgs, ServeArgs};

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  an error
  2  the command line is wrong
  3  denied by policy, quota or budget
  4  waits for approval
  5  what was compared differs

Examples:
  macadam serve
  macadam template list
  macadam scaffold rest-api orders --param owner=payments --param description='Takes orders'
  macadam preview local-directory team-files --env dev --set quota_mb=512 --tag owner=dana
  macadam resource create local-directory team-files --env dev --set quota_mb=512 --tag owner=dana --wait
  macadam --as amir request approve 0198c0de-0000-7000-8000-000000000000";

/// An internal developer platform whose guardrails are versioned WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "macadam", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// The server to talk to
    #[arg(long, global = true, env = "MACADAM_SERVER", value_name = "URL", default_value = "http://127.0.0.1:7070")]
    pub(crate) server: String,
    /// The token to sign in with
    #[arg(long, global = true, env = "MACADAM_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Without a token: whose token of the local data directory to use; the first one's if nothing is said
    #[arg(long = "as", global = true, env = "MACADAM_AS", value_name = "PERSON")]
    pub(crate) person: Option<PersonId>,
    /// The server's data directory, or where to look for the tokens of a local server
    #[arg(long, global = true, env = "MACADAM_DATA", value_name = "DIR", default_value = ".macadam")]
    pub(crate) data: PathBuf,
    /// How to show results
    #[arg(long, global = true, value_enum, default_value = "table")]
    pub(crate) output: Format,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Pack, publish, activate and roll back plugins
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Show what a request would do and cost, and what every policy says, without asking for it
    Preview(PreviewArgs),
    /// Ask for resources, and look at them
    #[command(subcommand)]
    Resource(ResourceCommand),
    /// Look at requests, and decide on those of others
    #[command(subcommand)]
    Request(RequestCommand),
    /// Generate a project from a golden path
    Scaffold(ScaffoldArgs),
    /// Fetch a project that has been approved since it was asked for
    Fetch(FetchArgs),
    /// Look over the registry's directory on this machine, and mend it
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Say who publishes under which name, and whose signatures count
    #[command(subcommand)]
    Namespace(NamespaceCommand),
    /// Look at what plugins were asked, and what they said
    #[command(subcommand)]
    Decision(DecisionCommand),
    /// Ask a version what was asked before, and show what it would have said; exit code 5 when anything differs
    #[command(after_help = "\
Examples:
  macadam replay --plugin acme/tag-police --version 1.3.0 --since 30d
  macadam replay --plugin acme/tag-police --version 1.3.0 --settings strict.json --output json

Nothing is changed by it. The version that was recorded says again what it said, with the same fuel.")]
    Replay(ReplayArgs),
    /// Look at golden paths
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Write the API's document, for programs that talk to a server
    #[command(subcommand)]
    Api(ApiCommand),
    /// Show who is signed in
    Whoami,
    /// Write a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Compile a component, within limits: what the server starts for each new one
    #[command(hide = true)]
    CompileComponent(CompileArgs),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_everybody_types_is_understood() {
        for line in [
            "macadam serve --data x --listen 127.0.0.1:0 --log-format json",
            "macadam serve --database postgres://macadam@db.example/macadam",
            "macadam plugin pack dir --dev --registry r",
            "macadam preview database a --env dev --set size=20 --set backup.days=7 --tag owner=dana --ttl 2h",
            "macadam preview --delete payments/dev/database/a",
            "macadam resource create database a --env dev --spec - --wait",
            "macadam resource list --env dev --type database --state ready --output json",
            "macadam --as amir request approve 0198c0de-0000-7000-8000-000000000000 --comment fine",
            "macadam scaffold rest-api orders --param port=8080 --feature docker --dir elsewhere",
            "macadam completions bash",
            "macadam api document",
        ] {
            let parsed = Cli::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_is_asked() {
        for line in [
            "macadam resource create database a",
            "macadam resource create Database a --env dev",
            "macadam resource create database a --env dev --set size",
            "macadam resource create database a --env dev --ttl soon",
            "macadam resource get payments/dev",
            "macadam resource list --state sleeping",
            "macadam scaffold rest-api orders --dir a --archive b",
            "macadam scaffold rest-api orders --feature a --no-features",
            "macadam request approve x",
            "macadam preview",
        ] {
            let refused = Cli::try_parse_from(line.split(' '));
            assert!(refused.is_err_and(|error| error.exit_code() == 2), "{line} is a usage error");
        }
    }
}
