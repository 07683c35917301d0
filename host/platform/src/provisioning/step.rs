//! One step of a job: call the provider, keep what came of it. A crash between any two lines here is resumed by the next
//! claim, with the state that the step was given.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use macadam_core::digest::Digest;
use macadam_core::lifecycle::RequestState;
use macadam_core::names::PersonId;
use macadam_core::plan::{Plan, Progress, ProviderResource, Step};
use macadam_core::request::{Action, Environment};
use macadam_core::retry::{Failure, Next};
use macadam_runtime::Call;
use macadam_store::{
    AttemptOutcome, ClaimedJob, Decision, Desired, JobEnd, JobError, JobPhase, PendingApproval, Redecided, Sealed,
    Setback,
};
use tracing::Span;

use crate::platform::random_number;
use crate::provisioning::ProvisionError;
use crate::provisioning::ask_provider::Made;
use crate::provisioning::failure::{self, fatal, passing};
use crate::provisioning::validate::{as_request, kept};
use crate::vault::{SealError, scope};
use crate::{Platform, trace};

impl Platform {
    /// Does the next step of a claimed job, and says what it came to.
    #[tracing::instrument(
        target = "macadam::trace", name = "job step", skip_all,
        fields(macadam.request = %job.request.id, macadam.job = %job.lease.job(), macadam.phase = job.phase.as_str())
    )]
    pub(crate) async fn step(&self, job: &ClaimedJob, now: Timestamp) -> Result<AttemptOutcome, JobError> {
        trace::link(&Span::current(), job.trace);
        if let (Some(cancellation), JobPhase::Provision) = (&job.cancelled, job.phase) {
            return self.undo_cancelled(job, &cancellation.by, now).await;
        }
        if job.before.failures >= self.settings().retry.tries {
            return self.failed(job, &failure::vanished(job.before.failures), now).await;
        }
        let outcome = match self.prepare(job, now).await {
            Ok(None) => return Ok(AttemptOutcome::Returned),
            Ok(Some((made, resource))) => self.call_provider(job, &made, resource, now).await,
            Err(failure) => Err(failure),
        };
        // Time has passed in the provider.
        let now = now.max(Timestamp::now());
        match outcome {
            Ok(Progress::Done(outputs)) => self.done(job, outputs, now).await,
            Ok(Progress::InProgress { note, .. }) if self.is_endless(job, now) => {
                self.failed(job, &failure::endless(job.phase_since, &note), now).await
            }
            Ok(Progress::InProgress { state, poll_after_ms, note }) => {
                let sealed = self.seal_state(job, &state)?;
                let run_after = later(now, SignedDuration::from_millis(poll_after_ms.into()));
                self.store().save_step(&job.lease, &sealed, run_after, &note, now).await?;
                Ok(AttemptOutcome::Progressed)
            }
            Err(failure) => self.failed(job, &failure, now).await,
        }
    }

    /// Somebody has taken the job back: from here on it undoes what was done.
    async fn undo_cancelled(
        &self,
        job: &ClaimedJob,
        by: &PersonId,
        now: Timestamp,
    ) -> Result<AttemptOutcome, JobError> {
        tracing::info!(job = %job.lease.job(), %by, "the job was cancelled; what was done is undone");
        self.store().begin_undo(&job.lease, &format!("cancelled by {by}"), None, now).await?;
        Ok(AttemptOutcome::Undoing)
    }

    /// Finds the provider that the resource is pinned to, and makes sure that what is about to be done is what was
    /// decided. `None` when the request went back to its approvers.
    async fn prepare(
        &self,
        job: &ClaimedJob,
        now: Timestamp,
    ) -> Result<Option<(Made, Arc<ProviderResource>)>, Failure> {
        let environment = self.environment_of(&job.resource.key).await.map_err(|error| passing(&error))?;
        let desired = self.goal(job);
        let made = self.made_by(&desired.provider).await.map_err(|error| passing(&error))?;
        let action = match job.phase {
            JobPhase::Provision => job.request.action,
            JobPhase::Undo | JobPhase::Deprovision => Action::Delete,
        };
        let request = as_request(action, &job.resource.key, &environment, desired.spec.clone(), desired.tags.clone());
        let resource = Arc::new(ProviderResource {
            id: job.resource.id.to_string(),
            namespace: job.resource.key.namespace.clone(),
            request: Arc::unwrap_or_clone(request),
        });
        made.check_in(now).map_err(|silence| failure::of_silence(silence, now))?;
        if !job.begun && job.phase != JobPhase::Undo {
            let goes_on = self.still_as_decided(job, &made, &resource, &environment, now).await?;
            if !goes_on {
                return Ok(None);
            }
            // From here on the decision cannot be replaced any more: the provider may have begun.
            self.store().begin_work(&job.lease, now).await.map_err(|error| passing(&error))?;
        }
        Ok(Some((made, resource)))
    }

    /// What the job works towards: the request's wish, or for an undone update what was there before.
    fn goal<'a>(&self, job: &'a ClaimedJob) -> &'a Desired {
        match (job.phase, &job.request.desired) {
            (JobPhase::Provision, Some(desired)) => desired,
            _ => &job.resource.desired,
        }
    }

    /// Makes the plan again. When it differs from the one that people approved, they look again.
    async fn still_as_decided(
        &self,
        job: &ClaimedJob,
        made: &Made,
        resource: &Arc<ProviderResource>,
        environment: &Environment,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        let decided: Option<Plan> =
            job.request.decision.get("plan").cloned().and_then(|p| serde_json::from_value(p).ok());
        let Some(decided) = decided.filter(|_| !job.request.needs.is_empty()) else { return Ok(true) };
        let exists = job.request.action != Action::Create;
        let current = exists.then(|| kept(&job.resource, environment, job.request.action));
        let desired = (job.request.action != Action::Delete).then(|| Arc::clone(resource));
        let version = &made.version;
        let turn = made.turn(now).map_err(|silence| failure::of_silence(silence, now))?;
        let plan = version.face.client.plan(desired, current, Arc::clone(&version.settings)).await;
        self.heed_call(turn, &plan, true);
        let plan = plan.outcome.map_err(|error| failure::of_call(&error, now))?;
        if plan == decided {
            return Ok(true);
        }
        let decision = redecided(job, &plan, now).map_err(|error| fatal(&error))?;
        tracing::warn!(request = %job.request.id, "the plan is not the one that was approved; it is shown again");
        match self.store().redecide(&job.lease, &decision, now).await {
            Ok(Redecided::GoesOn) => Ok(true),
            Ok(Redecided::ReturnedToPending) => Ok(false),
            Err(error) => Err(passing(&error)),
        }
    }

    async fn call_provider(
        &self,
        job: &ClaimedJob,
        made: &Made,
        resource: Arc<ProviderResource>,
        now: Timestamp,
    ) -> Result<Progress, Failure> {
        let step = Step {
            idempotency_key: format!("{}/{}", job.request.id, job.phase.as_str()),
            attempt: job.attempt,
            state: self.open_state(job)?,
        };
        let (client, settings) = (&made.version.face.client, Arc::clone(&made.version.settings));
        let undoes_update = job.phase == JobPhase::Undo && job.request.action == Action::Update;
        let turn = made.turn(now).map_err(|silence| failure::of_silence(silence, now))?;
        let call: Call<Progress> = if job.phase == JobPhase::Provision || undoes_update {
            client.provision(resource, step, settings).await
        } else {
            client.deprovision(resource, step, settings).await
        };
        self.heed_call(turn, &call, true);
        call.outcome.map_err(|error| failure::of_call(&error, Timestamp::now()))
    }

    async fn done(
        &self,
        job: &ClaimedJob,
        outputs: Vec<macadam_core::plan::Output>,
        now: Timestamp,
    ) -> Result<AttemptOutcome, JobError> {
        // Before the job ends: what a crash leaves behind is then done again, and no secret outlives its resource.
        if job.phase != JobPhase::Provision && job.request.action != Action::Update {
            self.store().delete_secrets(&job.resource.id.to_string()).await?;
        }
        let end = match job.phase {
            JobPhase::Provision => JobEnd::Done { outputs },
            JobPhase::Deprovision => JobEnd::Done { outputs: Vec::new() },
            JobPhase::Undo => JobEnd::Failed { error: job.error.clone().unwrap_or_default() },
        };
        let finished = match self.store().finish(&job.lease, &end, now).await {
            // It was taken back while its last step was under way, and nobody is to find it there.
            Err(JobError::Cancelled { by, .. }) => return self.undo_cancelled(job, &by, now).await,
            finished => finished?,
        };
        tracing::info!(request = %job.request.id, request_state = %finished.request, "job finished");
        Ok(match finished.request {
            RequestState::Succeeded => AttemptOutcome::Done,
            RequestState::Cancelled => AttemptOutcome::Cancelled,
            _ => AttemptOutcome::Failed,
        })
    }

    async fn failed(&self, job: &ClaimedJob, failure: &Failure, now: Timestamp) -> Result<AttemptOutcome, JobError> {
        let Failure { class, message: error, .. } = failure;
        let next = self.settings().retry.next(failure, job.before, now, random_number());
        tracing::warn!(
            request = %job.request.id, phase = job.phase.as_str(), class = class.as_str(), %error, ?next, "a step failed"
        );
        if let Next::Again(run_after) = next {
            let setback = Setback { class: *class, error, run_after };
            self.store().retry_later(&job.lease, &setback, now).await?;
            return Ok(AttemptOutcome::Retried);
        }
        match job.phase {
            JobPhase::Provision => {
                self.store().begin_undo(&job.lease, error, Some(*class), now).await?;
                Ok(AttemptOutcome::Undoing)
            }
            JobPhase::Undo | JobPhase::Deprovision => {
                let end = JobEnd::Abandoned { error: why_dead(job, error), class: *class };
                self.store().finish(&job.lease, &end, now).await?;
                tracing::error!(job = %job.lease.job(), %error, "the job is dead: it could be neither finished nor undone");
                Ok(AttemptOutcome::Dead)
            }
        }
    }

    /// Whether the job's work has gone on for so long that "not done yet" is no answer any more.
    fn is_endless(&self, job: &ClaimedJob, now: Timestamp) -> bool {
        let longest = SignedDuration::try_from(self.settings().longest_work).unwrap_or(SignedDuration::MAX);
        now.duration_since(job.phase_since) >= longest
    }

    fn seal_state(&self, job: &ClaimedJob, state: &str) -> Result<Sealed, JobError> {
        let sealed = self.parts.vault.sealer().seal(&state_scope(job), state.as_bytes());
        sealed.map_err(|error| JobError::Store(macadam_store::StoreError::Database(Box::new(error))))
    }

    fn open_state(&self, job: &ClaimedJob) -> Result<Option<String>, Failure> {
        let Some(sealed) = &job.state else { return Ok(None) };
        let opened = self.parts.vault.sealer().open(&state_scope(job), sealed);
        let opened = opened.map_err(|error| match error {
            // Another host may have it, or this one will after its next start.
            SealError::MissingKey(_) => passing(&format!("the state of the work: {error}")),
            _ => fatal(&format!("the state of the work: {error}")),
        })?;
        String::from_utf8(opened).map(Some).map_err(|error| fatal(&error))
    }
}

fn state_scope(job: &ClaimedJob) -> String {
    scope::of_job_state(job.lease.job(), job.phase)
}

/// What joins the reason for undoing with what went wrong while doing so.
const UNDOING: &str = "; undoing it: ";

/// Why a job is dead. One that was tried again names the reason for undoing, and what went wrong now.
fn why_dead(job: &ClaimedJob, error: &str) -> String {
    let cause = job.error.as_deref().filter(|_| job.phase == JobPhase::Undo);
    let cause = cause.and_then(|cause| cause.split(UNDOING).next());
    cause.map_or_else(|| error.to_owned(), |cause| format!("{cause}{UNDOING}{error}"))
}

/// The decision with another plan; the same people are asked again.
fn redecided(job: &ClaimedJob, plan: &Plan, now: Timestamp) -> Result<Decision, ProvisionError> {
    let mut record = job.request.decision.clone();
    let plan = serde_json::to_value(plan)?;
    if let Some(fields) = record.as_object_mut() {
        let before = fields.insert("plan".to_owned(), plan);
        fields.insert("plan_before".to_owned(), before.unwrap_or_default());
        fields.remove("digest");
        let digest = Digest::of_json(&*fields)?;
        fields.insert("digest".to_owned(), serde_json::to_value(digest)?);
        let expires_at = job.request.expires_at.unwrap_or_else(|| later(now, SignedDuration::from_hours(24)));
        let approval = Some(PendingApproval { needs: job.request.needs.clone(), expires_at: expires_at.max(now) });
        return Ok(Decision { digest, approval, record });
    }
    Err(ProvisionError::Internal("the stored decision is no object".to_owned()))
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
