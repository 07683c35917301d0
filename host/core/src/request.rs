//! What people ask for. A resource and a request are different things: a request is one action on a resource, and
//! several may follow each other on the same one.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::names::{EnvironmentName, PersonId, TeamId};

/// What a request wants to do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Make a resource that does not exist.
    Create,
    /// Change the specification of one that exists.
    Update,
    /// Remove one.
    Delete,
    /// Generate a project.
    Scaffold,
}

impl Action {
    /// The action's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Scaffold => "scaffold",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an environment is for. Policies ask for the class, so that an environment's name evades nothing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentClass {
    /// For trying things out.
    Development,
    /// For what is about to be released.
    Staging,
    /// For what users depend on.
    Production,
}

impl EnvironmentClass {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Development, Self::Staging, Self::Production];
}

impl fmt::Display for EnvironmentClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        })
    }
}

/// An environment as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// What it is for.
    pub class: EnvironmentClass,
    /// Where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How long a resource lives in it when its request does not say, in seconds; `None` is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_ttl_seconds: Option<u64>,
}

/// A request as plugins see it: what a provider, an estimator and a policy need to know of it.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Request {
    /// What it wants to do.
    pub action: Action,
    /// The resource's type, or the template's id for a scaffold.
    pub resource_type: String,
    /// The resource's or project's name.
    pub name: String,
    /// Where.
    pub environment: Environment,
    /// The specification as JSON, kept as it was written: it is handed on, not looked into.
    pub spec: Box<RawValue>,
    /// Labels.
    pub tags: BTreeMap<String, String>,
}

/// Who asks. The team is the one the person was signed in for, never a field of the request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Actor {
    /// The person, whatever token they hold.
    pub person: PersonId,
    /// Their team.
    pub team: TeamId,
    /// What they may do.
    pub roles: Vec<String>,
}

/// Everything a policy may base its verdict on.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct PolicyContext {
    /// The request.
    pub request: Request,
    /// Its cost; `None` when no estimator knows.
    pub cost: Option<crate::estimate::Estimate>,
    /// What the team has and may have.
    pub standing: crate::standing::Standing,
    /// Who asks.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}
