//! Typed clients, one per plugin kind: the only way into a component.
//!
//! Each version of the contract has a folder with its bindings and the turns from and into the domain's types. A caller
//! sees the clients here and never learns which version a component was built for.

mod estimator;
mod generator;
mod plugin;
mod policy;
mod provider;
pub(crate) mod v0_1;

use std::sync::{Arc, OnceLock};

use wasmtime::component::InstancePre;

pub use estimator::EstimatorClient;
pub use generator::{Generated, GeneratorClient};
pub use plugin::{PluginClient, PluginInfo};
pub use policy::{PolicyClient, PolicyInput};
pub use provider::ProviderClient;

use crate::call::{CallState, Entered, Measured};
use crate::errors::LoadError;
use crate::plugin::LoadedPlugin;

/// Where an interface's functions stand in a component: looked up once in each shard, for all its calls.
struct Exports<T> {
    find: fn(&InstancePre<CallState>) -> wasmtime::Result<T>,
    found: Arc<[OnceLock<T>]>,
}

impl<T> Clone for Exports<T> {
    fn clone(&self) -> Self {
        Self { find: self.find, found: Arc::clone(&self.found) }
    }
}

impl<T> Exports<T> {
    /// Looks the functions up in the first shard, so that a missing one shows now and not in a request.
    fn look_up(
        plugin: &LoadedPlugin,
        find: fn(&InstancePre<CallState>) -> wasmtime::Result<T>,
    ) -> Result<Self, LoadError> {
        let contract = |error| LoadError::Contract { plugin: plugin.identity.clone(), reason: format!("{error:#}") };
        let home = find(plugin.mapped.home()).map_err(contract)?;
        let rest = (1..plugin.mapped.shards()).map(|_| OnceLock::new());
        Ok(Self { find, found: std::iter::once(OnceLock::from(home)).chain(rest).collect() })
    }

    /// The functions in the shard of an instance.
    fn at(&self, entered: &Entered) -> wasmtime::Result<&T> {
        let slot = self.found.get(entered.shard).ok_or_else(|| wasmtime::Error::msg("no such engine"))?;
        if let Some(found) = slot.get() {
            return Ok(found);
        }
        let found = (self.find)(&entered.pre)?;
        Ok(slot.get_or_init(|| found))
    }
}

impl Measured for String {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }
}

impl<T: Measured> Measured for Vec<T> {
    fn bytes(&self) -> u64 {
        self.iter().map(Measured::bytes).sum()
    }
}

impl Measured for () {
    fn bytes(&self) -> u64 {
        0
    }
}
