//! The sandbox as a whole: what turns a component's bytes into something that can be called.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::limits::Limits;
use macadam_core::names::PluginRef;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::admission::Admission;
use crate::call::{CallState, Lanes};
use crate::capabilities::{Grants, wasi};
use crate::clients::v0_1::bindings::macadam::plugin as contract;
use crate::clients::{EstimatorClient, GeneratorClient, PluginClient, PolicyClient, ProviderClient};
use crate::compiled::{CodeCache, Compiler};
use crate::engine::{Engines, Profile, Shape};
use crate::errors::LoadError;
use crate::plugin::{LoadedPlugin, Totals};

/// How the sandbox is set up.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where compiled code is kept.
    pub cache: PathBuf,
    /// Where components are compiled.
    pub compiler: Compiler,
    /// How many threads make calls; one engine each, up to four.
    pub workers: usize,
    /// The most that any plugin gets, whatever its manifest says.
    pub cap: Limits,
    /// How long a call waits for a place before it is refused.
    pub longest_wait: Duration,
}

/// A component to load.
#[derive(Debug)]
pub struct LoadRequest<'a> {
    /// Which version it is.
    pub plugin: PluginRef,
    /// What it is for.
    pub kind: PluginKind,
    /// Its bytes.
    pub component: &'a [u8],
    /// What its calls may use, before the host's cap.
    pub limits: Limits,
    /// What it was granted.
    pub grants: Arc<Grants>,
}

/// Loads components and hands out clients that call them.
#[derive(Debug)]
pub struct Sandbox {
    engines: Engines,
    lanes: Arc<Lanes>,
    cache: CodeCache,
    config: SandboxConfig,
}

impl Sandbox {
    /// Starts the sandbox.
    ///
    /// # Errors
    /// When the cache cannot be opened or the slow lane's threads cannot be started.
    pub fn start(config: SandboxConfig) -> std::io::Result<Self> {
        let cache = CodeCache::open(&config.cache)?;
        let lanes = Arc::new(Lanes::start(config.workers)?);
        Ok(Self { engines: Engines::new(config.workers), lanes, cache, config })
    }

    /// Makes a component ready to be called: validated, compiled or taken from the cache, linked, and its functions
    /// checked against its kind.
    ///
    /// # Errors
    /// [`LoadError`] says whether the component or the host is at fault. Nothing of it stays behind.
    pub async fn load(&self, request: LoadRequest<'_>) -> Result<Arc<LoadedPlugin>, LoadError> {
        let plugin = request.plugin.clone();
        let host = |error: wasmtime::Error| LoadError::Host { plugin: plugin.clone(), reason: format!("{error:#}") };
        let shape = Shape::of(request.component)
            .map_err(|error| LoadError::Malformed { plugin: plugin.clone(), reason: error.to_string() })?;
        let limits = request.limits.capped(&self.config.cap);
        check_size(&plugin, &shape, &limits)?;
        let profile = Profile::for_shape(&shape, limits.memory_bytes);
        let shards = self.engines.of(profile).map_err(host)?;
        let digest = Digest::of(request.component);
        let components = self.code(&request, &digest, profile, shards.engines()).await?;
        let loaded = LoadedPlugin {
            identity: request.plugin,
            kind: request.kind,
            component_digest: digest,
            profile,
            limits,
            grants: request.grants,
            admission: Admission::new(limits.concurrency, shards.places().clone(), self.config.longest_wait),
            shards: link(&plugin, request.kind, &shape, &components)?,
            overran: false.into(),
            totals: Totals::default(),
        };
        let loaded = Arc::new(loaded);
        self.check_functions(&loaded)?;
        Ok(loaded)
    }

    async fn code(
        &self,
        request: &LoadRequest<'_>,
        digest: &Digest,
        profile: Profile,
        engines: &[Engine],
    ) -> Result<Vec<Component>, LoadError> {
        if let Some(components) = self.cache.load(digest, engines) {
            return Ok(components);
        }
        let plugin = &request.plugin;
        let host = |reason: String| LoadError::Host { plugin: plugin.clone(), reason };
        let engine = engines.first().ok_or_else(|| host("there is no engine".to_owned()))?;
        let code = self.config.compiler.compile(engine, profile, request.component).await;
        let code = code.map_err(|error| LoadError::Compile { plugin: plugin.clone(), reason: error.to_string() })?;
        self.cache.store(digest, engine, &code).map_err(|error| host(error.to_string()))?;
        self.cache.load(digest, engines).ok_or_else(|| host("its code was compiled but cannot be mapped".to_owned()))
    }

    /// Looks up the functions of the plugin's kind, so that a missing one shows now and not in a request.
    fn check_functions(&self, plugin: &Arc<LoadedPlugin>) -> Result<(), LoadError> {
        self.plugin(plugin)?;
        match plugin.kind {
            PluginKind::ApprovalPolicy => self.policy(plugin).map(drop),
            PluginKind::CostEstimator => self.estimator(plugin).map(drop),
            PluginKind::Provider => self.provider(plugin).map(drop),
            PluginKind::TemplateGenerator => self.generator(plugin).map(drop),
        }
    }

    /// A client for what every kind has.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when the component does not export it.
    pub fn plugin(&self, plugin: &Arc<LoadedPlugin>) -> Result<PluginClient, LoadError> {
        PluginClient::new(Arc::clone(plugin), Arc::clone(&self.lanes))
    }

    /// A client for a policy.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when it is none.
    pub fn policy(&self, plugin: &Arc<LoadedPlugin>) -> Result<PolicyClient, LoadError> {
        PolicyClient::new(Arc::clone(plugin), Arc::clone(&self.lanes))
    }

    /// A client for an estimator.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when it is none.
    pub fn estimator(&self, plugin: &Arc<LoadedPlugin>) -> Result<EstimatorClient, LoadError> {
        EstimatorClient::new(Arc::clone(plugin), Arc::clone(&self.lanes))
    }

    /// A client for a provider.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when it is none.
    pub fn provider(&self, plugin: &Arc<LoadedPlugin>) -> Result<ProviderClient, LoadError> {
        ProviderClient::new(Arc::clone(plugin), Arc::clone(&self.lanes))
    }

    /// A client for a generator.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when it is none.
    pub fn generator(&self, plugin: &Arc<LoadedPlugin>) -> Result<GeneratorClient, LoadError> {
        GeneratorClient::new(Arc::clone(plugin), Arc::clone(&self.lanes))
    }
}

fn check_size(plugin: &PluginRef, shape: &Shape, limits: &Limits) -> Result<(), LoadError> {
    let too_large = |what, needed, limit| LoadError::TooLarge { plugin: plugin.clone(), what, needed, limit };
    let table_limit = Profile::Roomy.max_table() as u64;
    if shape.initial_memory > limits.memory_bytes {
        return Err(too_large("bytes of memory", shape.initial_memory, limits.memory_bytes));
    }
    if shape.table_elements > table_limit {
        return Err(too_large("table elements", shape.table_elements, table_limit));
    }
    Ok(())
}

/// Links a component in every shard with what its kind may import, and nothing else.
fn link(
    plugin: &PluginRef,
    kind: PluginKind,
    shape: &Shape,
    components: &[Component],
) -> Result<Vec<InstancePre<CallState>>, LoadError> {
    let contract =
        |error: wasmtime::Error| LoadError::Contract { plugin: plugin.clone(), reason: format!("{error:#}") };
    let link_one = |component: &Component| {
        let mut linker = Linker::new(component.engine());
        contract::log::add_to_linker::<CallState, HasSelf<_>>(&mut linker, |state| state)?;
        if !kind.is_pure() {
            contract::secrets::add_to_linker::<CallState, HasSelf<_>>(&mut linker, |state| state)?;
            contract::sql::add_to_linker::<CallState, HasSelf<_>>(&mut linker, |state| state)?;
            contract::files::add_to_linker::<CallState, HasSelf<_>>(&mut linker, |state| state)?;
        }
        if shape.imports_wasi {
            wasi::add_to_linker(&mut linker)?;
        }
        linker.instantiate_pre(component)
    };
    components.iter().map(link_one).collect::<Result<_, _>>().map_err(contract)
}
