//! Requests: one action on a resource, or one project, from the moment it was decided to its end.
//!
//! A request comes in decided: what policies said is in its [`Decision`]. From then on every change of its state is one
//! transaction that also holds what follows from it (the resource, the job, quota, audit entry, event), and that is
//! conditional on the state it leaves. Of two that race, one gets a typed refusal.

mod record;
mod review;
mod submit;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::names::PersonId;

pub use record::{ApprovalRecord, RequestFilter, RequestRecord, Subject};
pub use review::{Approval, ApproveOutcome, ReviewError};
pub use submit::{Change, Decision, NewRequest, PendingApproval, SubmitError, Submitted};

use crate::{PageRequest, RequestId, StoreError};

/// The requests.
#[async_trait]
pub trait Requests: Send + Sync {
    /// Takes a request that policies allow or want approved: checks that it fits what exists, reserves quota and
    /// budget, and writes resource, request, job or wait for approval, audit entry and event, all or nothing.
    ///
    /// # Errors
    /// [`SubmitError`] says what it did not fit; nothing was written.
    async fn submit(&self, new: &NewRequest, now: Timestamp) -> Result<Submitted, SubmitError>;

    /// Records a request that was refused. It touches no resource and reserves nothing.
    ///
    /// # Errors
    /// [`SubmitError::NotFound`] when it names a resource that never was.
    async fn record_denied(&self, new: &NewRequest, now: Timestamp) -> Result<Submitted, SubmitError>;

    /// One request.
    async fn request(&self, id: RequestId) -> Result<Option<RequestRecord>, StoreError>;

    /// Requests, the newest first.
    async fn list_requests(
        &self,
        filter: &RequestFilter,
        page: PageRequest<RequestId>,
    ) -> Result<Vec<RequestRecord>, StoreError>;

    /// Who has approved a request as it is now decided, in order.
    async fn approvals(&self, id: RequestId) -> Result<Vec<ApprovalRecord>, StoreError>;

    /// Adds one person's approval, and lets the request go ahead when it was the last that was missing.
    ///
    /// # Errors
    /// [`ReviewError`] says why the approval does not count; nothing was changed.
    async fn approve(&self, approval: &Approval, now: Timestamp) -> Result<ApproveOutcome, ReviewError>;

    /// Refuses a pending request.
    ///
    /// # Errors
    /// [`ReviewError`]: not pending any more, or the requester's own, who cancels instead.
    async fn reject(
        &self,
        request: RequestId,
        person: &PersonId,
        origin: &Origin,
        comment: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ReviewError>;

    /// Takes back a pending request; only its requester may.
    ///
    /// # Errors
    /// [`ReviewError`]: not pending any more, or somebody else's.
    async fn cancel(
        &self,
        request: RequestId,
        person: &PersonId,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<(), ReviewError>;

    /// Ends pending requests whose time is up, at most so many, and says which.
    async fn expire_pending(&self, now: Timestamp, limit: u32) -> Result<Vec<RequestId>, StoreError>;

    /// Whether there is a pending request, or a resource that nothing else is done to, whose time is up.
    async fn anything_expired(&self, now: Timestamp) -> Result<bool, StoreError>;
}
