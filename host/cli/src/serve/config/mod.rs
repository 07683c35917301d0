//! `macadam.toml`: what an administrator can set. An unknown key is refused, since it was meant to do something.
//!
//! [`Config`] is the file as it is written, with what counts for what is left out; parts of it that a part of the host is
//! about are beside that part. How a file is read and what is said about a mistake is `error`; what its values may be,
//! `ranges`; what plugins can be granted, `connections`.

mod connections;
mod error;
mod ranges;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use macadam_core::limits::{LimitOverrides, Limits};
use macadam_core::names::ScheduleName;
use macadam_core::verdict::WhenNoPolicyApplies;
use macadam_platform::PlatformSettings;
use macadam_platform::decisions::DecisionRetention;
use macadam_platform::plugins::Binding;
use macadam_server::sign_in::OidcSettings;
use macadam_server::{AllowedOrigin, RateLimitSettings, TrustedProxies};
use serde::Deserialize;

use crate::serve::audit::AuditConfig;
use crate::serve::blobs::BlobsConfig;
use crate::serve::database::DatabaseUrl;
use crate::serve::events::{Events, Webhooks};
use crate::serve::work::{JobsConfig, ScheduleConfig};

pub(super) use connections::{Connections, SqlAddress};
pub(super) use error::{ConfigError, read_toml};
pub(super) use ranges::Range;

/// What a new data directory starts with.
pub(super) const DEFAULT: &str = include_str!("../macadam.toml");

/// A day in seconds.
pub(super) const DAY: u64 = 24 * 60 * 60;

/// What a host is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    /// People sign in with an identity provider.
    #[default]
    Production,
    /// The first people's tokens count as well, which lie about in a file.
    Development,
}

/// Who may sign in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SignIn {
    /// The identity providers.
    pub(super) oidc: Vec<OidcSettings>,
    /// Whether a host in development mode may listen where others reach it.
    pub(super) development_beyond_loopback: bool,
}

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Config {
    /// What the host is for.
    pub(super) mode: Mode,
    /// Who may sign in.
    pub(super) sign_in: SignIn,
    /// Where to listen.
    pub(super) listen: SocketAddr,
    /// The address of the database that the store is in, or where it is said; the data directory if nothing is.
    pub(super) database: Option<DatabaseUrl>,
    /// The variable of the environment with that address.
    pub(super) database_url_env: Option<String>,
    /// The file with that address.
    pub(super) database_url_file: Option<PathBuf>,
    /// How many connections to that database there may be at once.
    pub(super) database_connections: u32,
    /// The variable of the environment with the key that secrets are sealed with.
    pub(super) master_key_env: Option<String>,
    /// The file with that key.
    pub(super) master_key_file: Option<PathBuf>,
    /// The program, with its arguments, that writes that key: the way to a key management service.
    pub(super) master_key_command: Option<Vec<String>>,
    /// Variables of the environment with other keys, which secrets may be sealed under as well.
    pub(super) other_master_key_envs: Vec<String>,
    /// Files with such keys.
    pub(super) other_master_key_files: Vec<PathBuf>,
    /// Programs that write such keys.
    pub(super) other_master_key_commands: Vec<Vec<String>>,
    /// The registry's directory whose packages are taken over at a start; absolute, or below the data directory.
    pub(super) registry: PathBuf,
    /// Where packages and archives are.
    pub(super) blobs: BlobsConfig,
    /// What counts when no policy applies to a request.
    when_no_policy_applies: WhenNoPolicyApplies,
    /// How long a request waits for approval.
    approval_wait_seconds: u64,
    /// How long a worker holds a job without a word.
    lease_seconds: u64,
    /// How many jobs run at once.
    workers: usize,
    /// How jobs are limited, and tried again.
    jobs: JobsConfig,
    /// How often a provider looks at each ready resource; 0 is never.
    health_check_seconds: u64,
    /// When schedules run, by their names.
    schedules: BTreeMap<ScheduleName, ScheduleConfig>,
    /// For how long the decision log is kept.
    decision_log_days: u64,
    /// How large it may get, for each kind of decision.
    decision_log_megabytes: u64,
    /// Whether `/metrics` asks for no token; on a loopback address it does not, elsewhere it does.
    pub(super) open_metrics: Option<bool>,
    /// The trusted root of sigstore, for namespaces that trust keyless identities; absolute, or below the data directory.
    pub(super) trusted_root: Option<PathBuf>,
    /// For how long events are kept, and what they name as their source.
    pub(super) events: Events,
    /// Whom webhooks may call, and when one is given up.
    pub(super) webhooks: Webhooks,
    /// The networks of proxies that are believed when they say for whom they ask.
    trusted_proxies: Vec<IpNet>,
    /// The origins whose pages may call.
    pub(super) cors_origins: Vec<AllowedOrigin>,
    /// How much one token, team or address may ask for.
    pub(super) rate_limits: RateLimitSettings,
    /// What of the audit log is exported.
    pub(super) audit: AuditConfig,
    /// The most that any plugin gets, whatever its manifest and binding say.
    limits: LimitOverrides,
    /// What can be granted.
    pub(super) connections: Connections,
    /// What should be active.
    pub(super) plugins: Vec<Binding>,
}

impl Default for Config {
    fn default() -> Self {
        let settings = PlatformSettings::default();
        Self {
            mode: Mode::default(),
            sign_in: SignIn::default(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7070)),
            database: None,
            database_url_env: None,
            database_url_file: None,
            database_connections: 16,
            registry: PathBuf::from("registry"),
            master_key_env: None,
            master_key_file: None,
            master_key_command: None,
            other_master_key_envs: Vec::new(),
            other_master_key_files: Vec::new(),
            other_master_key_commands: Vec::new(),
            blobs: BlobsConfig::default(),
            when_no_policy_applies: settings.when_no_policy_applies,
            approval_wait_seconds: settings.approval_wait.as_secs(),
            lease_seconds: settings.lease.as_secs(),
            workers: settings.workers,
            jobs: JobsConfig::default(),
            health_check_seconds: settings.health_checks.map_or(0, |every| every.as_secs()),
            schedules: BTreeMap::new(),
            decision_log_days: DecisionRetention::default().age.as_secs() / DAY,
            decision_log_megabytes: DecisionRetention::default().bytes >> 20,
            open_metrics: None,
            trusted_root: None,
            events: Events::default(),
            webhooks: Webhooks::default(),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            rate_limits: RateLimitSettings::default(),
            audit: AuditConfig::default(),
            limits: LimitOverrides::default(),
            connections: Connections::default(),
            plugins: Vec::new(),
        }
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the key and the remedy.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        read_toml::<Self>(path)?.checked(path)
    }

    /// What of it the use cases know.
    pub(super) fn platform_settings(&self) -> PlatformSettings {
        PlatformSettings {
            when_no_policy_applies: self.when_no_policy_applies,
            approval_wait: Duration::from_secs(self.approval_wait_seconds),
            lease: Duration::from_secs(self.lease_seconds),
            workers: self.workers,
            job_limits: self.jobs.limits(self.workers),
            retry: self.jobs.retry(),
            longest_work: self.jobs.longest_work(),
            job_history: self.jobs.history(),
            health_checks: (self.health_check_seconds > 0).then(|| Duration::from_secs(self.health_check_seconds)),
            schedules: self.schedules.iter().map(|(name, at)| (name.clone(), at.timing())).collect(),
            ..PlatformSettings::default()
        }
    }

    /// How much of the decision log is kept.
    pub(super) fn decision_retention(&self) -> DecisionRetention {
        let age = Duration::from_secs(self.decision_log_days * DAY);
        DecisionRetention { age, bytes: self.decision_log_megabytes << 20 }
    }

    /// Who is believed when they say for whom they ask.
    pub(super) fn proxies(&self) -> TrustedProxies {
        TrustedProxies::new(self.trusted_proxies.clone())
    }

    /// The most that any plugin gets.
    pub(super) fn cap(&self) -> Limits {
        self.limits.over(Limits::CAP)
    }
}
