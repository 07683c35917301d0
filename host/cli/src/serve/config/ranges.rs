//! What makes sense: numbers in their ranges, and schedules that there are.

use std::path::Path;

use super::{Config, ConfigError};
use crate::serve::work::ScheduleConfig;

/// A key, its value, the least and the most that it may be, and the remedy.
pub(in crate::serve) type Range = (&'static str, u64, u64, u64, &'static str);

impl Config {
    /// The configuration, unless something in it makes no sense.
    pub(super) fn checked(self, path: &Path) -> Result<Self, ConfigError> {
        let wrong = self.ranges().into_iter().find(|(_, value, least, most, _)| !(least..=most).contains(&value));
        match wrong {
            None => self.known_schedules(path),
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
}
