//! The command line as a whole. What a command takes is defined beside what it does.

use std::fmt;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use macadam_core::names::PersonId;

use crate::commands::access::AccessCommand;
use crate::commands::api::ApiCommand;
use crate::commands::audit::AuditCommand;
use crate::commands::backup::{BackupArgs, RestoreArgs};
use crate::commands::decision::{DecisionCommand, ReplayArgs};
use crate::commands::environment::EnvironmentCommand;
use crate::commands::event::EventCommand;
use crate::commands::generate::GenerateCommand;
use crate::commands::job::JobCommand;
use crate::commands::login::LoginArgs;
use crate::commands::namespace::NamespaceCommand;
use crate::commands::plugin::PluginCommand;
use crate::commands::preview::PreviewArgs;
use crate::commands::profile::ProfileCommand;
use crate::commands::registry::RegistryCommand;
use crate::commands::request::RequestCommand;
use crate::commands::resource::ResourceCommand;
use crate::commands::scaffold::{FetchArgs, ScaffoldArgs};
use crate::commands::schedule::ScheduleCommand;
use crate::commands::team::TeamCommand;
use crate::commands::template::TemplateCommand;
use crate::commands::token::TokenCommand;
use crate::commands::webhook::WebhookCommand;
use crate::output::Format;
use crate::profiles::profile_name;
use crate::serve::{CompileArgs, ServeArgs};

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  an error
  2  the command line is wrong
  3  denied by policy, quota or budget
  4  waits for approval
  5  what was compared differs
  6  the audit log is not what was written

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
#[derive(clap::Args)]
pub(crate) struct Global {
    /// The server to talk to; the profile's, or http://127.0.0.1:7070
    #[arg(long, global = true, env = "MACADAM_SERVER", value_name = "URL", hide_env_values = true)]
    pub(crate) server: Option<String>,
    /// The profile to use, as `macadam login` made it; the one in use if nothing is said
    #[arg(long, global = true, env = "MACADAM_PROFILE", value_name = "NAME", value_parser = profile_name)]
    pub(crate) profile: Option<String>,
    /// The token to sign in with
    #[arg(long, global = true, env = "MACADAM_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// In development mode: whose token of the local data directory to use; the first one's if nothing is said
    #[arg(long = "as", global = true, env = "MACADAM_AS", value_name = "PERSON")]
    pub(crate) person: Option<PersonId>,
    /// The server's data directory, or where to look for the tokens of a local server
    #[arg(long, global = true, env = "MACADAM_DATA", value_name = "DIR", default_value = ".macadam")]
    pub(crate) data: PathBuf,
    /// How to show results
    #[arg(long, global = true, value_enum, default_value = "table")]
    pub(crate) output: Format,
}

impl fmt::Debug for Global {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address may hold a password, and the token is one.
        f.debug_struct("Global").field("profile", &self.profile).field("data", &self.data).finish_non_exhaustive()
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Write the store of this machine's data directory to a file, also while the server runs
    Backup(BackupArgs),
    /// Put a backup into a data directory that has no store, after looking it over
    Restore(RestoreArgs),
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
    /// Look at the work on requests, take it back, have it tried again
    #[command(subcommand)]
    Job(JobCommand),
    /// Look at what is done by the clock
    #[command(subcommand)]
    Schedule(ScheduleCommand),
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
    /// Look at who may do what and why not, and add to the rules
    #[command(subcommand)]
    Access(AccessCommand),
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
    /// See what happens, as it happens
    #[command(subcommand)]
    Event(EventCommand),
    /// Have a service of yours told of events, and check what it is sent
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Look at who did what, and prove that nobody has changed it
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Write a document that you would have to write: a specification, parameters, settings, a manifest
    #[command(
        subcommand,
        after_help = "\
Examples:
  macadam generate resource postgres-database --set storage_gb=20 --out orders.json
  macadam generate project rest-api --out orders-params.json
  macadam generate settings macadam/cost-threshold
  macadam generate manifest acme/tag-police --kind approval-policy --out plugin.toml

What has a default is in it; what you have to fill in is named on standard error."
    )]
    Generate(GenerateCommand),
    /// Look at what teams have, and what they may have
    #[command(subcommand)]
    Team(TeamCommand),
    /// Look at where resources can be
    #[command(subcommand)]
    Environment(EnvironmentCommand),
    /// Look at golden paths
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Ask the server whether it is ready, without signing in; exit code 1 when it is not
    Ready,
    /// Write the API's document, for programs that talk to a server
    #[command(subcommand)]
    Api(ApiCommand),
    /// Sign in to a server with its identity provider, by a code that you type in a browser
    Login(LoginArgs),
    /// Sign out of a profile
    Logout,
    /// Look at the servers that you sign in to, and choose one
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Make, list and revoke the tokens of services
    #[command(subcommand)]
    Token(TokenCommand),
    /// Show who is signed in, and by what
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
    fn no_secret_of_a_command_line_shows_in_a_log() {
        let line = "macadam --token hunter2 webhook verify --secret hunter2 --id a --timestamp 1 --signature b body";
        let parsed = Cli::try_parse_from(line.split(' ')).unwrap();
        let shown = format!("{parsed:?}");
        assert!(shown.contains("body") && !shown.contains("hunter2"), "{shown}");
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
            "macadam job list --state dead --provider macadam/postgres-database --phase undo",
            "macadam job cancel 0198c0de-0000-7000-8000-000000000000 --follow --timeout 2m",
            "macadam schedule run decision-log",
            "macadam event tail --type macadam.request. --subject requests/ --after 0 --output json",
            "macadam webhook create https://hooks.example/a --type macadam.request. --type macadam.resource.",
            "macadam webhook change 0198c0de-0000-7000-8000-000000000000 --all-types",
            "macadam webhook verify --secret whsec_x --id evt_1 --timestamp 1 --signature v1,x -",
            "macadam login --server https://macadam.example --profile work --issuer https://login.example",
            "macadam profile use work",
            "macadam token create --name ci --role developer --scope resource.* --days 30",
            "macadam token bootstrap --team platform --name setup --role admin",
            "macadam completions bash",
            "macadam api document",
            "macadam audit tail --follow --stream team/payments --action request. --since 7d",
            "macadam audit export --since 30d -o x.jsonl",
            "macadam audit verify a.jsonl b.jsonl --heads dir --key key",
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
            "macadam job list --state sleeping",
            "macadam job retry x",
            "macadam token create --name ci",
            "macadam token create --name ci --role king",
            "macadam token create --name ci --role developer --scope everything",
            "macadam token create --name ci --role developer --days 1000",
            "macadam profile use ../x",
            "macadam preview",
            "macadam event tail --after soon",
            "macadam webhook get x",
            "macadam webhook change 0198c0de-0000-7000-8000-000000000000",
            "macadam webhook change 0198c0de-0000-7000-8000-000000000000 --all-types --type macadam.",
            "macadam webhook verify --id a --timestamp 1 --signature b",
            "macadam audit tail --stream payments",
            "macadam audit export",
        ] {
            let refused = Cli::try_parse_from(line.split(' '));
            assert!(refused.is_err_and(|error| error.exit_code() == 2), "{line} is a usage error");
        }
    }
}
