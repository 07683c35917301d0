//! The table of what is active: one immutable value, replaced as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::names::{PluginRef, ResourceType, TemplateId};
use macadam_core::plan::ResourceDescription;
use macadam_core::project::Template;
use macadam_core::verdict::OnError;
use macadam_runtime::LoadedPlugin;
use macadam_runtime::clients::{EstimatorClient, GeneratorClient, PolicyClient, ProviderClient};
use macadam_runtime::plugin::PluginUsage;

use crate::plugins::{Applies, RequestShape};
use crate::schema::Schema;

/// Exactly what is active: version, bytes and settings.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    /// Name and version.
    pub plugin: PluginRef,
    /// The package.
    pub package: Digest,
    /// The component in it.
    pub component: Digest,
    /// The settings, by the digest of their canonical JSON.
    pub settings: Digest,
}

/// An active policy.
pub struct ActivePolicy {
    /// What it is.
    pub identity: Identity,
    /// What it is asked about.
    pub applies: Applies,
    /// Its settings, ready to hand over.
    pub settings: Arc<str>,
    /// What counts when it fails.
    pub on_error: OnError,
    /// How to call it.
    pub client: PolicyClient,
}

/// An active estimator.
pub struct ActiveEstimator {
    /// What it is.
    pub identity: Identity,
    /// What it prices.
    pub applies: Applies,
    /// Its settings.
    pub settings: Arc<str>,
    /// How to call it.
    pub client: EstimatorClient,
}

/// An active provider.
pub struct ActiveProvider {
    /// What it is.
    pub identity: Identity,
    /// What it makes.
    pub description: ResourceDescription,
    /// What its specifications look like.
    pub spec: Schema,
    /// Its settings.
    pub settings: Arc<str>,
    /// How to call it.
    pub client: ProviderClient,
}

/// An active generator.
pub struct ActiveGenerator {
    /// What it is.
    pub identity: Identity,
    /// What it offers.
    pub template: Template,
    /// What its parameters look like.
    pub parameters: Schema,
    /// Its settings.
    pub settings: Arc<str>,
    /// How to call it.
    pub client: GeneratorClient,
}

/// Whether a binding is in force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum PluginState {
    /// Loaded and asked.
    Active,
    /// Not loaded.
    Failed {
        /// Why, and what to do.
        error: String,
    },
}

/// One binding and what came of it.
pub struct PluginStatus {
    /// What the binding asks for.
    pub requested: String,
    /// What it is for, when that is known.
    pub kind: Option<PluginKind>,
    /// What was found for it.
    pub identity: Option<Identity>,
    /// Whether it is in force.
    pub state: PluginState,
    /// Where it is to apply.
    pub applies: Applies,
    /// What counts while it is not in force, if it is a policy.
    pub on_error: OnError,
    /// The plugin, for its usage.
    pub loaded: Option<Arc<LoadedPlugin>>,
    /// One line.
    pub summary: Option<String>,
}

impl PluginStatus {
    /// What the plugin has used since it was loaded.
    #[must_use]
    pub fn usage(&self) -> PluginUsage {
        self.loaded.as_ref().map(|loaded| loaded.usage()).unwrap_or_default()
    }
}

/// Everything that is active.
#[derive(Default)]
pub struct ActiveTable {
    /// In the order of their bindings: the first that applies prices a request.
    pub estimators: Vec<ActiveEstimator>,
    /// All that apply decide.
    pub policies: Vec<ActivePolicy>,
    /// One for each type.
    pub providers: BTreeMap<ResourceType, Arc<ActiveProvider>>,
    /// One for each golden path.
    pub generators: BTreeMap<TemplateId, Arc<ActiveGenerator>>,
    /// Every binding, in order.
    pub status: Vec<PluginStatus>,
}

impl ActiveTable {
    /// The bindings that are not in force, each with its reason.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.status.iter().filter_map(|status| match &status.state {
            PluginState::Active => None,
            PluginState::Failed { error } => Some((status.requested.as_str(), error.as_str())),
        })
    }

    /// The policies that apply to a request and are not in force: a guardrail that could not be loaded still holds. What
    /// is not known to be of another kind may have been a policy, so it counts as one.
    pub fn missing_policies<'a>(&'a self, shape: RequestShape<'a>) -> impl Iterator<Item = &'a PluginStatus> {
        self.status.iter().filter(move |status| {
            let failed = matches!(status.state, PluginState::Failed { .. });
            let policy = status.kind.is_none_or(|kind| kind == PluginKind::ApprovalPolicy);
            failed && policy && status.applies.to(shape)
        })
    }

    /// Whether every binding is in force.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed().next().is_none()
    }
}
