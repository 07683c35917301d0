//! The table of what is active: one immutable value, replaced as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use macadam_core::kind::PluginKind;
use macadam_core::names::{BindingName, ResourceType, TemplateId};
use macadam_runtime::LoadedPlugin;
use macadam_runtime::clients::{EstimatorClient, PolicyClient};
use macadam_runtime::plugin::PluginUsage;

use crate::plugins::standing::{Quarantined, Standing};
use crate::plugins::{Binding, Generator, Identity, InForce, Provider, RequestShape};

/// What a binding brought to life.
#[derive(Clone)]
pub enum Part {
    /// A policy.
    Policy(Arc<InForce<PolicyClient>>),
    /// An estimator.
    Estimator(Arc<InForce<EstimatorClient>>),
    /// A provider.
    Provider(Arc<InForce<Provider>>),
    /// A generator.
    Generator(Arc<InForce<Generator>>),
}

impl Part {
    /// Exactly what is active.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        match self {
            Self::Policy(line) => &line.active.identity,
            Self::Estimator(line) => &line.active.identity,
            Self::Provider(line) => &line.active.identity,
            Self::Generator(line) => &line.active.identity,
        }
    }

    /// The component that is active.
    #[must_use]
    pub fn loaded(&self) -> &Arc<LoadedPlugin> {
        match self {
            Self::Policy(line) => &line.active.loaded,
            Self::Estimator(line) => &line.active.loaded,
            Self::Provider(line) => &line.active.loaded,
            Self::Generator(line) => &line.active.loaded,
        }
    }

    /// How the active version does.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        match self {
            Self::Policy(line) => &line.standing,
            Self::Estimator(line) => &line.standing,
            Self::Provider(line) => &line.standing,
            Self::Generator(line) => &line.standing,
        }
    }

    /// Every version under the binding: the active one, then what is tried and what stands in.
    #[must_use]
    pub fn identities(&self) -> Vec<&Identity> {
        fn of<F>(line: &InForce<F>) -> Vec<&Identity> {
            line.versions().map(|version| &version.identity).collect()
        }
        match self {
            Self::Policy(line) => of(line),
            Self::Estimator(line) => of(line),
            Self::Provider(line) => of(line),
            Self::Generator(line) => of(line),
        }
    }

    /// The components of all of these.
    #[must_use]
    pub fn all_loaded(&self) -> Vec<&Arc<LoadedPlugin>> {
        fn of<F>(line: &InForce<F>) -> Vec<&Arc<LoadedPlugin>> {
            line.versions().map(|version| &version.loaded).collect()
        }
        match self {
            Self::Policy(line) => of(line),
            Self::Estimator(line) => of(line),
            Self::Provider(line) => of(line),
            Self::Generator(line) => of(line),
        }
    }
}

/// Whether a binding is in force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum PluginState {
    /// Loaded and asked.
    Active,
    /// Loaded, and not asked for a while, since it kept failing.
    Quarantined(Quarantined),
    /// Not loaded; the last good version is asked instead.
    LastGood {
        /// Why, and what to do.
        error: String,
    },
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
    /// What is in force, or why nothing is.
    pub part: Result<Part, String>,
    /// Why it is not the version that was asked for that is in force.
    pub stands_in_for: Option<String>,
    /// Whether what keeps that version from being in force passes by itself.
    pub passes: bool,
    /// One line.
    pub summary: Option<String>,
}

impl PluginStatus {
    /// Whether it is in force, at this moment.
    #[must_use]
    pub fn state(&self) -> PluginState {
        match (&self.part, &self.stands_in_for) {
            (Err(error), _) => PluginState::Failed { error: error.clone() },
            (Ok(_), Some(error)) => PluginState::LastGood { error: error.clone() },
            (Ok(part), None) => part.standing().quarantined().map_or(PluginState::Active, PluginState::Quarantined),
        }
    }

    /// Why what was asked for is not loaded, if it is not.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.part.as_ref().err().or(self.stands_in_for.as_ref()).map(String::as_str)
    }

    /// What the plugin has used since it was loaded.
    #[must_use]
    pub fn usage(&self) -> PluginUsage {
        self.part.as_ref().map(|part| part.loaded().usage()).unwrap_or_default()
    }

    /// Exactly what is active, if it is.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.part.as_ref().ok().map(Part::identity)
    }

    /// Whether the same versions with the same settings are in force.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (&self.part, &other.part) {
            (Ok(one), Ok(other)) => one.identities() == other.identities(),
            (Err(one), Err(other)) => one == other,
            _ => false,
        }
    }

    /// The same binding, not in force.
    pub(super) fn failed(&self, error: String) -> Self {
        Self { part: Err(error), stands_in_for: None, passes: false, ..self.clone() }
    }
}

/// Everything that is active.
#[derive(Default)]
pub struct ActiveTable {
    /// In the order of their bindings' names: the first that applies prices a request.
    pub estimators: Vec<Arc<InForce<EstimatorClient>>>,
    /// All that apply decide.
    pub policies: Vec<Arc<InForce<PolicyClient>>>,
    /// One for each type.
    pub providers: BTreeMap<ResourceType, Arc<InForce<Provider>>>,
    /// One for each golden path.
    pub generators: BTreeMap<TemplateId, Arc<InForce<Generator>>>,
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
                Ok(Err(twice)) => Arc::new(status.failed(twice)),
                _ => status,
            };
            table.status.push(entered);
        }
        table
    }

    fn enter(&mut self, part: Part) -> Result<(), String> {
        match part {
            Part::Policy(line) => self.policies.push(line),
            Part::Estimator(line) => self.estimators.push(line),
            Part::Provider(line) => {
                let made = line.active.face.description.resource_type.clone();
                if let Some(other) = self.providers.get(&made) {
                    return Err(twice(&line.active.identity, &made.to_string(), &other.active.identity));
                }
                self.providers.insert(made, line);
            }
            Part::Generator(line) => {
                let made = line.active.face.template.id.clone();
                if let Some(other) = self.generators.get(&made) {
                    return Err(twice(&line.active.identity, &made.to_string(), &other.active.identity));
                }
                self.generators.insert(made, line);
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
        let failed = self.status.iter().filter(|status| status.part.is_err());
        failed.map(|status| (status.binding.plugin.as_str(), status.failure().unwrap_or_default()))
    }

    /// The policies that apply to a request and are not in force: a guardrail that could not be loaded still holds. What
    /// is not known to be of another kind may have been a policy, so it counts as one.
    pub fn missing_policies<'a>(&'a self, shape: RequestShape<'a>) -> impl Iterator<Item = &'a Arc<PluginStatus>> {
        self.status.iter().filter(move |status| {
            let failed = status.part.is_err();
            let policy = status.kind.is_none_or(|kind| kind == PluginKind::ApprovalPolicy);
            failed && policy && status.binding.applies.to(shape)
        })
    }

    /// The bindings whose active version is in quarantine now.
    pub fn quarantined(&self) -> impl Iterator<Item = &BindingName> {
        let out = |status: &&Arc<PluginStatus>| {
            status.part.as_ref().is_ok_and(|part| part.standing().quarantined().is_some())
        };
        self.status.iter().filter(out).map(|status| &status.name)
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
