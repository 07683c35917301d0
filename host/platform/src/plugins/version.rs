//! One version, loaded, with its settings: what can be asked.

use std::sync::Arc;

use async_trait::async_trait;
use macadam_core::digest::Digest;
use macadam_core::names::PluginRef;
use macadam_core::plan::ResourceDescription;
use macadam_core::project::Template;
use macadam_runtime::clients::{EstimatorClient, GeneratorClient, PolicyClient, ProviderClient};
use macadam_runtime::{LoadedPlugin, Sandbox};

use crate::plugins::ActivateError;
use crate::schema::Schema;

/// Exactly what is asked: version, bytes and settings.
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

/// One version of a plugin, ready to be asked.
pub struct Version<F> {
    /// What it is.
    pub identity: Identity,
    /// Its settings, ready to hand over.
    pub settings: Arc<str>,
    /// The component.
    pub loaded: Arc<LoadedPlugin>,
    /// How it is asked.
    pub face: F,
}

/// A provider, with what it says that it makes.
pub struct Provider {
    /// What it makes.
    pub description: ResourceDescription,
    /// What its specifications look like.
    pub spec: Schema,
    /// How to call it.
    pub client: ProviderClient,
}

/// A generator, with the golden path that it offers.
pub struct Generator {
    /// What it offers.
    pub template: Template,
    /// What its parameters look like.
    pub parameters: Schema,
    /// How to call it.
    pub client: GeneratorClient,
}

/// How versions of one kind are asked.
#[async_trait]
pub(crate) trait Face: Sized + Send + Sync + 'static {
    /// Whether calls can change something outside of the sandbox.
    const HAS_EFFECTS: bool = false;

    /// Looks up a loaded component's functions, and asks it what it makes.
    async fn of(sandbox: &Sandbox, loaded: &Arc<LoadedPlugin>) -> Result<Self, ActivateError>;

    /// What only one binding may make: a resource type, a template.
    fn makes(&self) -> Option<&str> {
        None
    }
}

#[async_trait]
impl Face for PolicyClient {
    async fn of(sandbox: &Sandbox, loaded: &Arc<LoadedPlugin>) -> Result<Self, ActivateError> {
        Ok(sandbox.policy(loaded)?)
    }
}

#[async_trait]
impl Face for EstimatorClient {
    async fn of(sandbox: &Sandbox, loaded: &Arc<LoadedPlugin>) -> Result<Self, ActivateError> {
        Ok(sandbox.estimator(loaded)?)
    }
}

#[async_trait]
impl Face for Provider {
    const HAS_EFFECTS: bool = true;

    async fn of(sandbox: &Sandbox, loaded: &Arc<LoadedPlugin>) -> Result<Self, ActivateError> {
        let client = sandbox.provider(loaded)?;
        let description = client.describe().await.outcome?;
        let spec = compiled(loaded, description.spec_schema.clone())?;
        Ok(Self { description, spec, client })
    }

    fn makes(&self) -> Option<&str> {
        Some(self.description.resource_type.as_str())
    }
}

#[async_trait]
impl Face for Generator {
    async fn of(sandbox: &Sandbox, loaded: &Arc<LoadedPlugin>) -> Result<Self, ActivateError> {
        let client = sandbox.generator(loaded)?;
        let template = client.describe().await.outcome?;
        let parameters = compiled(loaded, template.parameters.clone())?;
        Ok(Self { template, parameters, client })
    }

    fn makes(&self) -> Option<&str> {
        Some(self.template.id.as_str())
    }
}

fn compiled(loaded: &Arc<LoadedPlugin>, schema: serde_json::Value) -> Result<Schema, ActivateError> {
    let plugin = || loaded.identity().clone();
    Schema::compile(schema).map_err(|source| ActivateError::Schema { plugin: plugin(), source })
}
