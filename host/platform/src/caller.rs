//! Who is calling: a signed-in person, with what they may do. How they signed in is the server's business.

use macadam_core::approvals::Approver;
use macadam_core::names::{GroupName, Namespace, PersonId, TeamId};
use macadam_core::request::Actor;

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Asks for resources and projects for their team.
    Developer,
    /// The same, and looks after what the team as a whole has.
    TeamLead,
    /// Publishes plugins in the namespaces of their team.
    Publisher,
    /// Approves and rejects requests of others, within their groups.
    Approver,
    /// Sees what was decided for any team, and leaves a trace of having looked.
    Auditor,
    /// Says what is active and who may do what, but still never decides on a request of their own.
    #[serde(alias = "admin")]
    PlatformAdmin,
}

impl Role {
    /// Every role. What each may do is said in `authorization/default.cedar`.
    pub const ALL: [Self; 6] =
        [Self::Developer, Self::TeamLead, Self::Publisher, Self::Approver, Self::Auditor, Self::PlatformAdmin];

    /// The role's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Developer => "developer",
            Self::TeamLead => "team-lead",
            Self::Publisher => "publisher",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::PlatformAdmin => "platform-admin",
        }
    }
}

/// A signed-in person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
