//! Who is calling: a signed-in person or service, with what they may do. How they signed in is the server's business.

use jiff::Timestamp;
use macadam_core::approvals::Approver;
use macadam_core::audit::Origin;
use macadam_core::names::{GroupName, Namespace, PersonId, TeamId};
use macadam_core::request::Actor;
use macadam_core::service::Scope;
use macadam_store::{By, ByPerson, ServiceTokenId};

/// What a person may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Asks for resources and projects for their team.
    Developer,
    /// The same; a role to tell leads from others in access policies.
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

/// By what somebody is signed in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Credential {
    /// A token out of the file of people, which counts in development mode only.
    DevelopmentToken,
    /// The token of a service.
    ServiceToken {
        /// Which.
        id: ServiceTokenId,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// A token of an identity provider.
    Oidc {
        /// Whose.
        issuer: String,
        /// When it ends.
        expires_at: Timestamp,
    },
}

/// A signed-in person, or a service in the place of one.
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
    /// From where they call, as far as the server knows.
    #[serde(skip)]
    pub origin: Origin,
    /// What their token may be used for, of all that they may do; everything when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
    /// By what they are signed in.
    pub credential: Credential,
}

impl Caller {
    /// A person with a development token, for everything that they may do.
    #[must_use]
    pub fn in_development(person: PersonId, team: TeamId, roles: Vec<Role>, groups: Vec<GroupName>) -> Self {
        Self {
            person,
            team,
            roles,
            groups,
            origin: Origin::NONE,
            scopes: None,
            credential: Credential::DevelopmentToken,
        }
    }

    /// Whether this is a service and no person. A service never decides on a request.
    #[must_use]
    pub fn is_service(&self) -> bool {
        matches!(self.credential, Credential::ServiceToken { .. }) || self.person.is_service()
    }

    /// Whether the token may be used for an action, by its word. Whether the caller may do it is another question.
    #[must_use]
    pub fn has_scope_for(&self, action: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| scope.covers(action)))
    }

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

    /// The person and from where they call, for the audit log.
    #[must_use]
    pub fn by(&self) -> By<'_> {
        By::person(&self.person, &self.origin)
    }

    /// The same, where only a person asks.
    #[must_use]
    pub fn by_person(&self) -> ByPerson<'_> {
        ByPerson { person: &self.person, origin: &self.origin }
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
