//! The `macadam` binary: the server, and the commands that talk to one.
//!
//! | module | what it holds |
//! |---|---|
//! | [`serve`] | `macadam serve`: where everything is joined |
//! | [`commands`] | the client commands, one file each: its arguments, what it asks, what it shows |
//! | [`client`] | one server, spoken to over HTTP; a problem document becomes a readable error |
//! | [`session`] | which server is meant, and whose token goes there |
//! | [`tokens`], [`profiles`] | the tokens of development; servers that one has signed in to |
//! | [`oauth`], [`answers`] | what is said to an identity provider, and what it answers |
//! | [`addresses`], [`trust`] | addresses that a token may be sent to, and who vouches for them |
//! | [`messages`] | a stream of server-sent events, read message by message |
//! | [`environment`] | which variable of the environment cannot be read |
//! | [`inputs`] | what people write on a command line, turned into JSON |
//! | [`output`], [`show`] | tables and JSON; the one place that writes to standard output |
//! | [`exit`] | what the exit code says |
//! | [`unpack`] | a project's archive, unpacked with care |

mod addresses;
mod answers;
mod args;
mod client;
mod commands;
mod environment;
mod exit;
mod inputs;
mod messages;
mod oauth;
mod once;
mod output;
mod profiles;
mod serve;
mod session;
mod show;
mod tokens;
mod trust;
mod unpack;

use std::process::ExitCode;

use clap::FromArgMatches as _;

use crate::args::{Cli, Command};
use crate::exit::{End, report};
use crate::output::Output;

/// A decision makes and drops some hundred small values, and the system's allocator shows in the profile.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut command = commands::actions::command();
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    let parsed = parsed.and_then(|matches| Cli::from_arg_matches(&matches));
    let Cli { global, command } =
        parsed.unwrap_or_else(|error| environment::named(error, &command, |name| std::env::var_os(name)).exit());
    let mut stdout = std::io::stdout().lock();
    let mut output = Output::new(global.output, &mut stdout);
    let ended: anyhow::Result<End> = match command {
        Command::Serve(args) => serve::run(&global, &args, &mut output),
        Command::CompileComponent(args) => return serve::compile(&args),
        Command::Backup(args) => commands::backup::back_up(&global, &args, &mut output),
        Command::Restore(args) => commands::backup::restore(&global, &args, &mut output),
        Command::Plugin(command) => commands::plugin::run(&global, command, &mut output),
        Command::Preview(args) => commands::preview::run(&global, args, &mut output),
        Command::Resource(command) => commands::resource::run(&global, command, &mut output),
        Command::Request(command) => commands::request::run(&global, command, &mut output),
        Command::Job(command) => commands::job::run(&global, command, &mut output),
        Command::Schedule(command) => commands::schedule::run(&global, &command, &mut output),
        Command::Scaffold(args) => commands::scaffold::run(&global, &args, &mut output),
        Command::Fetch(args) => commands::scaffold::fetch(&global, &args, &mut output),
        Command::Registry(command) => commands::registry::run(&global, &command, &mut output),
        Command::Namespace(command) => commands::namespace::run(&global, command, &mut output),
        Command::Access(command) => commands::access::run(&global, command, &mut output),
        Command::Decision(command) => commands::decision::run(&global, command, &mut output),
        Command::Replay(args) => commands::decision::replay(&global, &args, &mut output),
        Command::Event(command) => commands::event::run(&global, &command, &mut output),
        Command::Webhook(command) => commands::webhook::run(&global, command, &mut output),
        Command::Audit(command) => commands::audit::run(&global, command, &mut output),
        Command::Generate(command) => commands::generate::run(&global, command, &mut output),
        Command::Team(command) => commands::team::run(&global, &command, &mut output),
        Command::Environment(command) => commands::environment::run(&global, &command, &mut output),
        Command::Template(command) => commands::template::run(&global, command, &mut output),
        Command::Api(command) => commands::api::run(&command, &mut output),
        Command::Login(args) => commands::login::login(&global, &args, &mut output),
        Command::Logout => commands::login::logout(&global, &mut output),
        Command::Profile(command) => commands::profile::run(&global, command, &mut output),
        Command::Token(command) => commands::token::run(&global, command, &mut output),
        Command::Ready => commands::ready(&global, &mut output),
        Command::Whoami => commands::whoami(&global, &mut output),
        Command::Completions { shell } => commands::completions(shell, &mut output),
    };
    report(ended, global.output)
}
