//! What an administrator can set about events and webhooks.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use ipnet::IpNet;
use macadam_platform::events::EventSettings;
use macadam_platform::webhooks::{Courier, WebhookSettings};
use serde::Deserialize;

use crate::serve::config::{DAY, Range};
use crate::serve::data::DataDir;

/// `[events]`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Events {
    /// For how long events are kept.
    kept_days: u64,
    /// What events name as their source.
    source: String,
}

/// `[webhooks]`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Webhooks {
    /// Addresses that may be called though they are not on the public internet.
    allow_addresses: Vec<IpNet>,
    /// Hosts that may be called in plain HTTP.
    allow_http_hosts: Vec<String>,
    /// A file of certificates, instead of the public authorities'; absolute, or below the data directory.
    trusted_certificates: Option<PathBuf>,
    /// For how long a receiver may fail before its webhook is disabled.
    disable_after_seconds: u64,
    /// For how long it is kept what came of attempts.
    history_days: u64,
}

impl Default for Events {
    fn default() -> Self {
        let EventSettings { kept, source } = EventSettings::default();
        Self { kept_days: kept.as_secs() / DAY, source }
    }
}

impl Default for Webhooks {
    fn default() -> Self {
        let settings = WebhookSettings::default();
        Self {
            allow_addresses: settings.allow_addresses,
            allow_http_hosts: settings.allow_http_hosts,
            trusted_certificates: None,
            disable_after_seconds: settings.disable_after.as_secs(),
            history_days: settings.history.as_secs() / DAY,
        }
    }
}

impl Events {
    pub(super) fn ranges(&self) -> [Range; 1] {
        [("events.kept-days", self.kept_days, 1, 3_650, "write 1 to 3650 (ten years)")]
    }

    pub(super) fn settings(&self) -> EventSettings {
        EventSettings { kept: Duration::from_secs(self.kept_days * DAY), source: self.source.clone() }
    }
}

impl Webhooks {
    pub(super) fn ranges(&self) -> [Range; 2] {
        [
            (
                "webhooks.disable-after-seconds",
                self.disable_after_seconds,
                1,
                365 * DAY,
                "write 1 to 31536000 (a year)",
            ),
            ("webhooks.history-days", self.history_days, 1, 3_650, "write 1 to 3650 (ten years)"),
        ]
    }

    /// What sends messages.
    pub(super) fn courier(&self, data: &DataDir) -> anyhow::Result<Courier> {
        let read = |path: &PathBuf| {
            let path = data.join(path);
            std::fs::read(&path)
                .with_context(|| format!("`webhooks.trusted-certificates`: {} cannot be read", path.display()))
        };
        let settings = WebhookSettings {
            allow_addresses: self.allow_addresses.clone(),
            allow_http_hosts: self.allow_http_hosts.clone(),
            trusted_certificates: self.trusted_certificates.as_ref().map(read).transpose()?,
            disable_after: Duration::from_secs(self.disable_after_seconds),
            history: Duration::from_secs(self.history_days * DAY),
        };
        Courier::new(settings).context("`webhooks.trusted-certificates`")
    }
}
