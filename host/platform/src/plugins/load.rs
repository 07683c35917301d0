//! From a binding to an active plugin: resolve, fetch, settle the settings, load, and ask it what it is.

use std::sync::Arc;

use macadam_core::digest::{Digest, canonical_json};
use macadam_core::kind::PluginKind;
use macadam_core::limits::Limits;
use macadam_core::names::{BindingName, PluginRef};
use macadam_core::violation::{Violation, join};
use macadam_registry::index::QueryError;
use macadam_registry::{IndexError, Package, Registry, VersionQuery};
use macadam_runtime::capabilities::Grants;
use macadam_runtime::{CallError, LoadError, LoadRequest, LoadedPlugin, Sandbox};
use macadam_store::{ProviderPin, Store};
use semver::Version;
use serde_json::{Map, Value};

use crate::plugins::active::{
    ActiveEstimator, ActiveGenerator, ActivePolicy, ActiveProvider, ActiveTable, Arm, CanaryArm, Identity, Part,
    PluginState, PluginStatus,
};
use crate::plugins::{Binding, BindingSpec, GrantError, HostGrants, TrustError, Watch};
use crate::schema::{Schema, SchemaError};

/// Why a binding is not in force.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// It names no version that is there.
    #[error(transparent)]
    Registry(#[from] IndexError),
    /// The text that names the version is not well-formed.
    #[error("`plugin`: {0}")]
    Query(#[from] QueryError),
    /// Only policies are tried on live requests.
    #[error("`canary` and `shadow` are for policies, and this is a {kind}; remove them")]
    NotForThisKind {
        /// What it is.
        kind: PluginKind,
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

/// Brings bindings to life.
pub struct Loader {
    pub(super) registry: Arc<Registry>,
    pub(super) sandbox: Arc<Sandbox>,
    grants: HostGrants,
    pub(super) store: Arc<dyn Store>,
}

/// What it means when a canary or a shadow does not load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trials {
    /// The binding is refused: somebody is about to make it.
    MustLoad,
    /// It is left out: the version in force works, and must not go with it.
    MayFail,
}

impl Trials {
    fn settle<T>(
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
    /// A loader over a registry and a sandbox; the store says whose signatures count.
    #[must_use]
    pub fn new(registry: Arc<Registry>, sandbox: Arc<Sandbox>, grants: HostGrants, store: Arc<dyn Store>) -> Self {
        Self { registry, sandbox, grants, store }
    }

    /// Where packages are.
    pub(super) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    /// What a binding's text means now.
    ///
    /// # Errors
    /// [`ActivateError`] when it is not well-formed, or there is no such version.
    pub fn resolve(&self, query: &VersionQuery) -> Result<Version, ActivateError> {
        Ok(self.registry.resolve(query)?.1.version)
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
            state: PluginState::Active,
            part: None,
            loaded: None,
            summary: None,
        };
        if let Err(error) = self.try_load(desired, trials, &mut status).await {
            status.state = PluginState::Failed { error: error.to_string() };
            tracing::error!(binding = %name, plugin = %desired.binding.plugin, %error, "a plugin is not active");
        }
        status
    }

    async fn try_load(
        &self,
        desired: &BindingSpec,
        trials: Trials,
        status: &mut PluginStatus,
    ) -> Result<(), ActivateError> {
        let query = desired.query()?;
        // Whatever fails from here on, the kind says whether a guardrail is missing; other versions tell it too.
        let releases = self.registry.versions(&query.name).unwrap_or_default();
        status.kind = releases.last().map(|release| release.kind);
        let (plugin, _) = self.registry.resolve(&query)?;
        let package = self.registry.fetch(&plugin.name, &plugin.version)?;
        status.kind = Some(package.manifest().kind);
        status.summary = Some(package.manifest().summary.clone());
        let ready = self.ready(&package, &desired.binding).await?;
        let loaded = Arc::clone(&ready.loaded);
        status.part = Some(self.part(ready, &status.name, &desired.binding, trials).await?);
        status.loaded = Some(loaded);
        Ok(())
    }

    pub(super) async fn ready(&self, package: &Package, binding: &Binding) -> Result<Ready, ActivateError> {
        self.trusted_as_kept(package).await?;
        let manifest = package.manifest();
        let limits = binding.limits.over(manifest.limits.over(Limits::DEFAULT));
        let loaded = self.sandboxed(package, limits, self.grants.grant(manifest, binding)?).await?;
        let settings = self.settle(&loaded, merged(&manifest.settings, &binding.settings)).await?;
        let identity = identity(package, Digest::of(settings.as_bytes()));
        Ok(Ready { loaded, identity, settings })
    }

    /// Loads a version that gets its settings with each question.
    pub(super) async fn without_settings(
        &self,
        package: &Package,
    ) -> Result<(Arc<LoadedPlugin>, Identity), ActivateError> {
        self.trusted_as_kept(package).await?;
        let limits = package.manifest().limits.over(Limits::DEFAULT);
        let loaded = self.sandboxed(package, limits, Arc::new(Grants::default())).await?;
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
        let (applies, name) = (binding.applies.clone(), name.clone());
        Ok(match ready.loaded.kind() {
            PluginKind::ApprovalPolicy => {
                let Ready { loaded, identity, settings } = ready;
                let (client, on_error) = (self.sandbox.policy(&loaded)?, binding.on_error);
                let canary = trials.settle(&name, self.canary(&identity, binding).await)?;
                let shadow = trials.settle(&name, self.shadow(&identity, binding).await)?;
                let policy =
                    ActivePolicy { binding: name, identity, applies, settings, on_error, client, canary, shadow };
                Part::Policy(Arc::new(policy))
            }
            other if binding.canary.is_some() || binding.shadow.is_some() => {
                return Err(ActivateError::NotForThisKind { kind: other });
            }
            PluginKind::CostEstimator => {
                let Ready { loaded, identity, settings } = ready;
                let client = self.sandbox.estimator(&loaded)?;
                Part::Estimator(Arc::new(ActiveEstimator { binding: name, identity, applies, settings, client }))
            }
            PluginKind::Provider => Part::Provider(Arc::new(self.provider(ready).await?)),
            PluginKind::TemplateGenerator => Part::Generator(Arc::new(self.generator(ready, name).await?)),
        })
    }

    async fn canary(&self, active: &Identity, binding: &Binding) -> Result<Option<CanaryArm>, ActivateError> {
        let Some(rule) = binding.canary.clone() else { return Ok(None) };
        let arm = self.arm(active, &rule.version, binding).await?;
        Ok(Some(CanaryArm { rule, arm, watch: Watch::default() }))
    }

    async fn shadow(&self, active: &Identity, binding: &Binding) -> Result<Option<Arc<Arm>>, ActivateError> {
        let Some(shadow) = &binding.shadow else { return Ok(None) };
        Ok(Some(Arc::new(self.arm(active, &shadow.version, binding).await?)))
    }

    /// Another version of the same plugin, with the settings of the binding.
    async fn arm(&self, active: &Identity, version: &Version, binding: &Binding) -> Result<Arm, ActivateError> {
        let package = self.registry.fetch(&active.plugin.name, version)?;
        let Ready { loaded, identity, settings } = Box::pin(self.ready(&package, binding)).await?;
        let client = self.sandbox.policy(&loaded)?;
        Ok(Arm { identity, settings, client })
    }

    async fn provider(&self, Ready { loaded, identity, settings }: Ready) -> Result<ActiveProvider, ActivateError> {
        let client = self.sandbox.provider(&loaded)?;
        let description = client.describe().await.outcome?;
        let spec = Schema::compile(description.spec_schema.clone())
            .map_err(|source| ActivateError::Schema { plugin: identity.plugin.clone(), source })?;
        Ok(ActiveProvider { identity, description, spec, settings, client })
    }

    async fn generator(
        &self,
        Ready { loaded, identity, settings }: Ready,
        binding: BindingName,
    ) -> Result<ActiveGenerator, ActivateError> {
        let client = self.sandbox.generator(&loaded)?;
        let template = client.describe().await.outcome?;
        let parameters = Schema::compile(template.parameters.clone())
            .map_err(|source| ActivateError::Schema { plugin: identity.plugin.clone(), source })?;
        Ok(ActiveGenerator { binding, identity, template, parameters, settings, client })
    }

    /// Loads the version that a resource is pinned to, with what its name's binding grants and sets now.
    pub(crate) async fn load_pinned(
        &self,
        pin: &ProviderPin,
        table: &ActiveTable,
    ) -> Result<ActiveProvider, ActivateError> {
        let package = self.registry.fetch(&pin.plugin.name, &pin.plugin.version)?;
        if package.component().digest() != pin.digest {
            return Err(ActivateError::PinChanged { plugin: pin.plugin.clone() });
        }
        let mut bindings = table.status.iter().map(|status| &status.binding);
        let same_name = |binding: &&Arc<Binding>| binding.query().is_ok_and(|query| query.name == pin.plugin.name);
        let unbound = || ActivateError::PinUnbound { plugin: pin.plugin.clone() };
        let binding = bindings.find(same_name).ok_or_else(unbound)?;
        let ready = self.ready(&package, binding).await?;
        self.provider(ready).await
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
