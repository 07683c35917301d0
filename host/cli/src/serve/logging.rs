//! Logs, on standard error, as text or as JSON; and traces, to where OpenTelemetry's own variables say.
//!
//! Both come from the same `tracing`, and neither sees the other's spans: those of traces have the target
//! [`TRACE`] and are off, and free, until an endpoint is named.

use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry};

use crate::serve::telemetry::{TRACE, Telemetry};

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The variable that says what is logged.
const VARIABLE: &str = "MACADAM_LOG";

/// What is logged when nobody says.
const DEFAULT: &str = "info,sqlx=warn";

/// Starts logging, and tracing if somebody wants traces.
pub(super) fn start(format: LogFormat) -> anyhow::Result<Telemetry> {
    let wanted = std::env::var(VARIABLE).unwrap_or_else(|_| DEFAULT.to_owned());
    let filter = EnvFilter::try_new(&wanted).map_err(|error| anyhow::anyhow!("{VARIABLE} is {wanted:?}: {error}"))?;
    let telemetry = Telemetry::from_environment()?;
    let lines = tracing_subscriber::fmt::layer::<Registry>().with_writer(std::io::stderr);
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = match format {
        LogFormat::Text => lines.with_ansi(is_terminal).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    // Metadata alone decides, once for each place in the code.
    let lines = lines.with_filter(filter).with_filter(filter_fn(|metadata| metadata.target() != TRACE));
    let spans = telemetry.layer().map(|layer| layer.with_filter(filter_fn(|metadata| metadata.target() == TRACE)));
    let started = tracing_subscriber::registry().with(lines).with(spans).try_init();
    started.map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))?;
    Ok(telemetry)
}
