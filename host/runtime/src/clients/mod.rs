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

use std::sync::Arc;

use wasmtime::component::InstancePre;

pub use estimator::EstimatorClient;
pub use generator::{Generated, GeneratorClient};
pub use plugin::{PluginClient, PluginInfo};
pub use policy::{PolicyClient, PolicyInput};
pub use provider::ProviderClient;

use crate::call::{CallState, Measured};
use crate::errors::LoadError;
use crate::plugin::LoadedPlugin;

/// Where an interface's functions stand in a component, for each shard it is mapped into.
struct Exports<T>(Arc<[T]>);

impl<T> Clone for Exports<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Exports<T> {
    /// Looks the functions up, once for all calls.
    fn look_up(
        plugin: &LoadedPlugin,
        find: impl Fn(&InstancePre<CallState>) -> wasmtime::Result<T>,
    ) -> Result<Self, LoadError> {
        let found = plugin.shards.iter().map(find).collect::<wasmtime::Result<Vec<_>>>();
        let contract = |error| LoadError::Contract { plugin: plugin.identity.clone(), reason: format!("{error:#}") };
        Ok(Self(found.map_err(contract)?.into()))
    }

    /// The functions in one shard.
    fn at(&self, shard: usize) -> wasmtime::Result<&T> {
        self.0.get(shard).ok_or_else(|| wasmtime::Error::msg("the plugin is not mapped into this engine"))
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
