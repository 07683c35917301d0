//! Who is calling: a signed-in person, with what they may do. How they signed in is the server's business.

use macadam_core::approvals::Approver;
use macadam_core::names::{GroupName, Namespace, PersonId, TeamId};
use macadam_core::request::Actor;

/// What a person may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Asks for resources and projects for their team.
    Developer,
    /// Approves and rejects requests of others, within their groups.
    Approver,
    /// Sees what was decided for any team, and leaves a trace of having looked.
    Auditor,
    /// Sees and does everything, but still never decides on a request of their own.
    Admin,
}

impl Role {
    /// The role's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Developer => "developer",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

/// A signed-in person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Caller {
    /// Who.
    pub person: PersonId,
    /// The team they are signed in for. What they ask for belongs to it.
    pub team: TeamId,
    /// What they may do.
    pub roles: Vec<Role>,
    /// The groups whose approvals they can give.
    #[serde(default)]
    pub groups: Vec<GroupName>,
}

impl Caller {
    /// Whether the person has a role.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether the person may see what belongs to a team: its members do, and approvers and admins see all.
    #[must_use]
    pub fn may_see(&self, team: &TeamId) -> bool {
        self.team == *team || self.is(Role::Approver) || self.is(Role::Admin)
    }

    /// Whether the person may ask for changes to what belongs to a team.
    #[must_use]
    pub fn may_change(&self, team: &TeamId) -> bool {
        self.is(Role::Admin) || (self.team == *team && self.is(Role::Developer))
    }

    /// The person as policies see them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let roles = self.roles.iter().map(|role| role.as_str().to_owned()).collect();
        Actor { person: self.person.clone(), team: self.team.clone(), roles }
    }

    /// The person as an approver.
    #[must_use]
    pub fn approver(&self) -> Approver {
        Approver { person: self.person.clone(), groups: self.groups.clone() }
    }

    /// Where the resources of their team live.
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        Namespace::from(&self.team)
    }
}
