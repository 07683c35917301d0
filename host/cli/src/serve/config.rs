//! `macadam.toml`: what an administrator can set. An unknown key is refused, since it was meant to do something.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use macadam_core::limits::{LimitOverrides, Limits};
use macadam_core::names::{GrantName, ScheduleName};
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

/// What a new data directory starts with.
pub(super) const DEFAULT: &str = include_str!("macadam.toml");

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

/// What can be granted, by name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Connections {
    /// Databases.
    pub(super) sql: BTreeMap<GrantName, SqlAddress>,
    /// Directories.
    pub(super) files: BTreeMap<GrantName, FilesPath>,
}

/// Where a database's address is; one of the three.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SqlAddress {
    /// Here.
    pub(super) url: Option<String>,
    /// In a variable of the environment.
    pub(super) url_env: Option<String>,
    /// In a file.
    pub(super) url_file: Option<PathBuf>,
}

impl std::fmt::Debug for SqlAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("SqlAddress")
            .field("url_env", &self.url_env)
            .field("url_file", &self.url_file)
            .finish_non_exhaustive()
    }
}

/// Where a directory is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FilesPath {
    /// Absolute, or below the data directory.
    pub(super) path: PathBuf,
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

/// Why a file of the administrator's cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}; check that it is there and readable", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{}, line {line}: {}{reason}", path.display(), of(key))]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
        /// Which key, as far as one was reached.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// Nothing of this name is done by the clock.
    #[error("{}: there is no schedule `{name}`; there are {known}", path.display())]
    UnknownSchedule {
        /// Which file.
        path: PathBuf,
        /// The name.
        name: ScheduleName,
        /// Those there are.
        known: String,
    },
    /// A value is outside of what makes sense.
    #[error("{}: `{key}` is {value}; {remedy}", path.display())]
    OutOfRange {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: &'static str,
        /// What it says.
        value: u64,
        /// What to write.
        remedy: &'static str,
    },
}

fn of(key: &str) -> String {
    if key.is_empty() || key == "." { String::new() } else { format!("`{key}`: ") }
}

/// Reads a TOML file; an error names the file, the line and the key, and never repeats the line, which may hold a
/// password.
pub(super) fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let io = |source| ConfigError::Io { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(io)?;
    let wrong = |key: String, error: &toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        ConfigError::Wrong { path: path.to_owned(), line, key, reason: error.message().to_owned() }
    };
    let document = toml::Deserializer::parse(&text).map_err(|error| wrong(String::new(), &error))?;
    serde_path_to_error::deserialize(document).map_err(|error| wrong(error.path().to_string(), error.inner()))
}

/// A key, its value, the least and the most that it may be, and the remedy.
pub(super) type Range = (&'static str, u64, u64, u64, &'static str);

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the key and the remedy.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let config: Self = read_toml(path)?;
        let wrong = config.ranges().into_iter().find(|(_, value, least, most, _)| !(least..=most).contains(&value));
        match wrong {
            None => config.known_schedules(path),
            Some((key, value, _, _, remedy)) => {
                Err(ConfigError::OutOfRange { path: path.to_owned(), key, value, remedy })
            }
        }
    }

    /// A name that is no schedule's was meant to be one.
    fn known_schedules(self, path: &Path) -> Result<Self, ConfigError> {
        let known: Vec<_> = macadam_platform::schedule::tasks().iter().map(|task| task.name()).collect();
        match self.schedules.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(self),
            Some(name) => {
                Err(ConfigError::UnknownSchedule { path: path.to_owned(), name: name.clone(), known: known.join(", ") })
            }
        }
    }

    fn ranges(&self) -> Vec<Range> {
        const YEAR: u64 = 365 * 24 * 60 * 60;
        let own = vec![
            ("approval-wait-seconds", self.approval_wait_seconds, 60, YEAR, "write 60 (a minute) to 31536000 (a year)"),
            // Heartbeats come at a third of it, and a busy disk may hold one up for a second.
            ("lease-seconds", self.lease_seconds, 3, 3_600, "write 3 to 3600 (an hour)"),
            // A transaction holds one, and each job that runs says so on one now and then.
            ("database-connections", u64::from(self.database_connections), 2, 500, "write 2 to 500"),
            self.audit.range(),
            ("workers", self.workers as u64, 1, 1_000, "write 1 to 1000"),
            ("decision-log-days", self.decision_log_days, 1, 3_650, "write 1 to 3650 (ten years)"),
            ("decision-log-megabytes", self.decision_log_megabytes, 1, 1 << 20, "write 1 to 1048576 (a tebibyte)"),
            (
                "health-check-seconds",
                self.health_check_seconds,
                0,
                YEAR,
                "write seconds up to 31536000 (a year), or 0 for never",
            ),
        ];
        let parts = self.jobs.ranges().into_iter().chain(self.schedules.values().map(ScheduleConfig::range));
        own.into_iter().chain(parts).chain(self.events.ranges()).chain(self.webhooks.ranges()).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let file = tempfile::NamedTempFile::with_suffix("macadam.toml").unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::read(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_new_host_starts_with_is_valid_and_says_what_counts_anyway() {
        let written = read(DEFAULT).unwrap();
        let plugins: Vec<_> = written.plugins.iter().map(|binding| binding.plugin.as_str()).collect();
        assert!(plugins.contains(&"macadam/cost-threshold@dev") && plugins.len() == 7, "{plugins:?}");
        let default = Config::default();
        assert_eq!(written.listen, default.listen);
        let seconds = |config: &Config| (config.approval_wait_seconds, config.lease_seconds, config.workers);
        assert_eq!(seconds(&written), seconds(&default));
        assert_eq!(written.when_no_policy_applies, default.when_no_policy_applies);
    }

    #[test]
    fn what_is_commented_out_to_start_with_is_valid_too() {
        let lines = DEFAULT.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line));
        let text = lines.collect::<Vec<_>>().join("\n");
        let config = read(&text).unwrap();
        assert!(config.connections.sql.keys().any(|name| name.as_str() == "main"), "the example's connection");
        assert!(config.plugins.iter().any(|binding| binding.plugin.starts_with("macadam/postgres-database")));
    }

    #[test]
    fn what_containers_are_given_is_valid_and_binds_no_build_that_is_being_worked_on() {
        for text in [
            include_str!("../../../../deploy/compose/macadam.toml"),
            include_str!("../../../../deploy/kubernetes/base/macadam.toml"),
        ] {
            let config = read(text).unwrap();
            assert_eq!(config.listen.port(), 7070);
            assert!(config.plugins.iter().all(|binding| binding.plugin.ends_with("@^0.2")), "{:?}", config.plugins);
        }
    }

    #[test]
    fn a_mistake_is_told_by_file_line_key_and_remedy() {
        for (text, parts) in [
            ("lisen = \"a\"", vec!["line 1", "lisen", "listen"]),
            ("\nlisten = \"here\"", vec!["line 2", "`listen`", "socket address"]),
            ("trusted-proxies = [\"here\"]", vec!["line 1", "trusted-proxies", "invalid IP"]),
            ("[audit]\nexport-interval-seconds = 1", vec!["`audit.export-interval-seconds` is 1", "write 10"]),
            ("workers = 0", vec!["`workers` is 0", "write 1 to 1000"]),
            ("lease-seconds = 1", vec!["`lease-seconds`", "write 3"]),
            ("[events]\nkept-days = 0", vec!["`events.kept-days` is 0", "write 1"]),
            ("[webhooks]\nallow-addresses = [\"intranet\"]", vec!["line 2", "webhooks.allow-addresses[0]"]),
            ("when-no-policy-applies = \"shrug\"", vec!["when-no-policy-applies", "`deny`"]),
            ("[connections.sql.main]\nurll = \"x\"", vec!["line 2", "connections.sql.main", "url-env"]),
            ("[connections.files.\"Not A Name\"]\npath = \"x\"", vec!["grant", "lower-case"]),
            (
                "[[plugins]]\nplugin = \"a/b\"\n[[plugins]]\nplugin = \"a/c\"\ngrants = [\"all\"]",
                vec!["line 5", "plugins[1]", "sql:NAME"],
            ),
            ("[jobs]\nper-team = 0", vec!["`jobs.per-team` is 0", "leave it out"]),
            ("[jobs.providers]\n\"macadam\" = 1", vec!["line 2", "jobs.providers", "namespace/name"]),
            ("[schedules.decision-log]\ncron = \"soon\"", vec!["schedules.decision-log", "\"0 3 * * *\""]),
            ("[schedules.decision-log]\ncron = \"0 3 * * *\"\nevery-seconds = 1", vec!["either `every-seconds`"]),
            ("[schedules.decision-logs]\nevery-seconds = 9", vec!["`decision-logs`", "decision-log,"]),
            ("a = [", vec!["line 1"]),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains("macadam.toml"), "the file is named: {error}");
            for part in parts {
                assert!(error.contains(part), "{part:?} is missing in: {error}");
            }
        }
    }

    #[test]
    fn a_password_shows_neither_in_errors_nor_in_logs() {
        let config = read("database = \"postgres://u:hunter2@h/d\"").unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let error = read("database = [\"postgres://u:hunter2@h/d\"]").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
        let config = read("[connections.sql.main]\nurl = \"postgres://u:hunter2@h/d\"").unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let error = read("[connections.sql.main]\nurl = \"postgres://u:hunter2@h/d\" x").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_cap_is_the_hosts_own_with_what_is_set_in_its_place() {
        let config = read("[limits]\nfuel = 7").unwrap();
        assert_eq!(config.cap(), Limits { fuel: 7, ..Limits::CAP });
    }
}
