//! The exports of the audit log, while the server runs. Whatever is due and not there is written; so a missed one is
//! written late and none twice, whichever replica comes first.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use macadam_platform::Platform;
use macadam_platform::audit::Exports;
use serde::Deserialize;

use crate::serve::config::Range;
use crate::serve::data::DataDir;

/// How often it is looked whether something is due: often enough for the shortest interval.
const LOOK: Duration = Duration::from_secs(5);

/// What of the audit log is exported, where to and how often.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AuditConfig {
    /// Where to, absolute or below the data directory; nothing is exported without it.
    pub(super) export_directory: Option<PathBuf>,
    /// How often heads are.
    pub(super) export_interval_seconds: u64,
    /// Whether whole entries are as well, once a day.
    pub(super) export_entries: bool,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { export_directory: None, export_interval_seconds: 900, export_entries: false }
    }
}

impl AuditConfig {
    /// How often it may be.
    pub(super) fn range(&self) -> Range {
        ("audit.export-interval-seconds", self.export_interval_seconds, 10, 86_400, "write 10 to 86400 (a day)")
    }
}

/// What is to be exported, if anything is.
pub(super) fn exports(data: &DataDir, config: &AuditConfig) -> Option<Exports> {
    let directory = data.join(config.export_directory.as_ref()?);
    let interval = Duration::from_secs(config.export_interval_seconds);
    Some(Exports { directory, interval, entries: config.export_entries })
}

/// Exports for as long as the server runs.
pub(super) async fn run(exports: Option<Exports>, platform: Platform) {
    let Some(exports) = exports else { return };
    let mut interval = tokio::time::interval(LOOK);
    let mut failing = None;
    loop {
        interval.tick().await;
        let now = Timestamp::now();
        match exports.run(&platform, now).await {
            Ok(written) => {
                for path in written {
                    tracing::info!(path = %path.display(), "exported of the audit log");
                }
                failing = None;
            }
            // Said once for each interval, and when the reason is another: whoever watches the log must see it,
            // and not only it.
            Err(error) => {
                let said = Some((exports.due(now), error.to_string()));
                if failing != said {
                    tracing::error!(%error, "the audit log is not exported");
                    failing = said;
                }
            }
        }
    }
}
