//! Typed clients, one per plugin kind: the only way into a component.
//!
//! Each version of the contract has a folder with its bindings and the turns from and into the domain's types; what is
//! alike in all of them is written once, in `unchanged/`. Which version a component is of is found once, when it is
//! loaded. A caller sees the clients here and never learns it.

mod contract;
mod estimator;
mod generator;
mod plugin;
mod policy;
mod provider;
pub(crate) mod v0_1;
pub(crate) mod v0_2;

use std::sync::{Arc, OnceLock};

use wasmtime::component::InstancePre;

pub use contract::ContractLine;
pub use estimator::EstimatorClient;
pub use generator::{Generated, GeneratorClient};
pub use plugin::{PluginClient, PluginInfo};
pub(crate) use policy::Texts;
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

/// An interface's functions in the version of the contract that the component is of.
enum Served<A, B> {
    V0_1(Exports<A>),
    V0_2(Exports<B>),
}

impl<A, B> Clone for Served<A, B> {
    fn clone(&self) -> Self {
        match self {
            Self::V0_1(exports) => Self::V0_1(exports.clone()),
            Self::V0_2(exports) => Self::V0_2(exports.clone()),
        }
    }
}

impl<A, B> Served<A, B> {
    /// Looks the functions up with the bindings of the plugin's own version.
    fn look_up(
        plugin: &LoadedPlugin,
        v0_1: fn(&InstancePre<CallState>) -> wasmtime::Result<A>,
        v0_2: fn(&InstancePre<CallState>) -> wasmtime::Result<B>,
    ) -> Result<Self, LoadError> {
        match plugin.contract {
            ContractLine::V0_1 => Exports::look_up(plugin, v0_1).map(Self::V0_1),
            ContractLine::V0_2 => Exports::look_up(plugin, v0_2).map(Self::V0_2),
        }
    }
}

/// Runs the same code against the bindings of whichever version a component is of, for what all versions have alike.
macro_rules! in_its_contract {
    ($served:expr, $contract:ident, $exports:ident => $code:block) => {
        match &$served {
            $crate::clients::Served::V0_1($exports) => {
                use $crate::clients::v0_1 as $contract;
                $code
            }
            $crate::clients::Served::V0_2($exports) => {
                use $crate::clients::v0_2 as $contract;
                $code
            }
        }
    };
}
use in_its_contract;

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
