//! What something is to be done to, as policies see it.

use std::fmt;

use jiff::Timestamp;
use macadam_core::names::{EnvironmentName, NameError, Namespace, PersonId, ResourceKey, TeamId, TemplateId};
use macadam_core::request::{Action as RequestAction, EnvironmentClass};
use macadam_store::{RequestId, RequestRecord, ResourceRecord, Subject};

/// What something is to be done to. What belongs to a team says to which.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// The host itself.
    Platform,
    /// A team.
    Team(TeamId),
    /// A namespace of plugins.
    Namespace {
        /// Which.
        name: Namespace,
        /// Whose it is; nobody's when it is nobody's yet.
        team: Option<TeamId>,
    },
    /// A resource that exists or is asked for.
    Resource {
        /// Which.
        key: ResourceKey,
        /// Whose it is, or would be.
        team: TeamId,
        /// The class of its environment.
        class: EnvironmentClass,
    },
    /// A request.
    Request {
        /// Which.
        id: RequestId,
        /// The team that asked.
        team: TeamId,
        /// Who asked.
        requester: PersonId,
        /// What for.
        action: RequestAction,
        /// Where, and what kind of place that is.
        environment: Option<(EnvironmentName, EnvironmentClass)>,
    },
    /// A project that is asked for.
    Project {
        /// The golden path.
        template: TemplateId,
        /// Whose it would be.
        team: TeamId,
        /// Where it is to run first.
        environment: EnvironmentName,
        /// What kind of place that is.
        class: EnvironmentClass,
    },
}

/// The kinds of things there are to do something to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = AccessTarget)]
pub enum TargetKind {
    /// The host itself.
    Platform,
    /// A team.
    Team,
    /// A namespace of plugins.
    Namespace,
    /// A resource.
    Resource,
    /// A request.
    Request,
    /// A project.
    Project,
}

impl TargetKind {
    /// The kind's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Team => "team",
            Self::Namespace => "namespace",
            Self::Resource => "resource",
            Self::Request => "request",
            Self::Project => "project",
        }
    }
}

impl Target {
    /// The kind of thing it is.
    #[must_use]
    pub const fn kind(&self) -> TargetKind {
        match self {
            Self::Platform => TargetKind::Platform,
            Self::Team(_) => TargetKind::Team,
            Self::Namespace { .. } => TargetKind::Namespace,
            Self::Resource { .. } => TargetKind::Resource,
            Self::Request { .. } => TargetKind::Request,
            Self::Project { .. } => TargetKind::Project,
        }
    }

    /// Something of a kind that stands for all of its kind that a team has, for questions about no single one: nobody
    /// asked for it, and its names are made up.
    pub(super) fn sample(kind: TargetKind, team: &TeamId, class: EnvironmentClass) -> Result<Self, NameError> {
        let (team, environment) = (team.clone(), class.to_string());
        Ok(match kind {
            TargetKind::Platform => Self::Platform,
            TargetKind::Team => Self::Team(team),
            TargetKind::Namespace => Self::Namespace { name: "plugins".parse()?, team: Some(team) },
            TargetKind::Resource => {
                let key = format!("{team}/{environment}/resource-type/name").parse()?;
                Self::Resource { key, team, class }
            }
            TargetKind::Request => Self::Request {
                id: RequestId::new(Timestamp::UNIX_EPOCH, [0; 10]),
                team,
                requester: "somebody-else".parse()?,
                action: RequestAction::Create,
                environment: Some((environment.parse()?, class)),
            },
            TargetKind::Project => {
                Self::Project { template: "template".parse()?, team, environment: environment.parse()?, class }
            }
        })
    }

    /// A resource that exists.
    #[must_use]
    pub fn resource(record: &ResourceRecord, class: EnvironmentClass) -> Self {
        Self::Resource { key: record.key.clone(), team: record.team.clone(), class }
    }

    /// A request, with the class of its environment when that is known.
    #[must_use]
    pub fn request(record: &RequestRecord, class: Option<EnvironmentClass>) -> Self {
        let environment = match &record.subject {
            Subject::Resource { key, .. } => class.map(|class| (key.environment.clone(), class)),
            Subject::Scaffold { .. } => None,
        };
        Self::Request {
            id: record.id,
            team: record.team.clone(),
            requester: record.actor.person.clone(),
            action: record.action,
            environment,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn team(&self) -> Option<&TeamId> {
        match self {
            Self::Platform => None,
            Self::Namespace { team, .. } => team.as_ref(),
            Self::Team(team)
            | Self::Resource { team, .. }
            | Self::Request { team, .. }
            | Self::Project { team, .. } => Some(team),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("the platform"),
            Self::Team(team) => write!(f, "team {team}"),
            Self::Namespace { name, .. } => write!(f, "the namespace {name}"),
            Self::Resource { key, .. } => write!(f, "{key}"),
            Self::Request { id, .. } => write!(f, "request {id}"),
            Self::Project { template, team, .. } => write!(f, "a project from {template} for team {team}"),
        }
    }
}
