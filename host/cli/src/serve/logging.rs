//! Logs: on standard error, as text or as JSON.

use tracing_subscriber::EnvFilter;

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

/// Starts logging.
pub(super) fn start(format: LogFormat) -> anyhow::Result<()> {
    let wanted = std::env::var(VARIABLE).unwrap_or_else(|_| DEFAULT.to_owned());
    let filter = EnvFilter::try_new(&wanted).map_err(|error| anyhow::anyhow!("{VARIABLE} is {wanted:?}: {error}"))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => subscriber.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))
}
