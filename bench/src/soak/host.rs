//! The program under load: a process of its own on a data directory of its own, as an administrator would set it up.

use std::path::Path;

use anyhow::Context as _;
use macadam_tests::postgres::Postgres;
use macadam_tests::receiver::Receiver;
use macadam_tests::server::{Server, Setup};

use super::site::Site;
use crate::decision::current_thread;
use crate::server::Running;

/// What of the log is shown when something has gone wrong.
const END_OF_LOG: usize = 4_000;

/// Teams with room for what is made here.
const ORGANISATION: &str = r#"
[[teams]]
name = "payments"
members = ["dana"]
[teams.limits]
max-resources = 200
monthly-budget = "5000"

[[teams]]
name = "platform"
members = ["amir", "ada"]

[[namespaces]]
name = "macadam"
team = "platform"
signatures = "optional"

[[environments]]
name = "dev"
class = "development"

[[environments]]
name = "prod"
class = "production"
"#;

/// Rate limits as they are when nobody sets any, and webhooks that may call a receiver on this machine.
const CONFIG: &str = r#"
[rate-limits]

[webhooks]
allow-addresses = ["127.0.0.1/32"]
allow-http-hosts = ["127.0.0.1"]
"#;

/// What the server keeps everything in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Database {
    /// A file of the data directory.
    Sqlite,
    /// A server of its own.
    Postgres,
}

/// The program with what it works on.
pub(super) struct Host {
    running: Running,
    data: Server,
    receiver: Receiver,
    _postgres: Option<Postgres>,
}

impl Host {
    /// Starts the program, and what it needs.
    pub(super) fn start(program: &Path, database: Database) -> anyhow::Result<Self> {
        let postgres = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(current_thread()?.block_on(with_a_database())),
        };
        let shipped = Setup::without_postgres();
        let place = postgres.as_ref().map(|postgres| format!("database = \"{}\"\n", address(postgres)));
        let config = format!("{}{}{CONFIG}", place.unwrap_or_default(), shipped.config);
        let data = Server::prepare(&Setup { config, organisation: ORGANISATION.to_owned(), ..shipped });
        let running = Running::start(program, data.data())?;
        Ok(Self { running, data, receiver: Receiver::start(), _postgres: postgres })
    }

    /// The host as those see it who ask.
    pub(super) fn site(&self) -> anyhow::Result<Site> {
        let tokens = std::fs::read_to_string(self.data.data().join("tokens.txt"))
            .context("the first start has written the tokens of the first people")?;
        Ok(Site::new(self.running.address(), &tokens))
    }

    /// The process's id.
    pub(super) fn id(&self) -> u32 {
        self.running.id()
    }

    /// Whether the program has ended by itself, which it should not.
    pub(super) fn has_ended(&mut self) -> anyhow::Result<bool> {
        self.running.has_ended()
    }

    /// The address of who is told of events.
    pub(super) fn receiver(&self) -> String {
        self.receiver.url("/hook")
    }

    /// The end of what the program has logged.
    pub(super) fn log(&self) -> String {
        let log = self.data.log();
        let from = log.char_indices().rev().nth(END_OF_LOG).map_or(0, |(at, _)| at);
        log.get(from..).unwrap_or_default().to_owned()
    }

    /// Asks the program to end, and waits until it has.
    pub(super) fn end(self) -> anyhow::Result<()> {
        self.running.end()
    }
}

async fn with_a_database() -> Postgres {
    let postgres = Postgres::start().await;
    postgres.query("create role keeper login password 'keeper'").await;
    postgres.query("create database kept owner keeper").await;
    postgres
}

fn address(postgres: &Postgres) -> String {
    postgres.superuser_url().replace("admin@", "keeper:keeper@").replace("/postgres", "/kept")
}
