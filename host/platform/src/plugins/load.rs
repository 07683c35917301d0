//! From a binding to an active plugin: resolve, fetch, settle the settings, load, and ask it what it is.

use std::sync::Arc;

use macadam_core::digest::{Digest, canonical_json};
use macadam_core::kind::PluginKind;
use macadam_core::limits::{LimitOverrides, Limits};
use macadam_core::names::{BindingName, PluginRef};
use macadam_core::verdict::OnError;
use macadam_core::violation::{Violation, join};
use macadam_registry::index::QueryError;
use macadam_registry::signature::TrustRoot;
use macadam_registry::{Package, VersionQuery};
use macadam_runtime::capabilities::Grants;
use macadam_runtime::{CallError, LoadError, LoadRequest, LoadedPlugin, Sandbox};
use macadam_store::{ProviderPin, Store};
use serde_json::{Map, Value};

use crate::plugins::{
    ActiveTable, Binding, BindingSpec, GrantError, HostGrants, Identity, Packages, PackagesError, Part, PluginStatus,
    Provider, TrustError, Version,
};
use crate::schema::{Schema, SchemaError};

/// Why a binding is not in force.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// It names no version that is there.
    #[error(transparent)]
    Packages(#[from] PackagesError),
    /// The text that names the version is not well-formed.
    #[error("`plugin`: {0}")]
    Query(#[from] QueryError),
    /// A version that is tried makes something else than the one that is active.
    #[error("{plugin} makes {makes} and not {instead}; bind it on its own")]
    MakesAnother {
        /// Which.
        plugin: PluginRef,
        /// What it makes.
        makes: String,
        /// What the active version makes.
        instead: String,
    },
    /// An earlier version was yanked, so it does not stand in.
    #[error("{plugin} was yanked")]
    Yanked {
        /// Which.
        plugin: PluginRef,
    },
    /// Its signatures do not count.
    #[error("its signatures do not count: {0}")]
    Trust(#[from] TrustError),
    /// A grant cannot be given.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// The component cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It failed when it was asked about itself.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The settings are wrong.
    #[error("the settings of {plugin} are wrong: {}", join(violations))]
    Settings {
        /// Whose.
        plugin: PluginRef,
        /// What is wrong.
        violations: Vec<Violation>,
    },
    /// A schema that the plugin gave cannot be used.
    #[error("{plugin}: {source}")]
    Schema {
        /// Whose.
        plugin: PluginRef,
        /// Why.
        source: SchemaError,
    },
    /// A resource's provider is in the registry with other bytes than those that made the resource.
    #[error("{plugin} in the registry is not the component that made the resource; restore the package")]
    PinChanged {
        /// Which.
        plugin: PluginRef,
    },
    /// A resource's provider has no binding any more that would say how it may reach its systems.
    #[error("{plugin} made the resource, and no provider of that name is bound any more; bind one")]
    PinUnbound {
        /// Which.
        plugin: PluginRef,
    },
}

impl ActivateError {
    /// Whether it passes by itself: nothing is wrong with the version or the wish, and what it takes is out of reach.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Trust(TrustError::Store(error)) => error.passes(),
            Self::Packages(error) => error.passes(),
            _ => false,
        }
    }
}

/// Brings bindings to life.
pub struct Loader {
    pub(super) packages: Packages,
    pub(super) sandbox: Arc<Sandbox>,
    grants: HostGrants,
    pub(super) store: Arc<dyn Store>,
    pub(super) trust_root: Option<TrustRoot>,
}

/// What it means when a canary or a shadow does not load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trials {
    /// The binding is refused: somebody is about to make it.
    MustLoad,
    /// It is left out: the version in force works, and must not go with it.
    MayFail,
}

/// What a version may change outside of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    /// What its binding grants.
    Granted,
    /// Nothing: it is only asked what it would do.
    None,
}

impl Trials {
    pub(super) fn settle<T>(
        self,
        binding: &BindingName,
        trial: Result<Option<T>, ActivateError>,
    ) -> Result<Option<T>, ActivateError> {
        match trial {
            Err(error) if self == Self::MayFail => {
                tracing::error!(%binding, %error, "what is tried under a binding is not loaded and left out");
                Ok(None)
            }
            settled => settled,
        }
    }
}

/// A plugin that is loaded and has its settings.
pub(super) struct Ready {
    pub(super) loaded: Arc<LoadedPlugin>,
    pub(super) identity: Identity,
    pub(super) settings: Arc<str>,
}

impl Loader {
    /// A loader over packages and a sandbox; the store says whose signatures count.
    #[must_use]
    pub fn new(packages: Packages, sandbox: Arc<Sandbox>, grants: HostGrants, store: Arc<dyn Store>) -> Self {
        Self { packages, sandbox, grants, store, trust_root: None }
    }

    /// What a binding's text means now.
    ///
    /// # Errors
    /// [`ActivateError`] when it is not well-formed, or there is no such version.
    pub async fn resolve(&self, query: &VersionQuery) -> Result<semver::Version, ActivateError> {
        Ok(self.packages.resolve(query).await?.1.version)
    }

    /// Brings a binding to life; a failure is in the status.
    pub(crate) async fn load(
        &self,
        name: &BindingName,
        revision: u64,
        desired: &BindingSpec,
        trials: Trials,
    ) -> PluginStatus {
        let mut status = PluginStatus {
            name: name.clone(),
            revision,
            binding: Arc::new(desired.binding.clone()),
            kind: None,
            part: Err(String::new()),
            stands_in_for: None,
            passes: false,
            summary: None,
        };
        match self.try_load(desired, trials, &mut status).await {
            Ok(part) => status.part = Ok(part),
            Err(error) => {
                tracing::error!(binding = %name, plugin = %desired.binding.plugin, %error, "a plugin is not active");
                status.passes = error.passes();
                self.stand_in(desired, error.to_string(), &mut status).await;
            }
        }
        status
    }

    async fn try_load(
        &self,
        desired: &BindingSpec,
        trials: Trials,
        status: &mut PluginStatus,
    ) -> Result<Part, ActivateError> {
        let query = desired.query()?;
        // Whatever fails from here on, the kind says whether a guardrail is missing; other versions tell it too.
        let releases = self.packages.versions(&query.name).await.unwrap_or_default();
        status.kind = releases.last().map(|release| release.kind);
        let (plugin, _) = self.packages.resolve(&query).await?;
        let package = self.packages.fetch(&plugin).await?;
        status.kind = Some(package.manifest().kind);
        status.summary = Some(package.manifest().summary.clone());
        let ready = self.ready(&package, &desired.binding, Power::Granted).await?;
        self.part(ready, &status.name, &desired.binding, trials).await
    }

    /// Has the last good version stand in for one that does not load, where the binding says so.
    async fn stand_in(&self, desired: &BindingSpec, error: String, status: &mut PluginStatus) {
        status.part = Err(error.clone());
        if desired.binding.on_error != OnError::LastGood {
            return;
        }
        for earlier in self.earlier(&status.name, desired).await {
            let Ok(package) = self.fetch_of(&earlier).await else { continue };
            let Binding { settings, limits, grants, .. } = earlier.binding.clone();
            let alone = Binding { settings, limits, grants, canary: None, shadow: None, ..desired.binding.clone() };
            let Ok(ready) = self.ready(&package, &alone, Power::Granted).await else { continue };
            // A guardrail is not replaced by something that is none.
            if status.kind.is_some_and(|kind| kind != ready.loaded.kind()) {
                continue;
            }
            if let Ok(part) = self.part(ready, &status.name, &alone, Trials::MayFail).await {
                (status.part, status.stands_in_for) = (Ok(part), Some(error));
                return;
            }
        }
    }

    pub(super) async fn ready(
        &self,
        package: &Package,
        binding: &Binding,
        power: Power,
    ) -> Result<Ready, ActivateError> {
        self.trusted_as_kept(package).await?;
        let manifest = package.manifest();
        let limits = binding.limits.over(manifest.limits.over(Limits::DEFAULT));
        let grants = match power {
            Power::Granted => self.grants.grant(manifest, binding)?,
            Power::None => Grants::none(),
        };
        let loaded = self.sandboxed(package, limits, grants).await?;
        let settings = self.settle(&loaded, merged(&manifest.settings, &binding.settings)).await?;
        let identity = identity(package, Digest::of(settings.as_bytes()));
        Ok(Ready { loaded, identity, settings })
    }

    /// Loads a version that gets its settings with each question, and nothing that it could change something with.
    pub(super) async fn without_settings(
        &self,
        package: &Package,
        limits: LimitOverrides,
    ) -> Result<(Arc<LoadedPlugin>, Identity), ActivateError> {
        self.trusted_as_kept(package).await?;
        let limits = limits.over(package.manifest().limits.over(Limits::DEFAULT));
        let loaded = self.sandboxed(package, limits, Grants::none()).await?;
        Ok((loaded, identity(package, Digest::of(b""))))
    }

    pub(super) async fn sandboxed(
        &self,
        package: &Package,
        limits: Limits,
        grants: Arc<Grants>,
    ) -> Result<Arc<LoadedPlugin>, LoadError> {
        let manifest = package.manifest();
        let (plugin, kind, component) = (manifest.reference(), manifest.kind, package.component());
        let contract = Some(&manifest.contract);
        self.sandbox.load(LoadRequest { plugin, kind, contract, component, limits, grants }).await
    }

    /// Checks settings against the plugin's schema and its own word, and makes them canonical.
    pub(super) async fn settle(&self, loaded: &Arc<LoadedPlugin>, settings: Value) -> Result<Arc<str>, ActivateError> {
        let plugin = loaded.identity().clone();
        let wrong = |violations| ActivateError::Settings { plugin: plugin.clone(), violations };
        let client = self.sandbox.plugin(loaded)?;
        let info = client.describe().await.outcome?;
        let schema = Schema::compile(info.settings_schema);
        let schema = schema.map_err(|source| ActivateError::Schema { plugin: plugin.clone(), source })?;
        let settings = schema.complete("", settings).map_err(wrong)?;
        let text = canonical_json(&settings).map_err(|error| wrong(vec![Violation::new("", error.to_string())]))?;
        let text: Arc<str> = text.into();
        let violations = client.validate_settings(Arc::clone(&text)).await.outcome?;
        if violations.is_empty() { Ok(text) } else { Err(wrong(violations)) }
    }

    async fn part(
        &self,
        ready: Ready,
        name: &BindingName,
        binding: &Binding,
        trials: Trials,
    ) -> Result<Part, ActivateError> {
        Ok(match ready.loaded.kind() {
            PluginKind::ApprovalPolicy => Part::Policy(self.in_force(ready, name, binding, trials).await?),
            PluginKind::CostEstimator => Part::Estimator(self.in_force(ready, name, binding, trials).await?),
            PluginKind::Provider => Part::Provider(self.in_force(ready, name, binding, trials).await?),
            PluginKind::TemplateGenerator => Part::Generator(self.in_force(ready, name, binding, trials).await?),
        })
    }

    /// Loads the version that a resource is pinned to, with what its name's binding grants and sets now.
    pub(crate) async fn load_pinned(
        &self,
        pin: &ProviderPin,
        table: &ActiveTable,
    ) -> Result<Version<Provider>, ActivateError> {
        let package = self.packages.fetch(&pin.plugin).await?;
        if package.component().digest() != pin.digest {
            return Err(ActivateError::PinChanged { plugin: pin.plugin.clone() });
        }
        let mut bindings = table.status.iter().map(|status| &status.binding);
        let same_name = |binding: &&Arc<Binding>| binding.query().is_ok_and(|query| query.name == pin.plugin.name);
        let unbound = || ActivateError::PinUnbound { plugin: pin.plugin.clone() };
        let binding = bindings.find(same_name).ok_or_else(unbound)?;
        let ready = self.ready(&package, binding, Power::Granted).await?;
        self.version(ready).await
    }
}

fn identity(package: &Package, settings: Digest) -> Identity {
    Identity {
        plugin: package.reference(),
        package: package.digest(),
        component: package.component().digest(),
        contract: format!("macadam:plugin@{}", package.manifest().contract),
        settings,
    }
}

/// The plugin's defaults with the binding's settings over them, key by key.
fn merged(defaults: &Map<String, Value>, over: &Map<String, Value>) -> Value {
    let mut all = defaults.clone();
    all.extend(over.clone());
    Value::Object(all)
}
