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

use wasmtime::component::InstancePre;

pub use estimator::EstimatorClient;
pub use generator::{Generated, GeneratorClient};
pub use plugin::{PluginClient, PluginInfo};
pub use policy::{PolicyClient, PolicyInput};
pub use provider::ProviderClient;

use crate::call::{CallState, Measured};
use crate::errors::LoadError;
use crate::plugin::LoadedPlugin;

/// Looks up an interface's functions in a component, once for all calls: where an export stands is the same in every
/// shard, since all map the same code.
fn look_up<T>(
    plugin: &LoadedPlugin,
    find: impl FnOnce(&InstancePre<CallState>) -> wasmtime::Result<T>,
) -> Result<T, LoadError> {
    let contract = |reason: String| LoadError::Contract { plugin: plugin.identity.clone(), reason };
    let first = plugin.shards.first().ok_or_else(|| contract("it is mapped into no engine".to_owned()))?;
    find(first).map_err(|error| contract(format!("{error:#}")))
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
