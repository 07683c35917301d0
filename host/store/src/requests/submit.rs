//! What a request brings with it, and why it may not fit.

use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_core::names::{EnvironmentName, ResourceKey, TeamId};
use macadam_core::request::{Action, Actor};
use macadam_core::verdict::ApprovalNeed;
use macadam_core::violation::{self, Violation};
use serde_json::Value;

use crate::{Desired, JobId, RequestId, ResourceId, Scaffold, StoreError};

/// A request with its decision.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// Its id.
    pub id: RequestId,
    /// Who asks. For a new resource, the actor's team is the one that owns it.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
    /// What was asked for, whole and as it came in; the store looks at the tags in it, and at nothing else.
    pub document: Value,
    /// What it is to change.
    pub change: Change,
    /// What was decided about it.
    pub decision: Decision,
    /// The id of its job, used when it may go ahead at once.
    pub job: JobId,
}

/// What a request is to change.
#[derive(Debug, Clone)]
pub enum Change {
    /// Make a resource that does not exist.
    Create {
        /// Its id to be.
        resource: ResourceId,
        /// Where.
        key: ResourceKey,
        /// What it is to be.
        desired: Desired,
    },
    /// Change one that exists.
    Update {
        /// Which.
        resource: ResourceId,
        /// The revision that was looked at when the change was made up.
        revision: u64,
        /// What it is to be.
        desired: Desired,
    },
    /// Remove one.
    Delete {
        /// Which.
        resource: ResourceId,
        /// The revision that was looked at.
        revision: u64,
    },
    /// Hand out a project. It is generated already, so the request is done as soon as it is allowed.
    Scaffold(Box<Scaffold>),
}

impl Change {
    /// Which kind of change it is.
    #[must_use]
    pub const fn action(&self) -> Action {
        match self {
            Self::Create { .. } => Action::Create,
            Self::Update { .. } => Action::Update,
            Self::Delete { .. } => Action::Delete,
            Self::Scaffold(_) => Action::Scaffold,
        }
    }
}

/// What was decided about a request, and what its approvals are bound to.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Verdicts, estimate, plan and outcome, whole; the store does not look inside.
    pub record: Value,
    /// The digest of what approvers say yes to.
    pub digest: Digest,
    /// The approvals it waits for; `None`, or no need in it, lets it go ahead at once.
    pub approval: Option<PendingApproval>,
}

impl Decision {
    /// What it has to wait for, if anything.
    #[must_use]
    pub fn waits_for(&self) -> Option<&PendingApproval> {
        self.approval.as_ref().filter(|approval| !approval.needs.is_empty())
    }
}

/// Approvals to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingApproval {
    /// Each met on its own, by different people.
    pub needs: Vec<ApprovalNeed>,
    /// When the wait is over.
    pub expires_at: Timestamp,
}

/// The answer to a request that was taken.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Submitted {
    /// The request.
    pub request: RequestId,
    /// Where it stood when it was taken.
    pub state: RequestState,
    /// The resource it is about, when there is one.
    pub resource: Option<ResourceId>,
    /// Its job, when it could go ahead at once.
    pub job: Option<JobId>,
}

/// Why a request could not be taken; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A live resource has the name already.
    #[error("{key} exists already ({state}); choose another name, or change the one that is there")]
    Exists {
        /// The name.
        key: ResourceKey,
        /// The resource that has it.
        resource: ResourceId,
        /// Where that stands.
        state: ResourceState,
    },
    /// There is no such live resource.
    #[error("there is no live resource {resource}; look it up by its name again")]
    NotFound {
        /// The id that was given.
        resource: ResourceId,
    },
    /// Another request on the resource is under way.
    #[error("request {request} on {key} is not finished; wait for it, or cancel it")]
    Busy {
        /// The resource.
        key: ResourceKey,
        /// The other request.
        request: RequestId,
    },
    /// The resource was left half removed, and can only be removed.
    #[error("{key} is {state} and can only be deleted")]
    NotReady {
        /// The resource.
        key: ResourceKey,
        /// Where it stands.
        state: ResourceState,
    },
    /// The resource was changed since it was looked at.
    #[error("{key} is at revision {actual}, not {expected}; look at it again")]
    Stale {
        /// The resource.
        key: ResourceKey,
        /// The revision that was named.
        expected: u64,
        /// The revision it is at.
        actual: u64,
    },
    /// The team has no room for it.
    #[error("{}", violation::join(.0))]
    OverQuota(
        /// Each limit that it would break.
        Vec<Violation>,
    ),
    /// The team is not known.
    #[error("there is no team {0}; ask an administrator to add it")]
    UnknownTeam(
        /// Its name.
        TeamId,
    ),
    /// The environment is not known.
    #[error("there is no environment {0}; ask an administrator to add it")]
    UnknownEnvironment(
        /// Its name.
        EnvironmentName,
    ),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
