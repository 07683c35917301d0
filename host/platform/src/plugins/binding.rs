//! Bindings: what an administrator wants to be active, and where it applies.

use macadam_core::limits::LimitOverrides;
use macadam_core::names::{BindingName, EnvironmentName, NameError, PluginName, TeamId};
use macadam_core::quarantine::QuarantineRule;
use macadam_core::request::{Action, EnvironmentClass, Request};
use macadam_core::verdict::OnError;
use macadam_registry::index::{QueryError, Wanted};
use macadam_registry::{Capability, VersionQuery};
use semver::Version;
use serde_json::{Map, Value};

use crate::plugins::{Canary, Shadow};

/// One plugin that should be active.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Binding {
    /// What it is called; the plugin's own name, without its namespace, when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<BindingName>,
    /// Which version: `namespace/name`, `@latest`, `@1.2.3`, `@^1.2` or `@dev`.
    pub plugin: String,
    /// Whether it follows what is published: `latest` or a range then means the highest version at any time, and
    /// otherwise the highest at the time of the change. `@dev` always follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto: bool,
    /// Where it applies; everywhere when nothing is said.
    #[serde(default, skip_serializing_if = "Applies::is_everywhere")]
    pub applies: Applies,
    /// Settings over the plugin's own defaults, key by key.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// Limits over the manifest's, still under the host's cap.
    #[serde(default, skip_serializing_if = "LimitOverrides::is_empty")]
    pub limits: LimitOverrides,
    /// What of the capabilities it asks for it is granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Capability>,
    /// What counts when it fails. Requests that an estimator, a provider or a generator does not answer have no price or
    /// are refused for now; for those only `last-good` makes a difference.
    #[serde(default)]
    pub on_error: OnError,
    /// When it is not asked for a while, since it keeps failing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub quarantine: QuarantineRule,
    /// A version that gets some of the requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// A version that is asked beside the active one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
}

impl Binding {
    /// A binding that says only which plugin, and with which settings.
    #[must_use]
    pub fn only(plugin: &str, settings: Map<String, Value>) -> Self {
        Self {
            name: None,
            plugin: plugin.to_owned(),
            auto: false,
            applies: Applies::default(),
            settings,
            limits: LimitOverrides::default(),
            grants: Vec::new(),
            on_error: OnError::default(),
            quarantine: QuarantineRule::default(),
            canary: None,
            shadow: None,
        }
    }

    /// What it is called.
    ///
    /// # Errors
    /// When it has no name and its plugin's is not well-formed.
    pub fn name(&self) -> Result<BindingName, NameError> {
        match &self.name {
            Some(name) => Ok(name.clone()),
            // Whatever the version says: a binding that cannot be in force is still one, and must show as such.
            None => {
                let plugin: PluginName = self.plugin.split('@').next().unwrap_or_default().parse()?;
                BindingName::new(plugin.name())
            }
        }
    }

    /// The plugin and the version that are wanted.
    ///
    /// # Errors
    /// When the text is not one.
    pub fn query(&self) -> Result<VersionQuery, QueryError> {
        self.plugin.parse()
    }

    /// Whether its version moves with what is published.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.auto || self.query().is_ok_and(|query| query.wanted == Wanted::Dev)
    }
}

fn is_default(rule: &QuarantineRule) -> bool {
    *rule == QuarantineRule::default()
}

/// A binding as it is kept: with its name, and with the version that its text meant when it was made.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct BindingSpec {
    /// What an administrator wrote.
    pub binding: Binding,
    /// Which version that was; `None` when there was none.
    #[schema(value_type = Option<String>, example = "1.2.3")]
    pub version: Option<Version>,
}

impl BindingSpec {
    /// The same, kept to the version that it means.
    pub(super) fn no_longer_following(mut self) -> Self {
        if let (true, Some(version), Ok(query)) = (self.binding.follows(), &self.version, self.binding.query()) {
            self.binding.plugin = format!("{}@{version}", query.name);
            self.binding.auto = false;
        }
        self
    }

    /// Which version to load: the one that was meant when the binding was changed.
    ///
    /// # Errors
    /// When the text is not a query.
    pub fn query(&self) -> Result<VersionQuery, QueryError> {
        let query = self.binding.query()?;
        Ok(match &self.version {
            Some(version) => VersionQuery { name: query.name, wanted: Wanted::Exact(version.clone()) },
            None => query,
        })
    }
}

/// Which requests a plugin is asked about. An empty list does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
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
    /// Whether nothing narrows it.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        *self == Self::default()
    }

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
