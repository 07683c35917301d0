//! Bindings: what an administrator wants to be active, and where it applies.

use macadam_core::limits::LimitOverrides;
use macadam_core::names::{EnvironmentName, TeamId};
use macadam_core::request::{Action, EnvironmentClass, Request};
use macadam_core::verdict::OnError;
use macadam_registry::Capability;
use serde_json::{Map, Value};

/// One plugin that should be active.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Binding {
    /// Which version: `namespace/name`, `@latest`, `@1.2.3`, `@^1.2` or `@dev`.
    pub plugin: String,
    /// Where it applies; everywhere when nothing is said.
    #[serde(default)]
    pub applies: Applies,
    /// Settings over the plugin's own defaults, key by key.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Limits over the manifest's, still under the host's cap.
    #[serde(default)]
    pub limits: LimitOverrides,
    /// What of the capabilities it asks for it is granted.
    #[serde(default)]
    pub grants: Vec<Capability>,
    /// What counts when it fails: for policies.
    #[serde(default)]
    pub on_error: OnError,
}

/// Which requests a plugin is asked about. An empty list does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Applies {
    /// Only these actions.
    pub actions: Vec<Action>,
    /// Only these resource types or templates.
    pub types: Vec<String>,
    /// Only these environments.
    pub environments: Vec<EnvironmentName>,
    /// Only environments of these classes.
    pub classes: Vec<EnvironmentClass>,
    /// Only these teams.
    pub teams: Vec<TeamId>,
}

/// What of a request decides whether a plugin applies to it.
#[derive(Debug, Clone, Copy)]
pub struct RequestShape<'a> {
    /// The request.
    pub request: &'a Request,
    /// The team that it is for.
    pub team: &'a TeamId,
}

impl Applies {
    /// Whether a request is among those.
    #[must_use]
    pub fn to(&self, RequestShape { request, team }: RequestShape<'_>) -> bool {
        let environment = &request.environment;
        (self.actions.is_empty() || self.actions.contains(&request.action))
            && (self.types.is_empty() || self.types.contains(&request.resource_type))
            && (self.environments.is_empty() || self.environments.contains(&environment.name))
            && (self.classes.is_empty() || self.classes.contains(&environment.class))
            && (self.teams.is_empty() || self.teams.contains(team))
    }
}
