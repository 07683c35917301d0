//! `macadam serve`: the one place where everything is joined.
//!
//! ```text
//! data directory ─▶ configuration, organisation, people, key ─▶ store, blobs, sandbox, grants
//!     ─▶ plugins activated ─▶ workers, server ─▶ … told to stop ─▶ requests end ─▶ jobs drain ─▶ store closes
//! ```
//!
//! Nothing is served before every binding was tried: a host that has not loaded its policies yet must not decide.

mod audit;
mod blobs;
mod bootstrap;
mod compile;
mod config;
mod connections;
mod data;
mod database;
mod events;
mod join;
mod key;
mod logging;
mod organisation;
mod pages;
mod set_up;
mod sign_in;
mod stop;
mod telemetry;
mod work;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use macadam_platform::plugins::{By, Watching};
use macadam_platform::provisioning::Workers;
use macadam_platform::webhooks::Deliverers;
use macadam_server::ServerState;
use macadam_server::people::PeopleFile;
use tokio::net::TcpListener;

pub(crate) use bootstrap::{DatabaseArgs, bootstrap};
pub(crate) use compile::{CompileArgs, compile};
pub(crate) use key::parse_key;
pub(crate) use logging::LogFormat;
pub(crate) use set_up::SetUp;

use crate::args::Global;
use crate::exit::End;
use crate::output::Output;
use config::Config;
use data::DataDir;
use database::DatabaseUrl;
use sign_in::Gate;
use stop::Stop;

/// How long jobs' steps and webhooks' calls may go on after the server was told to stop. What is cut off is done again.
const DRAIN: Duration = Duration::from_secs(30);

/// How often it is looked at who may sign in, and who may do what.
const ACCESS_INTERVAL: Duration = Duration::from_secs(2);

/// What `macadam serve` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
The first start makes the data directory with a configuration and an organisation. In development mode it makes three
people to begin with: dana asks for things (team payments), amir approves, ada administrates. Their tokens are in
tokens.txt, and count in development mode only. Otherwise people sign in with an identity provider, which the
configuration names, and services with their tokens; `macadam token bootstrap` makes a first one.

Examples:
  macadam serve --development
  macadam serve --data /var/lib/macadam --listen 127.0.0.1:8080 --log-format json
  MACADAM_DATABASE=postgres://macadam:…@db.example/macadam?sslmode=verify-full macadam serve

The store is macadam.db in the data directory, or a PostgreSQL database (13 or newer) of your own: make the database and
a user who owns it, and macadam makes its tables. An address on the command line shows in the list of processes; one
with a password is better in the variable, or where the configuration's database-url-env or database-url-file says.

Several hosts on one database share the key to its secrets and the place of the blobs: the key, 32 random bytes as
base64, is in MACADAM_MASTER_KEY or where the configuration's master-key-env or master-key-file says, and the place is in
[blobs] of the configuration. Other keys, while the key is being replaced, are in MACADAM_OTHER_MASTER_KEYS, with commas
in between, or where other-master-key-envs and other-master-key-files say.

MACADAM_LOG sets what is logged, such as info,macadam_runtime=debug. Traces go by OTLP over HTTP to where
OTEL_EXPORTER_OTLP_ENDPOINT says, such as http://localhost:4318; OpenTelemetry's other variables count as well.")]
pub(crate) struct ServeArgs {
    /// Where to listen; over the configuration's `listen`
    #[arg(long, env = "MACADAM_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The configuration; macadam.toml in the data directory if nothing is said
    #[arg(long, env = "MACADAM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address of a PostgreSQL database to keep everything in; over the configuration's `database`
    #[arg(long, env = "MACADAM_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<DatabaseUrl>,
    /// Let the people of people.toml in by their tokens; over the configuration's `mode`
    #[arg(long)]
    development: bool,
    /// How to log, on standard error
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,
}

/// Runs `macadam serve` until it is told to stop.
pub(crate) fn run(global: &Global, args: &ServeArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let telemetry = logging::start(args.log_format)?;
    pages::small_only();
    let data = DataDir::open(&global.data)?;
    let config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::read(&data.first_config()?)?,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads can be started")?;
    let served = runtime.block_on(serve(&data, config, args, output));
    // What still runs, such as a cut-off step, must not hold the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    telemetry.end();
    served.map(|()| End::Done)
}

async fn serve(data: &DataDir, config: Config, args: &ServeArgs, output: &mut Output<'_>) -> anyhow::Result<()> {
    let stop = Stop::on_signals()?;
    let address = args.listen.unwrap_or(config.listen);
    let listener = TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened on"))?;
    let address = listener.local_addr()?;
    let gate = sign_in::open(data, &config, args.development, address)?;
    let (store, key) = database::open(data, &config, args.database.as_ref()).await?;
    organisation::put(data, &*store.store(), gate.people.as_deref()).await?;
    let platform = join::platform(data, &config, store.store(), &key).await?;
    platform.follow_access().await?;
    platform.follow_sealing_keys().await?;
    let by = By::host("from the configuration", Timestamp::now());
    tokio::select! {
        started = platform.plugins().start(&config.plugins, &by) => drop(started?),
        () = stop.told() => {
            store.close().await;
            return Ok(());
        }
    }
    greet(&platform, address, data, &gate, output)?;
    let open_metrics = config.open_metrics.unwrap_or_else(|| address.ip().is_loopback());
    let state = ServerState::new(platform.clone(), gate.authenticator, open_metrics)
        .behind(config.proxies())
        .open_to(config.cors_origins.clone())
        .limited(&config.rate_limits);
    let recorder = platform.recorder().clone();
    let reloading = tokio::spawn(reload(gate.people, platform.clone()));
    let feed = platform.feed().clone();
    let deliverers = Deliverers::start(platform.clone());
    let exporting = tokio::spawn(audit::run(audit::exports(data, &config.audit), platform.clone()));
    let watching = Watching::start(platform.clone());
    let workers = Workers::start(platform);
    let told = stop.clone();
    let served = macadam_server::serve(listener, state, async move { told.told().await }).await;
    tracing::info!("stopping: waiting for the steps of jobs and the calls of webhooks");
    let steps = tokio::time::timeout(DRAIN, workers.drain());
    let (steps, calls) = tokio::join!(steps, tokio::time::timeout(DRAIN, deliverers.drain()));
    if steps.is_err() || calls.is_err() {
        tracing::warn!("what was still going on is cut off; it is done again at the next start");
    }
    feed.stop();
    reloading.abort();
    exporting.abort();
    watching.end().await;
    recorder.flush().await;
    store.close().await;
    tracing::info!("stopped");
    served.context("the server failed")
}

fn greet(
    platform: &macadam_platform::Platform,
    address: SocketAddr,
    data: &DataDir,
    gate: &Gate,
    output: &mut Output<'_>,
) -> anyhow::Result<()> {
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "tokens travel in plain HTTP; put a proxy that speaks TLS in front");
    }
    if gate.new_people {
        output.remark(&format!("The tokens of dana, amir and ada are in {}", data.tokens().display()))?;
    }
    if gate.people.is_none() && gate.authenticator.issuers().next().is_none() {
        tracing::warn!("no person can sign in: no development mode, no identity provider");
        output.remark(sign_in::NOBODY)?;
    }
    let active = platform.plugins().active();
    let (all, failed) = (active.status.len(), active.failed().count());
    let state = match failed {
        0 => format!("ready, {all} plugins active"),
        _ => format!("not ready, {failed} of {all} plugins are not active; the log says why"),
    };
    tracing::info!(%address, plugins = all, failed, "serving");
    output.line(&format!("Macadam is {state}: http://{address}"))
}

/// Lets a changed file of people count, and the access policies and the key that another replica has changed.
async fn reload(people: Option<Arc<PeopleFile>>, platform: macadam_platform::Platform) {
    let mut interval = tokio::time::interval(ACCESS_INTERVAL);
    let mut missing = None;
    loop {
        interval.tick().await;
        missing = key::follow(&platform, missing).await;
        if let Err(error) = platform.follow_access().await {
            tracing::error!(%error, "it is not known whether the access policies were changed; they are as they were");
        }
        let Some(people) = &people else { continue };
        match people.reload_if_changed() {
            Ok(false) => {}
            Ok(true) => tracing::info!("the people were read again"),
            Err(error) => tracing::error!(%error, "the people are as they were before the file was changed"),
        }
    }
}
