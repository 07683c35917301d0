//! Jobs as people see them: listed, looked at, taken back, and tried again when they are dead.

use jiff::Timestamp;
use macadam_core::names::TeamId;
use macadam_store::{AttemptRecord, Cancelled, JobFilter, JobId, JobRecord, PageRequest};

use crate::authorization::{Action, Target};
use crate::provisioning::ProvisionError;
use crate::{Caller, Platform};

/// How many of a job's last attempts are shown.
const SHOWN_ATTEMPTS: u32 = 200;

impl Platform {
    /// The jobs that the caller may see, the newest first.
    ///
    /// # Errors
    /// Refused for tokens that are not for this, and when the store fails.
    pub async fn jobs(
        &self,
        caller: &Caller,
        mut filter: JobFilter,
        page: PageRequest<JobId>,
    ) -> Result<Vec<JobRecord>, ProvisionError> {
        self.is_in_scope(caller, Action::JobRead)?;
        if filter.team.is_none() {
            filter.teams = self.teams_for(caller, Action::JobRead).await?.into_filter();
        }
        let hidden = |team: &TeamId| !self.may(caller, Action::JobRead, &Target::Team(team.clone()));
        if filter.team.as_ref().is_some_and(hidden) {
            return Ok(Vec::new());
        }
        Ok(self.store().list_jobs(&filter, page).await?)
    }

    /// One job, with its last attempts in order.
    ///
    /// # Errors
    /// [`ProvisionError::NotFound`] also for one that belongs to others, so that ids cannot be probed.
    pub async fn job(&self, caller: &Caller, id: JobId) -> Result<(JobRecord, Vec<AttemptRecord>), ProvisionError> {
        let job = self.visible_job(caller, id).await?;
        Ok((job, self.store().attempts(id, SHOWN_ATTEMPTS).await?))
    }

    /// Takes a job back: it ends at once, or once what was done is undone.
    ///
    /// # Errors
    /// Refused for whoever neither made the request nor may change what belongs to the team, and when it is too late.
    pub async fn cancel_job(&self, caller: &Caller, id: JobId, now: Timestamp) -> Result<Cancelled, ProvisionError> {
        let job = self.visible_job(caller, id).await?;
        let (_, target) = self.visible_target(caller, job.request).await?;
        self.authorize(caller, Action::JobCancel, &target)?;
        let cancelled = self.store().cancel_job(id, caller.by_person(), now).await?;
        tracing::info!(job = %id, person = %caller.person, ?cancelled, "job cancelled");
        self.work.notify_waiters();
        Ok(cancelled)
    }

    /// Has a dead job tried again, from the last step that was kept.
    ///
    /// # Errors
    /// Refused for everybody but administrators, and for jobs that are not dead.
    pub async fn retry_job(&self, caller: &Caller, id: JobId, now: Timestamp) -> Result<(), ProvisionError> {
        self.visible_job(caller, id).await?;
        self.authorize(caller, Action::JobRetry, &Target::Platform)?;
        self.store().retry_job(id, caller.by_person(), now).await?;
        tracing::info!(job = %id, person = %caller.person, "a dead job is tried again");
        self.work.notify_waiters();
        Ok(())
    }

    async fn visible_job(&self, caller: &Caller, id: JobId) -> Result<JobRecord, ProvisionError> {
        self.is_in_scope(caller, Action::JobRead)?;
        let found = self.store().job(id).await?;
        let visible = found.filter(|job| self.may(caller, Action::JobRead, &Target::Team(job.team.clone())));
        visible.ok_or_else(|| ProvisionError::NotFound(format!("job {id}")))
    }
}
