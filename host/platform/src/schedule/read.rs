//! Schedules as administrators see them.

use jiff::Timestamp;
use macadam_core::names::ScheduleName;
use macadam_store::{RunOutcome, ScheduleError, ScheduleRecord};
use serde::Serialize;

use crate::authorization::{Action, Target};
use crate::provisioning::ProvisionError;
use crate::{Caller, Platform};

/// A schedule.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Schedule)]
pub struct ScheduleView {
    /// Its name.
    pub name: ScheduleName,
    /// When it runs, in words.
    pub timing: String,
    /// When it runs next; in the past for what waits for something to do.
    pub next_run_at: Timestamp,
    /// Which host is at it now.
    pub worker: Option<String>,
    /// Runs in a row that failed.
    pub failures: u32,
    /// The last run.
    pub last: Option<LastRun>,
}

/// The last run of a schedule.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = ScheduleRun)]
pub struct LastRun {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it goes on.
    pub ended_at: Option<Timestamp>,
    /// How long it took, in seconds.
    pub seconds: Option<f64>,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
    /// What there is to say about it.
    pub note: Option<String>,
}

impl ScheduleView {
    fn of(record: ScheduleRecord) -> Self {
        let at_work = record.worker.is_some();
        let last = record.last_started_at.map(|started_at| {
            let ended_at = record.last_ended_at.filter(|ended| !at_work && *ended >= started_at);
            LastRun {
                started_at,
                ended_at,
                seconds: ended_at.map(|ended| ended.duration_since(started_at).as_secs_f64()),
                outcome: record.last_outcome.filter(|_| ended_at.is_some()),
                note: record.last_note.filter(|_| ended_at.is_some()),
            }
        });
        let ScheduleRecord { name, timing, next_run_at, worker, failures, .. } = record;
        Self { name, timing, next_run_at, worker, failures, last }
    }
}

impl Platform {
    /// Everything that is done by the clock.
    ///
    /// # Errors
    /// Refused for everybody but administrators.
    pub async fn schedules(&self, caller: &Caller) -> Result<Vec<ScheduleView>, ProvisionError> {
        self.authorize(caller, Action::ScheduleRead, &Target::Platform)?;
        Ok(self.store().schedules().await?.into_iter().map(ScheduleView::of).collect())
    }

    /// Has something run now that is done by the clock; some host takes it up within about a second.
    ///
    /// # Errors
    /// Refused for everybody but administrators; [`ProvisionError::NotFound`] names what there is not.
    pub async fn run_schedule(
        &self,
        caller: &Caller,
        name: &ScheduleName,
        now: Timestamp,
    ) -> Result<ScheduleView, ProvisionError> {
        self.authorize(caller, Action::ScheduleRun, &Target::Platform)?;
        self.store().run_schedule(name, caller.by_person(), now).await?;
        tracing::info!(%name, person = %caller.person, "a schedule was asked to run");
        let found = self.store().schedules().await?.into_iter().find(|record| record.name == *name);
        found.map(ScheduleView::of).ok_or_else(|| ScheduleError::NotFound(name.clone()).into())
    }
}
