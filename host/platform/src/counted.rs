//! What this process has done since it started, for whoever scrapes it. What there is to do is in the store.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use macadam_store::{AttemptOutcome, JobPhase, RunOutcome};

/// How often something was done, and how long that took together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// How long.
    pub seconds: f64,
}

impl Tally {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.seconds += took.as_secs_f64();
    }
}

/// The counts.
#[derive(Debug, Default)]
pub struct Counted {
    attempts: Mutex<BTreeMap<(&'static str, &'static str), Tally>>,
    runs: Mutex<BTreeMap<(String, &'static str), Tally>>,
}

impl Counted {
    pub(crate) fn attempt(&self, phase: JobPhase, outcome: AttemptOutcome, took: Duration) {
        // A thread that panicked with the lock has at most not counted.
        let mut attempts = self.attempts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        attempts.entry((phase.as_str(), outcome.as_str())).or_default().add(took);
    }

    pub(crate) fn run(&self, schedule: &str, outcome: RunOutcome, took: Duration) {
        let mut runs = self.runs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        runs.entry((schedule.to_owned(), outcome.as_str())).or_default().add(took);
    }

    /// Attempts at jobs, by phase and outcome.
    #[must_use]
    pub fn attempts(&self) -> BTreeMap<(&'static str, &'static str), Tally> {
        self.attempts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Runs of schedules, by name and outcome.
    #[must_use]
    pub fn runs(&self) -> BTreeMap<(String, &'static str), Tally> {
        self.runs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
