//! The sandbox as a whole: what turns a component's bytes into something that can be called.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use macadam_core::digest::Blob;
use macadam_core::kind::PluginKind;
use macadam_core::limits::Limits;
use macadam_core::names::PluginRef;
use semver::Version;
use tokio::sync::Semaphore;
use wasmtime::Engine;

use crate::admission::Admission;
use crate::call::Lanes;
use crate::capabilities::Grants;
use crate::clients::{ContractLine, EstimatorClient, GeneratorClient, PluginClient, PolicyClient, ProviderClient};
use crate::compiled::{CodeCache, CodeFile, Compiler};
use crate::engine::{Engines, Profile, Shape};
use crate::errors::LoadError;
use crate::link::{Allowance, Shard};
use crate::plugin::{LoadedPlugin, Mapped, Totals};

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
    /// The version of the contract that its manifest declares, which decides when the component is of several; the
    /// newest of them when there is no manifest.
    pub contract: Option<&'a Version>,
    /// Its bytes.
    pub component: &'a Blob,
    /// What its calls may use, before the host's cap.
    pub limits: Limits,
    /// What it was granted.
    pub grants: Arc<Grants>,
}

/// Loads components and hands out clients that call them.
#[derive(Debug)]
pub struct Sandbox {
    engines: Engines,
    shards: [OnceLock<Arc<[Shard]>>; Profile::ALL.len()],
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
        let shards = [const { OnceLock::new() }; Profile::ALL.len()];
        Ok(Self { engines: Engines::new(config.workers), shards, lanes, cache, config })
    }

    /// Makes a component ready to be called: validated and compiled, or known from before, linked, and its functions
    /// checked against its kind.
    ///
    /// # Errors
    /// [`LoadError`] says whether the component or the host is at fault. Nothing of it stays behind.
    pub async fn load(&self, request: LoadRequest<'_>) -> Result<Arc<LoadedPlugin>, LoadError> {
        let plugin = request.plugin.clone();
        let shape = self.shape(&request)?;
        let limits = request.limits.capped(&self.config.cap);
        check_size(&plugin, &shape, &limits)?;
        let profile = Profile::for_shape(&shape, limits.memory_bytes);
        let host = |error| LoadError::Host { plugin: plugin.clone(), reason: format!("{error:#}") };
        let (shards, places) = self.shards_of(profile).map_err(host)?;
        let may = Allowance::of(request.kind, shape.imports_wasi);
        let (mapped, contract) = self.map(&request, profile, may, shards).await?;
        let loaded = LoadedPlugin {
            identity: request.plugin,
            kind: request.kind,
            contract,
            component_digest: request.component.digest(),
            profile,
            limits,
            grants: request.grants,
            admission: Admission::new(limits.concurrency, places, self.config.longest_wait),
            mapped,
            overran: false.into(),
            totals: Totals::default(),
        };
        let loaded = Arc::new(loaded);
        self.check_functions(&loaded)?;
        Ok(loaded)
    }

    /// What the component needs. It is validated once; afterwards its digest stands for that.
    fn shape(&self, request: &LoadRequest<'_>) -> Result<Shape, LoadError> {
        let digest = request.component.digest();
        if let Some(shape) = self.cache.shape(&digest) {
            return Ok(shape);
        }
        let plugin = || request.plugin.clone();
        let shape = Shape::of(request.component.bytes())
            .map_err(|error| LoadError::Malformed { plugin: plugin(), reason: error.to_string() })?;
        self.cache
            .keep_shape(&digest, &shape)
            .map_err(|error| LoadError::Host { plugin: plugin(), reason: error.to_string() })?;
        Ok(shape)
    }

    fn shards_of(&self, profile: Profile) -> wasmtime::Result<(&Arc<[Shard]>, Arc<Semaphore>)> {
        let engines = self.engines.of(profile)?;
        let slot = self.shards.get(profile as usize).ok_or_else(|| wasmtime::Error::msg("no such profile"))?;
        let shards = slot.get_or_init(|| engines.engines().iter().cloned().map(Shard::new).collect());
        Ok((shards, Arc::clone(engines.places())))
    }

    /// The component's code, mapped and linked in the first shard, and the contract that it is of.
    async fn map(
        &self,
        request: &LoadRequest<'_>,
        profile: Profile,
        may: Allowance,
        shards: &Arc<[Shard]>,
    ) -> Result<(Mapped, ContractLine), LoadError> {
        let plugin = &request.plugin;
        let host = |error| LoadError::Host { plugin: plugin.clone(), reason: format!("{error:#}") };
        let contract = |error| LoadError::Contract { plugin: plugin.clone(), reason: format!("{error:#}") };
        let first = shards.first().ok_or_else(|| host(wasmtime::Error::msg("there is no engine")))?;
        let code = self.code(request, profile, first.engine()).await?;
        let component = code.map(first.engine()).map_err(host)?;
        let home = first.link(&component, may).map_err(contract)?;
        let line = ContractLine::of(&component, request.kind, request.contract)
            .map_err(|reason| LoadError::Contract { plugin: plugin.clone(), reason })?;
        Ok((Mapped::new(home, code, may, Arc::clone(shards)), line))
    }

    /// The component's code, from the cache or compiled into it.
    async fn code(&self, request: &LoadRequest<'_>, profile: Profile, engine: &Engine) -> Result<CodeFile, LoadError> {
        let digest = request.component.digest();
        if let Some(code) = self.cache.code(&digest, engine) {
            return Ok(code);
        }
        let plugin = &request.plugin;
        let host = |reason: String| LoadError::Host { plugin: plugin.clone(), reason };
        let code = self.config.compiler.compile(engine, profile, request.component.bytes()).await;
        let code = code.map_err(|error| LoadError::Compile { plugin: plugin.clone(), reason: error.to_string() })?;
        self.cache.keep_code(&digest, engine, &code).map_err(|error| host(error.to_string()))?;
        self.cache.code(&digest, engine).ok_or_else(|| host("its code was compiled and is gone again".to_owned()))
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
