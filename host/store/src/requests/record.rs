//! Requests as they are kept.

use jiff::Timestamp;
use macadam_core::approvals::Approver;
use macadam_core::digest::Digest;
use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_core::names::{ResourceKey, TeamId, TemplateId};
use macadam_core::request::{Action, Actor};
use macadam_core::selector::Selector;
use macadam_core::standing::Reservation;
use macadam_core::verdict::ApprovalNeed;
use serde_json::Value;

use crate::{Desired, JobId, RequestId, ResourceId, ScaffoldId};

/// A request as it is kept.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// Its id.
    pub id: RequestId,
    /// What it wants to do.
    pub action: Action,
    /// To what.
    pub subject: Subject,
    /// The team it is counted under: the resource's, which for something new is the actor's.
    pub team: TeamId,
    /// Who asked.
    pub actor: Actor,
    /// What was asked for, as it came in.
    pub document: Value,
    /// What the resource is to be; `None` for a removal and for a project.
    pub desired: Option<Desired>,
    /// Where it stands.
    pub state: RequestState,
    /// Verdicts, estimate, plan and outcome.
    pub decision: Value,
    /// What approvals are bound to.
    pub digest: Digest,
    /// The approvals it needs or needed.
    pub needs: Vec<ApprovalNeed>,
    /// What it added to the team's usage when it was taken.
    pub reservation: Option<Reservation>,
    /// Its latest job.
    pub job: Option<JobId>,
    /// Why it failed, or what was said when it was rejected.
    pub failure: Option<String>,
    /// When it came in.
    pub created_at: Timestamp,
    /// When anything of this last changed.
    pub updated_at: Timestamp,
    /// When its wait for approval is over.
    pub expires_at: Option<Timestamp>,
    /// The state in which a request to delete found its resource, and in which it leaves it when it is withdrawn.
    pub(crate) found: Option<ResourceState>,
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A resource.
    Resource {
        /// Its id; `None` when the request was denied before there was one.
        id: Option<ResourceId>,
        /// Where it is.
        key: ResourceKey,
    },
    /// A project.
    Scaffold {
        /// Its id; `None` when the request was denied.
        id: Option<ScaffoldId>,
        /// The golden path.
        template: TemplateId,
    },
}

impl Subject {
    /// The resource, when there is one.
    #[must_use]
    pub const fn resource(&self) -> Option<ResourceId> {
        match self {
            Self::Resource { id, .. } => *id,
            Self::Scaffold { .. } => None,
        }
    }

    /// The name of the resource, when it is about one.
    #[must_use]
    pub const fn key(&self) -> Option<&ResourceKey> {
        match self {
            Self::Resource { key, .. } => Some(key),
            Self::Scaffold { .. } => None,
        }
    }
}

/// Which requests to list. What is `None` does not narrow.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// Of one team.
    pub team: Option<TeamId>,
    /// Of any of these teams: those whose things somebody may see.
    pub teams: Option<Vec<TeamId>>,
    /// In one state.
    pub state: Option<RequestState>,
    /// On one resource.
    pub resource: Option<ResourceId>,
    /// Asking for such tags.
    pub selector: Selector,
}

/// One person's yes, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRecord {
    /// Who, with the groups they had.
    pub approver: Approver,
    /// What they had to say.
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}
