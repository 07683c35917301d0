//! The exports of the audit log, while the server runs. Whatever is due and not there is written; so a missed one is
//! written late and none twice, whichever replica comes first.

use std::time::Duration;

use jiff::Timestamp;
use macadam_platform::Platform;
use macadam_platform::audit::Exports;

use crate::serve::config::AuditConfig;
use crate::serve::data::DataDir;

/// How often it is looked whether something is due: often enough for the shortest interval.
const LOOK: Duration = Duration::from_secs(5);

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
    let mut failing = false;
    loop {
        interval.tick().await;
        match exports.run(&platform, Timestamp::now()).await {
            Ok(written) => {
                for path in written {
                    tracing::info!(path = %path.display(), "exported of the audit log");
                }
                failing = false;
            }
            // Said once: whoever watches the log must see it, and not only it.
            Err(error) if !failing => {
                tracing::error!(%error, "the audit log is not exported");
                failing = true;
            }
            Err(_) => {}
        }
    }
}
