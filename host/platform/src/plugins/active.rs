//! The table of what is active: one immutable value, replaced as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::names::{BindingName, PluginRef, ResourceType, TemplateId};
use macadam_core::plan::ResourceDescription;
use macadam_core::project::Template;
use macadam_core::verdict::OnError;
use macadam_runtime::LoadedPlugin;
use macadam_runtime::clients::{EstimatorClient, GeneratorClient, PolicyClient, ProviderClient};
use macadam_runtime::plugin::PluginUsage;

use crate::plugins::{Applies, Binding, Canary, RequestShape, Watch};
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
    /// The contract that it was built for.
    pub contract: String,
    /// The settings, by the digest of their canonical JSON.
    pub settings: Digest,
}

/// An active policy.
pub struct ActivePolicy {
    /// Under which binding.
    pub binding: BindingName,
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
    /// The version that gets some of the requests.
    pub canary: Option<CanaryArm>,
    /// The version that is asked beside it.
    pub shadow: Option<Arc<Arm>>,
}

/// Another version of a policy under the same binding.
pub struct Arm {
    /// What it is.
    pub identity: Identity,
    /// Its settings: those of the binding over its own defaults.
    pub settings: Arc<str>,
    /// How to call it.
    pub client: PolicyClient,
}

/// A canary and how it does.
pub struct CanaryArm {
    /// Which requests it gets, and for how long.
    pub rule: Canary,
    /// The version.
    pub arm: Arm,
    /// What it did so far.
    pub watch: Watch,
}

/// An active estimator.
pub struct ActiveEstimator {
    /// Under which binding.
    pub binding: BindingName,
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
    /// Under which binding.
    pub binding: BindingName,
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

/// What a binding brought to life.
#[derive(Clone)]
pub enum Part {
    /// A policy.
    Policy(Arc<ActivePolicy>),
    /// An estimator.
    Estimator(Arc<ActiveEstimator>),
    /// A provider.
    Provider(Arc<ActiveProvider>),
    /// A generator.
    Generator(Arc<ActiveGenerator>),
}

impl Part {
    /// Exactly what is active.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        match self {
            Self::Policy(policy) => &policy.identity,
            Self::Estimator(estimator) => &estimator.identity,
            Self::Provider(provider) => &provider.identity,
            Self::Generator(generator) => &generator.identity,
        }
    }
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

/// One binding and what came of it. Tables share it, so that changing one binding leaves the others as they are.
#[derive(Clone)]
pub struct PluginStatus {
    /// The binding's name.
    pub name: BindingName,
    /// How often the binding was changed.
    pub revision: u64,
    /// What it asks for.
    pub binding: Arc<Binding>,
    /// What it is for, when that is known.
    pub kind: Option<PluginKind>,
    /// Whether it is in force.
    pub state: PluginState,
    /// What is in force.
    pub part: Option<Part>,
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

    /// Exactly what is active, if it is.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.part.as_ref().map(Part::identity)
    }

    /// The same binding, not in force.
    fn failed(&self, error: String) -> Self {
        Self { state: PluginState::Failed { error }, part: None, loaded: None, ..self.clone() }
    }
}

/// Everything that is active.
#[derive(Default)]
pub struct ActiveTable {
    /// In the order of their bindings' names: the first that applies prices a request.
    pub estimators: Vec<Arc<ActiveEstimator>>,
    /// All that apply decide.
    pub policies: Vec<Arc<ActivePolicy>>,
    /// One for each type.
    pub providers: BTreeMap<ResourceType, Arc<ActiveProvider>>,
    /// One for each golden path.
    pub generators: BTreeMap<TemplateId, Arc<ActiveGenerator>>,
    /// Every binding, in the order of their names.
    pub status: Vec<Arc<PluginStatus>>,
}

impl ActiveTable {
    /// The table of some bindings. Of two that make the same resource type or template, the first counts.
    #[must_use]
    pub fn of(mut bindings: Vec<Arc<PluginStatus>>) -> Self {
        bindings.sort_by(|a, b| a.name.cmp(&b.name));
        let mut table = Self::default();
        for status in bindings {
            let entered = match status.part.clone().map(|part| table.enter(part)) {
                Some(Err(twice)) => Arc::new(status.failed(twice)),
                _ => status,
            };
            table.status.push(entered);
        }
        table
    }

    fn enter(&mut self, part: Part) -> Result<(), String> {
        match part {
            Part::Policy(policy) => self.policies.push(policy),
            Part::Estimator(estimator) => self.estimators.push(estimator),
            Part::Provider(provider) => {
                let made = provider.description.resource_type.clone();
                if let Some(other) = self.providers.get(&made) {
                    return Err(twice(&provider.identity, &made.to_string(), &other.identity));
                }
                self.providers.insert(made, provider);
            }
            Part::Generator(generator) => {
                let made = generator.template.id.clone();
                if let Some(other) = self.generators.get(&made) {
                    return Err(twice(&generator.identity, &made.to_string(), &other.identity));
                }
                self.generators.insert(made, generator);
            }
        }
        Ok(())
    }

    /// The table with one binding changed, or added.
    #[must_use]
    pub fn with(&self, changed: &Arc<PluginStatus>) -> Self {
        let others = self.status.iter().filter(|status| status.name != changed.name).cloned();
        Self::of(others.chain([Arc::clone(changed)]).collect())
    }

    /// The table without a binding.
    #[must_use]
    pub fn without(&self, name: &BindingName) -> Self {
        Self::of(self.status.iter().filter(|status| status.name != *name).cloned().collect())
    }

    /// One binding and what came of it.
    #[must_use]
    pub fn binding(&self, name: &BindingName) -> Option<&Arc<PluginStatus>> {
        self.status.iter().find(|status| status.name == *name)
    }

    /// The bindings that are not in force, each with its reason.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.status.iter().filter_map(|status| match &status.state {
            PluginState::Active => None,
            PluginState::Failed { error } => Some((status.binding.plugin.as_str(), error.as_str())),
        })
    }

    /// The policies that apply to a request and are not in force: a guardrail that could not be loaded still holds. What
    /// is not known to be of another kind may have been a policy, so it counts as one.
    pub fn missing_policies<'a>(&'a self, shape: RequestShape<'a>) -> impl Iterator<Item = &'a Arc<PluginStatus>> {
        self.status.iter().filter(move |status| {
            let failed = matches!(status.state, PluginState::Failed { .. });
            let policy = status.kind.is_none_or(|kind| kind == PluginKind::ApprovalPolicy);
            failed && policy && status.binding.applies.to(shape)
        })
    }

    /// Whether every binding is in force.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed().next().is_none()
    }
}

fn twice(later: &Identity, what: &str, earlier: &Identity) -> String {
    format!("{} makes {what}, and so does {}; bind one of them", later.plugin, earlier.plugin)
}
