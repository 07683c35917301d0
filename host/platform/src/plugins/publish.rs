//! Publishing a version: everything that activating it would need is checked first, and nothing becomes active.

use std::sync::Arc;

use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::limits::Limits;
use macadam_core::names::PluginRef;
use macadam_registry::{Deprecation, Expected, Package, ReadError, read};
use macadam_runtime::LoadedPlugin;
use macadam_runtime::capabilities::Grants;
use serde_json::Value;

use crate::plugins::load::{ActivateError, Loader};
use crate::schema::Schema;

/// Why a package is not published. The registry is as it was.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It is no package, or not a sound one.
    #[error("the package is refused: {0}")]
    Package(#[from] ReadError),
    /// Its component cannot be loaded, or failed when it was asked about itself.
    #[error("the plugin is refused: {0}")]
    Plugin(#[from] ActivateError),
    /// The work was cut off.
    #[error("publishing was cut off: {0}")]
    CutOff(#[from] tokio::task::JoinError),
}

/// A version that was published.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct PublishedVersion {
    /// Name and version.
    #[serde(flatten)]
    pub plugin: PluginRef,
    /// What it is for.
    pub kind: PluginKind,
    /// The contract it was built for.
    pub contract: String,
    /// The package.
    pub package: Digest,
    /// The component in it.
    pub component: Digest,
    /// Whether the same bytes were there already.
    pub already: bool,
    /// What is said of it, which can only be said of its plugin when it is new.
    pub deprecated: Option<Deprecation>,
}

impl PublishedVersion {
    pub(super) fn of(package: &Package, already: bool, deprecated: Option<Deprecation>) -> Self {
        let manifest = package.manifest();
        Self {
            plugin: manifest.reference(),
            kind: manifest.kind,
            contract: manifest.contract.to_string(),
            package: package.digest(),
            component: package.component().digest(),
            already,
            deprecated,
        }
    }
}

impl Loader {
    /// Reads a package from a stranger.
    ///
    /// # Errors
    /// [`PublishError::Package`] says what is wrong with it.
    pub async fn read_package(&self, archive: Vec<u8>) -> Result<Package, PublishError> {
        Ok(tokio::task::spawn_blocking(move || read(archive.as_slice(), &Expected::default())).await??)
    }

    /// Checks what activating a package would need: that it compiles and links, describes itself, and accepts the
    /// settings that it brings along. Grants are not at hand, since describing needs none.
    ///
    /// # Errors
    /// [`PublishError::Plugin`] says what is wrong with it.
    pub async fn check(&self, package: &Package) -> Result<(), PublishError> {
        let limits = package.manifest().limits.over(Limits::DEFAULT);
        let loaded = self.sandboxed(package, limits, Arc::new(Grants::default())).await.map_err(ActivateError::from)?;
        self.check_settings(&loaded, package).await?;
        self.check_description(&loaded).await?;
        Ok(())
    }

    /// The settings of the manifest must fit. Where some are missing that only a binding can give, the plugin itself is
    /// not asked about the others.
    async fn check_settings(&self, loaded: &Arc<LoadedPlugin>, package: &Package) -> Result<(), ActivateError> {
        let defaults = &package.manifest().settings;
        let mut schema = self.sandbox.plugin(loaded)?.describe().await.outcome?.settings_schema;
        let required = schema.as_object_mut().and_then(|schema| schema.remove("required"));
        let required = required.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if required.iter().filter_map(Value::as_str).all(|name| defaults.contains_key(name)) {
            return self.settle(loaded, Value::Object(defaults.clone())).await.map(drop);
        }
        let plugin = loaded.identity().clone();
        let schema =
            Schema::compile(schema).map_err(|source| ActivateError::Schema { plugin: plugin.clone(), source })?;
        let fits = schema.complete("", Value::Object(defaults.clone()));
        fits.map(drop).map_err(|violations| ActivateError::Settings { plugin, violations })
    }

    async fn check_description(&self, loaded: &Arc<LoadedPlugin>) -> Result<(), ActivateError> {
        let schema = match loaded.kind() {
            PluginKind::Provider => self.sandbox.provider(loaded)?.describe().await.outcome?.spec_schema,
            PluginKind::TemplateGenerator => self.sandbox.generator(loaded)?.describe().await.outcome?.parameters,
            PluginKind::ApprovalPolicy | PluginKind::CostEstimator => return Ok(()),
        };
        let plugin = loaded.identity().clone();
        Schema::compile(schema).map(drop).map_err(|source| ActivateError::Schema { plugin, source })
    }
}
