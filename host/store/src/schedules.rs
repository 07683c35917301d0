//! Work by the clock: what is done when, and which host does it.
//!
//! A host that knows how to do something makes its schedule known and claims it when its time has come. Of several hosts
//! one gets it; its [`ScheduleLease`] runs out when it dies, and another one takes over. Runs that were missed meanwhile
//! are not made up for: the next one is counted from the end of the last.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::ScheduleName;

use crate::row::Columns;
use crate::{ByPerson, StoreError};

/// A host's hold on a schedule. Only a claim makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleLease {
    pub(crate) name: ScheduleName,
    pub(crate) fence: u64,
}

impl ScheduleLease {
    /// The schedule.
    #[must_use]
    pub fn name(&self) -> &ScheduleName {
        &self.name
    }
}

/// A schedule that a host has just been given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSchedule {
    /// The hold on it.
    pub lease: ScheduleLease,
    /// Runs in a row that failed before.
    pub failures: u32,
}

/// How a run ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ScheduleOutcome)]
pub enum RunOutcome {
    /// It did what it is for.
    Succeeded,
    /// It could not.
    Failed,
    /// Its host vanished in the middle.
    Lost,
}

impl RunOutcome {
    /// The outcome's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }
}

/// What came of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunEnd<'a> {
    /// How it ended.
    pub outcome: RunOutcome,
    /// What there is to say about it: what was done, or what went wrong.
    pub note: &'a str,
    /// When the next one is.
    pub next_run_at: Timestamp,
}

/// A schedule as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRecord {
    /// Its name.
    pub name: ScheduleName,
    /// When it runs, in words.
    pub timing: String,
    /// When it runs next.
    pub next_run_at: Timestamp,
    /// Which host is at it.
    pub worker: Option<String>,
    /// Until when that host holds it.
    pub lease_until: Option<Timestamp>,
    /// Runs in a row that failed.
    pub failures: u32,
    /// When the last run began.
    pub last_started_at: Option<Timestamp>,
    /// When it ended.
    pub last_ended_at: Option<Timestamp>,
    /// How.
    pub last_outcome: Option<RunOutcome>,
    /// What there is to say about it.
    pub last_note: Option<String>,
}

/// Why a word on a schedule does not count.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// There is none of that name.
    #[error("there is no schedule {0}; `macadam schedule list` shows those there are")]
    NotFound(
        /// The name that was given.
        ScheduleName,
    ),
    /// Another host has it by now.
    #[error("the lease on the schedule {0} is lost; another host has it now")]
    LeaseLost(
        /// Its name.
        ScheduleName,
    ),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The schedules.
#[async_trait]
pub trait Schedules: Send + Sync {
    /// Makes a schedule known. One that is known already goes on as it was, unless it is to run at other times now.
    async fn know_schedule(&self, name: &ScheduleName, timing: &str, first: Timestamp) -> Result<(), StoreError>;

    /// Gives a host one schedule, leased until a moment, if its time has come and nobody else has it.
    async fn claim_schedule(
        &self,
        name: &ScheduleName,
        worker: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<DueSchedule>, StoreError>;

    /// Holds a schedule for longer.
    ///
    /// # Errors
    /// [`ScheduleError::LeaseLost`] when another host has it.
    async fn hold_schedule(&self, lease: &ScheduleLease, lease_until: Timestamp) -> Result<(), ScheduleError>;

    /// Ends a run.
    ///
    /// # Errors
    /// [`ScheduleError::LeaseLost`] when another host has it; nothing was changed.
    async fn end_run(&self, lease: &ScheduleLease, end: &RunEnd<'_>, now: Timestamp) -> Result<(), ScheduleError>;

    /// Has a schedule run now, once; recorded.
    ///
    /// # Errors
    /// [`ScheduleError::NotFound`].
    async fn run_schedule(&self, name: &ScheduleName, by: ByPerson<'_>, now: Timestamp) -> Result<(), ScheduleError>;

    /// Has a schedule run at another moment if its next run is later than `latest`, and says whether that was so. Nothing
    /// while a host is at it, which itself says when the next run is.
    async fn bring_forward(&self, name: &ScheduleName, latest: Timestamp, to: Timestamp) -> Result<bool, StoreError>;

    /// All that are known, by name.
    async fn schedules(&self) -> Result<Vec<ScheduleRecord>, StoreError>;
}

pub(crate) fn to_schedule(row: &impl Columns) -> Result<ScheduleRecord, StoreError> {
    Ok(ScheduleRecord {
        name: row.parsed("name")?,
        timing: row.text("timing")?,
        next_run_at: row.time("next_run_at")?,
        worker: row.text_opt("worker")?,
        lease_until: row.time_opt("lease_until")?,
        failures: row.count("failures")?,
        last_started_at: row.time_opt("last_started_at")?,
        last_ended_at: row.time_opt("last_ended_at")?,
        last_outcome: row.word_opt("last_outcome")?,
        last_note: row.text_opt("last_note")?,
    })
}
