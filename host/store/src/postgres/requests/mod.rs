//! Requests on PostgreSQL, one file for each thing that happens to them.

mod approve;
mod insert;
pub(super) mod read;
pub(super) mod state;
mod submit;
mod target;
pub(super) mod waiting;
mod withdraw;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::names::PersonId;

use super::tx::retrying;
use super::{PostgresStore, Result};
use crate::{
    Approval, ApprovalRecord, ApproveOutcome, NewRequest, PageRequest, RequestFilter, RequestId, RequestRecord,
    Requests, ReviewError, SubmitError, Submitted,
};

#[async_trait]
impl Requests for PostgresStore {
    async fn submit(&self, new: &NewRequest, now: Timestamp) -> Result<Submitted, SubmitError> {
        retrying(|| submit::submit(self, new, now)).await
    }

    async fn record_denied(&self, new: &NewRequest, now: Timestamp) -> Result<Submitted, SubmitError> {
        retrying(|| submit::record_denied(self, new, now)).await
    }

    async fn request(&self, id: RequestId) -> Result<Option<RequestRecord>> {
        read::by_id(&mut *self.read().await?, id).await
    }

    async fn list_requests(&self, filter: &RequestFilter, page: PageRequest<RequestId>) -> Result<Vec<RequestRecord>> {
        read::list(&mut *self.read().await?, filter, page).await
    }

    async fn approvals(&self, id: RequestId) -> Result<Vec<ApprovalRecord>> {
        read::approvals(&mut *self.read().await?, id).await
    }

    async fn approve(&self, approval: &Approval, now: Timestamp) -> Result<ApproveOutcome, ReviewError> {
        retrying(|| approve::approve(self, approval, now)).await
    }

    async fn reject(
        &self,
        request: RequestId,
        person: &PersonId,
        origin: &Origin,
        comment: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ReviewError> {
        retrying(|| withdraw::reject(self, request, person, origin, comment, now)).await
    }

    async fn cancel(
        &self,
        request: RequestId,
        person: &PersonId,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<(), ReviewError> {
        retrying(|| withdraw::cancel(self, request, person, origin, now)).await
    }

    async fn expire_pending(&self, now: Timestamp, limit: u32) -> Result<Vec<RequestId>> {
        withdraw::expire_pending(self, now, limit).await
    }

    async fn anything_expired(&self, now: Timestamp) -> Result<bool> {
        withdraw::anything_expired(self, now).await
    }
}
