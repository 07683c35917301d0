//! From a binding to an active plugin: resolve, fetch, settle the settings, load, and ask it what it is.

use std::sync::Arc;

use macadam_core::digest::{Digest, canonical_json};
use macadam_core::kind::PluginKind;
use macadam_core::limits::Limits;
use macadam_core::names::PluginRef;
use macadam_core::violation::{Violation, join};
use macadam_registry::{IndexError, Package, Registry, VersionQuery};
use macadam_runtime::{CallError, LoadError, LoadRequest, LoadedPlugin, Sandbox};
use macadam_store::ProviderPin;
use serde_json::{Map, Value};

use crate::plugins::active::{
    ActiveEstimator, ActiveGenerator, ActivePolicy, ActiveProvider, ActiveTable, Identity, PluginState, PluginStatus,
};
use crate::plugins::{Binding, GrantError, HostGrants};
use crate::schema::{Schema, SchemaError};

/// Why a binding is not in force.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// It names no version that is there.
    #[error(transparent)]
    Registry(#[from] IndexError),
    /// The text that names the version is not well-formed.
    #[error("`plugin` is {query:?}: {reason}")]
    Query {
        /// The text.
        query: String,
        /// What is wrong.
        reason: String,
    },
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
    /// Two bindings make the same resource type or template.
    #[error("{plugin} makes {what}, and so does {other}; bind one of them")]
    Twice {
        /// The later one.
        plugin: PluginRef,
        /// What both make.
        what: String,
        /// The earlier one.
        other: PluginRef,
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
    registry: Arc<Registry>,
    sandbox: Arc<Sandbox>,
    grants: HostGrants,
}

/// A plugin that is loaded and has its settings.
struct Ready {
    loaded: Arc<LoadedPlugin>,
    identity: Identity,
    settings: Arc<str>,
}

impl Loader {
    /// A loader over a registry and a sandbox.
    #[must_use]
    pub fn new(registry: Arc<Registry>, sandbox: Arc<Sandbox>, grants: HostGrants) -> Self {
        Self { registry, sandbox, grants }
    }

    /// Loads every binding; each failure is in the table beside the others' success.
    pub async fn load_all(&self, bindings: &[Binding]) -> ActiveTable {
        let mut table = ActiveTable::default();
        for binding in bindings {
            let status = self.load_one(binding, &mut table).await;
            if let PluginState::Failed { error } = &status.state {
                tracing::error!(plugin = %binding.plugin, %error, "a plugin is not active");
            }
            table.status.push(status);
        }
        table
    }

    async fn load_one(&self, binding: &Binding, table: &mut ActiveTable) -> PluginStatus {
        let mut status = PluginStatus {
            requested: binding.plugin.clone(),
            kind: None,
            identity: None,
            state: PluginState::Active,
            applies: binding.applies.clone(),
            on_error: binding.on_error,
            loaded: None,
            summary: None,
        };
        if let Err(error) = self.try_load(binding, table, &mut status).await {
            status.state = PluginState::Failed { error: error.to_string() };
        }
        status
    }

    async fn try_load(
        &self,
        binding: &Binding,
        table: &mut ActiveTable,
        status: &mut PluginStatus,
    ) -> Result<(), ActivateError> {
        let query: VersionQuery = binding
            .plugin
            .parse()
            .map_err(|error| ActivateError::Query { query: binding.plugin.clone(), reason: format!("{error}") })?;
        // Whatever fails from here on, the kind says whether a guardrail is missing; other versions tell it too.
        let releases = self.registry.versions(&query.name).unwrap_or_default();
        status.kind = releases.last().map(|release| release.kind);
        let (plugin, _) = self.registry.resolve(&query)?;
        let package = self.registry.fetch(&plugin.name, &plugin.version)?;
        status.kind = Some(package.manifest().kind);
        status.summary = Some(package.manifest().summary.clone());
        let ready = self.ready(&package, binding).await?;
        status.identity = Some(ready.identity.clone());
        status.loaded = Some(Arc::clone(&ready.loaded));
        self.enter(ready, binding, table).await
    }

    async fn ready(&self, package: &Package, binding: &Binding) -> Result<Ready, ActivateError> {
        let manifest = package.manifest();
        let limits = binding.limits.over(manifest.limits.over(Limits::DEFAULT));
        let loaded = self
            .sandbox
            .load(LoadRequest {
                plugin: manifest.reference(),
                kind: manifest.kind,
                component: package.component(),
                limits,
                grants: self.grants.grant(manifest, binding)?,
            })
            .await?;
        let settings = self.settle(&loaded, merged(&manifest.settings, &binding.settings)).await?;
        let identity = Identity {
            plugin: manifest.reference(),
            package: package.digest(),
            component: loaded.component_digest(),
            settings: Digest::of(settings.as_bytes()),
        };
        Ok(Ready { loaded, identity, settings })
    }

    /// Checks settings against the plugin's schema and its own word, and makes them canonical.
    async fn settle(&self, loaded: &Arc<LoadedPlugin>, settings: Value) -> Result<Arc<str>, ActivateError> {
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

    async fn enter(&self, ready: Ready, binding: &Binding, table: &mut ActiveTable) -> Result<(), ActivateError> {
        let Ready { loaded, identity, settings } = ready;
        let applies = binding.applies.clone();
        match loaded.kind() {
            PluginKind::ApprovalPolicy => {
                let (client, on_error) = (self.sandbox.policy(&loaded)?, binding.on_error);
                table.policies.push(ActivePolicy { identity, applies, settings, on_error, client });
            }
            PluginKind::CostEstimator => {
                let client = self.sandbox.estimator(&loaded)?;
                table.estimators.push(ActiveEstimator { identity, applies, settings, client });
            }
            PluginKind::Provider => {
                let provider = self.provider(Ready { loaded, identity, settings }).await?;
                let made = provider.description.resource_type.clone();
                if let Some(other) = table.providers.get(&made) {
                    return Err(twice(&provider.identity, made.to_string(), &other.identity));
                }
                table.providers.insert(made, Arc::new(provider));
            }
            PluginKind::TemplateGenerator => {
                let generator = self.generator(Ready { loaded, identity, settings }).await?;
                let made = generator.template.id.clone();
                if let Some(other) = table.generators.get(&made) {
                    return Err(twice(&generator.identity, made.to_string(), &other.identity));
                }
                table.generators.insert(made, Arc::new(generator));
            }
        }
        Ok(())
    }

    async fn provider(&self, Ready { loaded, identity, settings }: Ready) -> Result<ActiveProvider, ActivateError> {
        let client = self.sandbox.provider(&loaded)?;
        let description = client.describe().await.outcome?;
        let spec = Schema::compile(description.spec_schema.clone())
            .map_err(|source| ActivateError::Schema { plugin: identity.plugin.clone(), source })?;
        Ok(ActiveProvider { identity, description, spec, settings, client })
    }

    async fn generator(&self, Ready { loaded, identity, settings }: Ready) -> Result<ActiveGenerator, ActivateError> {
        let client = self.sandbox.generator(&loaded)?;
        let template = client.describe().await.outcome?;
        let parameters = Schema::compile(template.parameters.clone())
            .map_err(|source| ActivateError::Schema { plugin: identity.plugin.clone(), source })?;
        Ok(ActiveGenerator { identity, template, parameters, settings, client })
    }

    /// Loads the version that a resource is pinned to, with what its name's binding grants and sets now.
    pub(crate) async fn load_pinned(
        &self,
        pin: &ProviderPin,
        bindings: &[Binding],
    ) -> Result<ActiveProvider, ActivateError> {
        let package = self.registry.fetch(&pin.plugin.name, &pin.plugin.version)?;
        if package.component().digest() != pin.digest {
            return Err(ActivateError::PinChanged { plugin: pin.plugin.clone() });
        }
        let same_name = |binding: &&Binding| {
            let query = binding.plugin.parse::<VersionQuery>();
            query.is_ok_and(|query| query.name == pin.plugin.name)
        };
        let unbound = || ActivateError::PinUnbound { plugin: pin.plugin.clone() };
        let binding = bindings.iter().find(same_name).ok_or_else(unbound)?;
        let ready = self.ready(&package, binding).await?;
        self.provider(ready).await
    }
}

fn twice(later: &Identity, what: String, earlier: &Identity) -> ActivateError {
    ActivateError::Twice { plugin: later.plugin.clone(), what, other: earlier.plugin.clone() }
}

/// The plugin's defaults with the binding's settings over them, key by key.
fn merged(defaults: &Map<String, Value>, over: &Map<String, Value>) -> Value {
    let mut all = defaults.clone();
    all.extend(over.clone());
    Value::Object(all)
}
