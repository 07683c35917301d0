//! What people do to a pending request, and why it may not count.

use macadam_core::approvals::Approver;
use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_core::lifecycle::RequestState;
use macadam_core::names::PersonId;

use crate::{JobId, RequestId, StoreError};

/// One person's yes.
#[derive(Debug, Clone)]
pub struct Approval {
    /// To which request.
    pub request: RequestId,
    /// Who, with their groups at this moment.
    pub approver: Approver,
    /// From where.
    pub origin: Origin,
    /// The digest of the decision they looked at.
    pub digest: Digest,
    /// What they have to say.
    pub comment: Option<String>,
    /// The id of the request's job, used when this approval is the last.
    pub job: JobId,
}

/// What an approval led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApproveOutcome {
    /// More people are needed.
    StillPending {
        /// Index of each need that is not met yet, and how many people it is short of.
        missing: Vec<(usize, u32)>,
    },
    /// It was the last; a worker takes over.
    Queued {
        /// The job.
        job: JobId,
    },
    /// It was the last, and there is nothing more to do: the project is there.
    Succeeded,
}

/// Why a request cannot be approved, rejected or cancelled like that; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// There is no such request.
    #[error("there is no request {0}")]
    NotFound(
        /// The id that was given.
        RequestId,
    ),
    /// It does not wait for anybody.
    #[error("the request is {state} and does not wait for approval")]
    NotPending {
        /// Where it stands.
        state: RequestState,
    },
    /// What was looked at is not what would be done.
    #[error("the request was decided anew since it was looked at; look at it again, its digest is {current}")]
    DigestChanged {
        /// The digest of the decision as it is now.
        current: Digest,
    },
    /// Nobody decides on their own request.
    #[error("{0} made this request and cannot decide on it; ask somebody else, or cancel it")]
    OwnRequest(
        /// The requester.
        PersonId,
    ),
    /// Only the requester cancels.
    #[error("only {requester} can cancel this request; reject it instead")]
    NotRequester {
        /// Who made it.
        requester: PersonId,
    },
    /// The person is in no group whose approval is still missing.
    #[error("no approval that is still missing is for {0} to give; ask a member of the groups that it names")]
    NotAnApprover(
        /// Who tried.
        PersonId,
    ),
    /// The person has approved it before, and counts once.
    #[error("{0} has approved this request already; somebody else is needed")]
    AlreadyApproved(
        /// Who tried.
        PersonId,
    ),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
