//! Loading what is in force under a binding: the active version and those beside it.

use std::sync::Arc;

use macadam_core::names::{BindingName, PluginRef};
use macadam_core::verdict::OnError;
use macadam_registry::Package;

use crate::plugins::in_force::CanaryArm;
use crate::plugins::load::{Power, Ready, Trials};
use crate::plugins::standing::Standing;
use crate::plugins::version::Face;
use crate::plugins::{ActivateError, Binding, BindingSpec, InForce, Loader, Version, Watch, desired};

/// How many revisions are looked through for the last good version.
const LOOKED_THROUGH: u32 = 50;

/// How many of them are tried.
const TRIED: usize = 3;

impl Loader {
    /// Brings to life what a binding asks for, around an active version that is loaded.
    pub(super) async fn in_force<F: Face>(
        &self,
        ready: Ready,
        name: &BindingName,
        binding: &Binding,
        trials: Trials,
    ) -> Result<Arc<InForce<F>>, ActivateError> {
        let active: Version<F> = self.version(ready).await?;
        let canary = trials.settle(name, self.canary(&active, binding).await)?;
        let shadow = trials.settle(name, self.shadow(&active, binding).await)?;
        let last_good = match binding.on_error {
            OnError::LastGood => self.last_good(name, &active, binding).await,
            OnError::Deny | OnError::RequireApproval => None,
        };
        Ok(Arc::new(InForce {
            binding: name.clone(),
            applies: binding.applies.clone(),
            on_error: binding.on_error,
            active: Arc::new(active),
            canary,
            shadow,
            last_good,
            standing: Standing::new(binding.quarantine),
        }))
    }

    pub(super) async fn version<F: Face>(&self, ready: Ready) -> Result<Version<F>, ActivateError> {
        let Ready { loaded, identity, settings } = ready;
        let face = F::of(&self.sandbox, &loaded).await?;
        Ok(Version { identity, settings, loaded, face })
    }

    async fn canary<F: Face>(
        &self,
        active: &Version<F>,
        binding: &Binding,
    ) -> Result<Option<CanaryArm<F>>, ActivateError> {
        let Some(rule) = binding.canary.clone() else { return Ok(None) };
        let version = Arc::new(self.another(active, &rule.version, binding, Power::Granted).await?);
        Ok(Some(CanaryArm { rule, version, watch: Watch::default() }))
    }

    /// A shadow changes nothing: a kind that could has no grants, and is only asked for its plan.
    async fn shadow<F: Face>(
        &self,
        active: &Version<F>,
        binding: &Binding,
    ) -> Result<Option<Arc<Version<F>>>, ActivateError> {
        let Some(shadow) = &binding.shadow else { return Ok(None) };
        let power = if F::HAS_EFFECTS { Power::None } else { Power::Granted };
        Ok(Some(Arc::new(self.another(active, &shadow.version, binding, power).await?)))
    }

    /// Another version of the same plugin, with the settings of the binding.
    async fn another<F: Face>(
        &self,
        active: &Version<F>,
        version: &semver::Version,
        binding: &Binding,
        power: Power,
    ) -> Result<Version<F>, ActivateError> {
        let plugin = PluginRef { name: active.identity.plugin.name.clone(), version: version.clone() };
        let package = self.packages.fetch(&plugin).await?;
        let ready = self.ready(&package, binding, power).await?;
        makes_the_same(active, self.version(ready).await?)
    }

    /// The last version that was in force before and still loads.
    async fn last_good<F: Face>(
        &self,
        name: &BindingName,
        active: &Version<F>,
        binding: &Binding,
    ) -> Option<Arc<Version<F>>> {
        let version = Some(active.identity.plugin.version.clone());
        let now = BindingSpec { binding: binding.clone(), version };
        for spec in self.earlier(name, &now).await {
            let loaded = async {
                let package = self.fetch_of(&spec).await?;
                let ready = self.ready(&package, &spec.binding, Power::Granted).await?;
                if ready.loaded.kind() != active.loaded.kind() {
                    return Ok(None);
                }
                makes_the_same(active, self.version(ready).await?).map(Some)
            };
            let loaded: Result<Option<Version<F>>, ActivateError> = loaded.await;
            match loaded {
                Ok(Some(version)) => return Some(Arc::new(version)),
                Ok(None) => {}
                Err(error) => tracing::warn!(binding = %name, %error, "an earlier version cannot stand in"),
            }
        }
        None
    }

    /// What a binding said before it first said what it says now, the newest first: the same plugin in other versions, each
    /// once. What came later and was taken back again is none of them.
    pub(super) async fn earlier(&self, name: &BindingName, now: &BindingSpec) -> Vec<BindingSpec> {
        let (Some(version), Ok(query)) = (&now.version, now.binding.query()) else { return Vec::new() };
        let history = self.store.binding_history(name, LOOKED_THROUGH).await;
        let history = history.inspect_err(|error| tracing::error!(binding = %name, %error, "its history is not read"));
        let specs = history.unwrap_or_default().into_iter().filter_map(|revision| revision.spec);
        let of_plugin = |spec: &BindingSpec| spec.binding.query().is_ok_and(|other| other.name == query.name);
        let specs: Vec<_> = specs.filter_map(|spec| desired::read(name, &spec).ok()).filter(of_plugin).collect();
        let first = specs.iter().rposition(|spec| spec.version.as_ref() == Some(version)).map_or(0, |place| place + 1);
        let mut earlier: Vec<BindingSpec> = Vec::new();
        for spec in specs.into_iter().skip(first).filter(|spec| spec.version.is_some()) {
            if earlier.len() < TRIED && !earlier.iter().any(|known| known.version == spec.version) {
                earlier.push(spec);
            }
        }
        earlier
    }

    /// The package of an earlier version that was not yanked since.
    pub(super) async fn fetch_of(&self, spec: &BindingSpec) -> Result<Package, ActivateError> {
        let (plugin, release) = self.packages.resolve(&spec.query()?).await?;
        if release.yanked {
            return Err(ActivateError::Yanked { plugin });
        }
        Ok(self.packages.fetch(&plugin).await?)
    }
}

fn makes_the_same<F: Face>(active: &Version<F>, other: Version<F>) -> Result<Version<F>, ActivateError> {
    match (other.face.makes(), active.face.makes()) {
        (Some(makes), Some(instead)) if makes != instead => Err(ActivateError::MakesAnother {
            plugin: other.identity.plugin.clone(),
            makes: makes.to_owned(),
            instead: instead.to_owned(),
        }),
        _ => Ok(other),
    }
}
