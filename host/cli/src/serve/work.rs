//! What an administrator can set about jobs and about what is done by the clock.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use macadam_core::names::{PluginName, TeamId};
use macadam_core::retry::RetryRule;
use macadam_platform::PlatformSettings;
use macadam_platform::schedule::Timing;
use macadam_store::JobLimits;
use serde::{Deserialize, Deserializer};

use crate::serve::config::Range;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// `[jobs]`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct JobsConfig {
    /// How many of one team may be at work at once; three quarters of the workers if nothing is said.
    per_team: Option<u32>,
    /// How many of one provider.
    per_provider: Option<u32>,
    /// Of these teams instead.
    teams: BTreeMap<TeamId, u32>,
    /// Of these providers instead.
    providers: BTreeMap<PluginName, u32>,
    /// How often a step is tried that fails for a passing reason.
    tries: u32,
    /// The longest wait between two tries.
    longest_wait_seconds: u64,
    /// After how long it is given up, however few the tries were.
    give_up_hours: u64,
    /// How long a provider may say that it is not done yet.
    longest_work_hours: u64,
    /// For how long it is kept what attempts came to.
    history_days: u64,
}

impl Default for JobsConfig {
    fn default() -> Self {
        let settings = PlatformSettings::default();
        let retry = settings.retry;
        Self {
            per_team: None,
            per_provider: None,
            teams: BTreeMap::new(),
            providers: BTreeMap::new(),
            tries: retry.tries,
            longest_wait_seconds: u64::try_from(retry.longest.as_secs()).unwrap_or(0),
            give_up_hours: u64::try_from(retry.age.as_hours()).unwrap_or(0),
            longest_work_hours: settings.longest_work.as_secs() / HOUR,
            history_days: settings.job_history.as_secs() / DAY,
        }
    }
}

impl JobsConfig {
    pub(super) fn ranges(&self) -> Vec<Range> {
        const AT_WORK: &str = "write 1 to 1000000, or leave it out";
        let at_work = |key, most: u32| (key, u64::from(most), 1, 1_000_000, AT_WORK);
        let teams = self.teams.values().map(|most| at_work("jobs.teams", *most));
        let providers = self.providers.values().map(|most| at_work("jobs.providers", *most));
        let everybody = [("jobs.per-team", self.per_team), ("jobs.per-provider", self.per_provider)];
        let everybody = everybody.into_iter().filter_map(|(key, most)| Some(at_work(key, most?)));
        let numbers = [
            ("jobs.tries", u64::from(self.tries), 1, 1_000, "write 1 to 1000"),
            ("jobs.longest-wait-seconds", self.longest_wait_seconds, 1, DAY, "write 1 to 86400 (a day)"),
            ("jobs.give-up-hours", self.give_up_hours, 1, 8_760, "write 1 to 8760 (a year)"),
            ("jobs.longest-work-hours", self.longest_work_hours, 1, 8_760, "write 1 to 8760 (a year)"),
            ("jobs.history-days", self.history_days, 1, 3_650, "write 1 to 3650 (ten years)"),
        ];
        everybody.chain(teams).chain(providers).chain(numbers).collect()
    }

    /// How many jobs may be at work at once.
    pub(super) fn limits(&self, workers: usize) -> JobLimits {
        let fair = PlatformSettings::fair_limits(workers);
        JobLimits {
            per_team: self.per_team.unwrap_or(fair.per_team),
            per_provider: self.per_provider.unwrap_or(fair.per_provider),
            teams: self.teams.clone(),
            providers: self.providers.clone(),
        }
    }

    /// When steps that failed are tried again.
    pub(super) fn retry(&self) -> RetryRule {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let longest = SignedDuration::from_secs(whole(self.longest_wait_seconds));
        let first = RetryRule::default().first.min(longest);
        RetryRule { first, longest, tries: self.tries, age: SignedDuration::from_hours(whole(self.give_up_hours)) }
    }

    /// How long a provider may say that it is not done yet.
    pub(super) fn longest_work(&self) -> Duration {
        Duration::from_secs(self.longest_work_hours * HOUR)
    }

    /// For how long it is kept what attempts came to.
    pub(super) fn history(&self) -> Duration {
        Duration::from_secs(self.history_days * DAY)
    }
}

/// `[schedules.NAME]`: one of the two.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    every_seconds: Option<u64>,
    cron: Option<String>,
}

/// When something runs that is done by the clock.
#[derive(Debug)]
pub(super) struct ScheduleConfig(Timing);

impl<'de> Deserialize<'de> for ScheduleConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let Written { every_seconds, cron } = Written::deserialize(deserializer)?;
        match (every_seconds, cron) {
            (Some(seconds), None) => Ok(Self(Timing::Every(Duration::from_secs(seconds)))),
            (None, Some(cron)) => cron.parse().map(Self).map_err(D::Error::custom),
            _ => Err(D::Error::custom("write either `every-seconds` or `cron`")),
        }
    }
}

impl ScheduleConfig {
    pub(super) fn range(&self) -> Range {
        let seconds = match &self.0 {
            Timing::Every(interval) => interval.as_secs(),
            Timing::Cron(_) | Timing::WhenDue(_) => 1,
        };
        ("schedules.…every-seconds", seconds, 1, 366 * DAY, "write 1 to 31622400 (a year)")
    }

    pub(super) fn timing(&self) -> Timing {
        self.0.clone()
    }
}
