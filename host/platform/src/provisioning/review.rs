//! Review: other people approve or reject what waits, and its requester may take it back.

use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_store::{Approval, ApproveOutcome, JobId, RequestId, RequestRecord};

use crate::platform::random;
use crate::provisioning::ProvisionError;
use crate::{Caller, Platform, Role};

impl Platform {
    /// Approves a request as it was decided: the digest says which decision was looked at.
    ///
    /// # Errors
    /// Refused for the requester, for whoever made a token of the service that asks, for services, for people in none of
    /// the groups that are asked for, for a second approval by the same person, and when the request does not wait any more or was decided anew.
    pub async fn approve(
        &self,
        caller: &Caller,
        request: RequestId,
        digest: Digest,
        comment: Option<String>,
        now: Timestamp,
    ) -> Result<ApproveOutcome, ProvisionError> {
        may_review(caller)?;
        self.is_another_person(caller, self.store().request(request).await?.as_ref()).await?;
        let job = JobId::new(now, random()?);
        let approval = Approval { request, approver: caller.approver(), digest, comment, job };
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
        may_review(caller)?;
        self.is_another_person(caller, None).await?;
        self.store().reject(request, &caller.person, comment, now).await?;
        tracing::info!(%request, person = %caller.person, "request rejected");
        Ok(())
    }

    /// Takes back a request of one's own.
    ///
    /// # Errors
    /// Refused for everybody else, and when the request does not wait any more.
    pub async fn cancel(&self, caller: &Caller, request: RequestId, now: Timestamp) -> Result<(), ProvisionError> {
        self.visible_request(caller, request).await?;
        Ok(self.store().cancel(request, &caller.person, now).await?)
    }

    /// A request that the caller may see.
    ///
    /// # Errors
    /// [`ProvisionError::NotFound`] also for one that belongs to others, so that ids cannot be probed.
    pub async fn visible_request(&self, caller: &Caller, id: RequestId) -> Result<RequestRecord, ProvisionError> {
        let found = self.store().request(id).await?;
        let visible = found.filter(|record| caller.may_see(&record.team));
        visible.ok_or_else(|| ProvisionError::NotFound(format!("request {id}")))
    }
}

fn may_review(caller: &Caller) -> Result<(), ProvisionError> {
    if caller.is(Role::Approver) || caller.is(Role::Admin) {
        return Ok(());
    }
    Err(ProvisionError::Forbidden("deciding on requests takes the role approver".to_owned()))
}
