//! Review: other people approve or reject what waits, and its requester may take it back.

use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::lifecycle::RequestState;
use macadam_store::{Approval, ApproveOutcome, JobId, RequestId, RequestRecord, ReviewError};

use crate::authorization::{Action, Target};
use crate::platform::random;
use crate::provisioning::ProvisionError;
use crate::{Caller, Platform};

impl Platform {
    /// Approves a request as it was decided: the digest says which decision was looked at.
    ///
    /// # Errors
    /// Refused for the requester, for whoever made a token of the service that asks, for services, for people in none of
    /// the groups that are asked for, for a second approval by the same person, and when the request does not wait any
    /// more or was decided anew.
    #[tracing::instrument(target = "macadam::trace", name = "approve", skip_all, fields(macadam.request = %request))]
    pub async fn approve(
        &self,
        caller: &Caller,
        request: RequestId,
        digest: Digest,
        comment: Option<String>,
        now: Timestamp,
    ) -> Result<ApproveOutcome, ProvisionError> {
        let record = self.may_review(caller, Action::RequestApprove, request).await?;
        self.is_another_person(caller, Some(&record)).await?;
        let job = JobId::new(now, random()?);
        let approval =
            Approval { request, approver: caller.approver(), origin: caller.origin.clone(), digest, comment, job };
        let outcome = self.store().approve(&approval, now).await?;
        tracing::info!(%request, person = %caller.person, "request approved");
        self.work.notify_waiters();
        Ok(outcome)
    }

    /// Rejects a request. It will never run.
    ///
    /// # Errors
    /// Refused for the requester, who cancels instead, and when the request does not wait any more.
    pub async fn reject(
        &self,
        caller: &Caller,
        request: RequestId,
        comment: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ProvisionError> {
        self.may_review(caller, Action::RequestReject, request).await?;
        self.is_another_person(caller, None).await?;
        self.store().reject(request, &caller.person, &caller.origin, comment, now).await?;
        tracing::info!(%request, person = %caller.person, "request rejected");
        Ok(())
    }

    /// Takes back a request: one that waits is over, and one that is being done is undone.
    ///
    /// # Errors
    /// While it waits, refused for everybody but its requester; afterwards as [`Self::cancel_job`] is.
    pub async fn cancel(&self, caller: &Caller, request: RequestId, now: Timestamp) -> Result<(), ProvisionError> {
        let (record, target) = self.visible_target(caller, request).await?;
        self.authorize(caller, Action::RequestCancel, &target)?;
        match (record.state, record.job) {
            (RequestState::Queued | RequestState::Running, Some(job)) => {
                self.cancel_job(caller, job, now).await.map(drop)
            }
            _ => Ok(self.store().cancel(request, &caller.person, &caller.origin, now).await?),
        }
    }

    /// Makes sure that an approval of the caller's could count: no policy can say otherwise.
    ///
    /// # Errors
    /// [`ProvisionError::Forbidden`] as [`Self::approve`] would be.
    pub(crate) async fn could_approve(&self, caller: &Caller, request: RequestId) -> Result<(), ProvisionError> {
        let record = self.visible_request(caller, request).await?;
        self.is_another_person(caller, Some(&record)).await?;
        let approver = caller.approver();
        let waits = record.state == RequestState::PendingApproval;
        if waits && !record.needs.iter().any(|need| approver.may_meet(need)) {
            return Err(ReviewError::NotAnApprover(approver.person).into());
        }
        Ok(())
    }

    /// Makes sure that a request is the caller's to take back: while it waits no policy can say otherwise.
    ///
    /// # Errors
    /// [`ProvisionError::Forbidden`] as [`Self::cancel`] would be.
    pub(crate) async fn could_cancel(&self, caller: &Caller, request: RequestId) -> Result<(), ProvisionError> {
        let record = self.visible_request(caller, request).await?;
        let requester = record.actor.person;
        if record.state == RequestState::PendingApproval && requester != caller.person {
            return Err(ReviewError::NotRequester { requester }.into());
        }
        Ok(())
    }

    /// A request that the caller may see.
    ///
    /// # Errors
    /// [`ProvisionError::NotFound`] also for one that belongs to others, so that ids cannot be probed.
    pub async fn visible_request(&self, caller: &Caller, id: RequestId) -> Result<RequestRecord, ProvisionError> {
        Ok(self.visible_target(caller, id).await?.0)
    }

    /// The same, with the request as the access policies see it.
    pub(crate) async fn visible_target(
        &self,
        caller: &Caller,
        id: RequestId,
    ) -> Result<(RequestRecord, Target), ProvisionError> {
        self.is_in_scope(caller, Action::RequestRead)?;
        let unknown = || ProvisionError::NotFound(format!("request {id}"));
        let record = self.store().request(id).await?.ok_or_else(unknown)?;
        let target = self.request_target(&record).await?;
        if self.may(caller, Action::RequestRead, &target) { Ok((record, target)) } else { Err(unknown()) }
    }

    /// A request as the access policies see it.
    pub(crate) async fn request_target(&self, record: &RequestRecord) -> Result<Target, ProvisionError> {
        let class = match record.subject.key() {
            Some(key) => Some(self.environment_of(key).await?.class),
            None => None,
        };
        Ok(Target::request(record, class))
    }

    /// Makes sure that somebody may decide on a request. In whose groups they have to be is the decision's business.
    async fn may_review(
        &self,
        caller: &Caller,
        action: Action,
        request: RequestId,
    ) -> Result<RequestRecord, ProvisionError> {
        let (record, target) = self.visible_target(caller, request).await?;
        self.authorize(caller, action, &target)?;
        Ok(record)
    }
}
