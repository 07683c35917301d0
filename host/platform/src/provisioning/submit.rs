//! Submit: the decision becomes a request, in one transaction.

use jiff::{SignedDuration, Timestamp};
use macadam_core::lifecycle::RequestState;
use macadam_core::names::ResourceKey;
use macadam_core::request::Action;
use macadam_core::verdict::Outcome;
use macadam_core::violation::Violation;
use macadam_store::{
    Change, Decision, JobId, NewRequest, PendingApproval, RequestId, RequestRecord, SubmitError, Submitted,
};
use serde::{Deserialize as _, Serialize};
use serde_json::{Value, json};

use crate::decisions::Trail;
use crate::platform::random;
use crate::provisioning::decide::{Purpose, denied_also};
use crate::provisioning::{Ask, Decided, ProvisionError};
use crate::{Caller, Platform};

/// A request that was taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Taken {
    /// The request.
    #[serde(flatten)]
    pub submitted: Submitted,
    /// To what.
    pub resource_key: ResourceKey,
    /// What was decided.
    pub decision: Value,
}

impl Platform {
    /// Decides a request and takes it: it runs at once, or waits for approval.
    ///
    /// # Errors
    /// [`ProvisionError::Denied`] when the answer is no, which is recorded; everything else changes nothing.
    #[tracing::instrument(target = "macadam::trace", name = "submit", skip_all)]
    pub async fn submit(&self, caller: &Caller, ask: Ask, now: Timestamp) -> Result<Taken, ProvisionError> {
        let valid = self.validate(caller, ask, Purpose::Submission, now).await?;
        let decided = self.decide(caller, &valid, Purpose::Submission, now).await?;
        let document = json!({
            "resource": valid.key, "action": valid.request.action, "spec": valid.request.spec,
            "tags": valid.request.tags, "ttl_seconds": valid.ttl_seconds,
        });
        let change = valid.change(decided.cost.estimate().cloned());
        let submitted = self.take(caller, document, change, &decided, now).await?;
        Ok(Taken { submitted, resource_key: valid.key, decision: serde_json::to_value(&decided)? })
    }

    /// A request of the caller's that was taken before, as [`submit`](Self::submit) said it then: for whoever asked and got no
    /// answer.
    ///
    /// # Errors
    /// [`ProvisionError::Denied`] when it was denied; [`ProvisionError::NotFound`] when there is none for a resource.
    pub async fn submitted(&self, caller: &Caller, id: RequestId) -> Result<Taken, ProvisionError> {
        let (request, submitted) = self.taken_before(caller, id).await?;
        let unknown = || ProvisionError::NotFound(format!("request {id} for a resource"));
        let resource_key = request.subject.key().cloned().ok_or_else(unknown)?;
        Ok(Taken { submitted, resource_key, decision: request.decision })
    }

    /// A request that was taken, and how it was then.
    pub(crate) async fn taken_before(
        &self,
        caller: &Caller,
        id: RequestId,
    ) -> Result<(RequestRecord, Submitted), ProvisionError> {
        let found = self.store().request(id).await?.filter(|request| request.actor.person == caller.person);
        let request = found.ok_or_else(|| ProvisionError::NotFound(format!("request {id}")))?;
        if request.state == RequestState::Denied {
            let violations = violations(&request.decision)?;
            return Err(ProvisionError::Denied { request: id, violations, decision: Box::new(request.decision) });
        }
        let waited = !request.needs.is_empty();
        let state = match request.action {
            _ if waited => RequestState::PendingApproval,
            Action::Scaffold => RequestState::Succeeded,
            Action::Create | Action::Update | Action::Delete => RequestState::Queued,
        };
        let job = request.job.filter(|_| !waited);
        let submitted = Submitted { request: id, state, resource: request.subject.resource(), job };
        Ok((request, submitted))
    }

    /// Writes a decided request, and hands what plugins said about it to the decision log. A denial is recorded and
    /// becomes an error.
    #[tracing::instrument(
        target = "macadam::trace", name = "take", skip_all, fields(macadam.request = tracing::field::Empty)
    )]
    pub(crate) async fn take(
        &self,
        caller: &Caller,
        document: Value,
        change: Change,
        decided: &Decided,
        now: Timestamp,
    ) -> Result<Submitted, ProvisionError> {
        let id = RequestId::new(now, random()?);
        // The traces of its job's steps have it too.
        tracing::Span::current().record("macadam.request", tracing::field::display(id));
        let new = NewRequest {
            id,
            actor: caller.actor(),
            origin: caller.origin.clone(),
            document,
            change,
            decision: self.to_keep(decided, now)?,
            job: JobId::new(now, random()?),
        };
        let action = new.change.action();
        let taken = self.write(new, decided, now).await;
        let denied = matches!(taken, Err(ProvisionError::Denied { .. }));
        if denied || taken.is_ok() {
            self.counted().decision(action, if denied { "denied" } else { decided.outcome.as_str() });
            self.recorder().record(decided.trail.of(id)?).await;
            self.ask_shadows(&decided.trail, id);
        }
        taken
    }

    /// Has the shadows asked, off the answer's path.
    fn ask_shadows(&self, trail: &Trail, request: RequestId) {
        if !trail.has_shadows() {
            return;
        }
        let (recorder, trail) = (self.recorder().clone(), trail.clone());
        tokio::spawn(async move {
            match trail.shadows().await.of(request) {
                Ok(said) => recorder.record(said).await,
                Err(error) => tracing::error!(%error, "what a shadow said cannot be recorded"),
            }
        });
    }

    async fn write(&self, new: NewRequest, decided: &Decided, now: Timestamp) -> Result<Submitted, ProvisionError> {
        if let Outcome::Denied { violations } = &decided.outcome {
            return self.deny(new, violations.clone(), now).await;
        }
        match self.store().submit(&new, now).await {
            Ok(submitted) => {
                tracing::info!(request = %submitted.request, state = %submitted.state, "request taken");
                self.work.notify_waiters();
                Ok(submitted)
            }
            // Another request of the team took the last place between the decision and the transaction.
            Err(SubmitError::OverQuota(violations)) => {
                let outcome = denied_also(decided.outcome.clone(), violations.clone());
                let late = Decided { outcome, ..decided.clone() };
                let new = NewRequest { decision: self.to_keep(&late, now)?, ..new };
                self.deny(new, violations, now).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Records a denial.
    async fn deny(
        &self,
        new: NewRequest,
        violations: Vec<Violation>,
        now: Timestamp,
    ) -> Result<Submitted, ProvisionError> {
        let recorded = self.store().record_denied(&new, now).await?;
        tracing::info!(request = %recorded.request, "request denied");
        let decision = Box::new(new.decision.record);
        Err(ProvisionError::Denied { request: recorded.request, violations, decision })
    }

    pub(crate) fn to_keep(&self, decided: &Decided, now: Timestamp) -> Result<Decision, ProvisionError> {
        let wait = SignedDuration::try_from(self.settings().approval_wait).unwrap_or(SignedDuration::MAX);
        let approval = match &decided.outcome {
            Outcome::ApprovalRequired { needs, .. } => Some(PendingApproval {
                needs: needs.clone(),
                expires_at: now.checked_add(wait).unwrap_or(Timestamp::MAX),
            }),
            _ => None,
        };
        Ok(Decision { record: serde_json::to_value(decided)?, digest: decided.digest, approval })
    }
}

/// Why a decision that is kept says no.
fn violations(decision: &Value) -> Result<Vec<Violation>, ProvisionError> {
    Ok(match Outcome::deserialize(decision)? {
        Outcome::Denied { violations } => violations,
        Outcome::Allowed { .. } | Outcome::ApprovalRequired { .. } => Vec::new(),
    })
}
