//! Work by the clock, once whichever hosts there are.
//!
//! A [`Task`] has a name, a [`Timing`] and something to do. Every host knows all of them ([`tasks`] is the list, and
//! adding to it is all that another kind of work needs); the store gives each run to one host, with a lease that runs out
//! when the host dies. A run that fails is tried again with growing pauses, and shown. What was missed while nobody was
//! there is not made up for.
//!
//! What every process has to do for itself, such as unloading plugins that nobody uses, is no schedule: it is on a plain
//! timer in the process.

mod health;
mod read;
mod run;
mod tasks;
mod timing;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::Platform;

pub use read::ScheduleView;
pub(crate) use run::run;
pub use timing::{Timing, TimingError};

/// What a run came to that could not do what it is for, in words for an administrator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TaskError(String);

impl TaskError {
    /// From whatever went wrong.
    pub fn of(error: &dyn std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Something that is done by the clock.
#[async_trait]
pub trait Task: Send + Sync {
    /// Its name, the same on every host and in every version.
    fn name(&self) -> &'static str;

    /// When it runs, unless an administrator says otherwise.
    fn timing(&self, platform: &Platform) -> Timing;

    /// Whether there is anything to do. Asked without a lease before each run, so it only reads.
    ///
    /// # Errors
    /// When that cannot be found out.
    async fn is_due(&self, _platform: &Platform, _now: Timestamp) -> Result<bool, TaskError> {
        Ok(true)
    }

    /// Does it, and says in a few words what was done. It may be dropped at any `await`, and done again.
    ///
    /// # Errors
    /// When it could not be done; it is tried again.
    async fn run(&self, platform: &Platform, now: Timestamp) -> Result<String, TaskError>;
}

/// Everything that is done by the clock.
#[must_use]
pub fn tasks() -> Vec<Box<dyn Task>> {
    vec![
        Box::new(tasks::Expiry),
        Box::new(tasks::IdempotencyKeys),
        Box::new(tasks::DecisionLog),
        Box::new(tasks::JobHistory),
        Box::new(tasks::Events),
        Box::new(tasks::WebhookHistory),
        Box::new(tasks::Blobs),
        Box::new(tasks::MasterKey::default()),
        Box::new(health::HealthChecks),
    ]
}
