//! Linking: what a component gets for its imports.
//!
//! A linker's functions are the same for every component of one engine that may import the same, so each is made once
//! and kept: making one costs as much as mapping a component.

use std::sync::OnceLock;

use macadam_core::kind::PluginKind;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::call::CallState;
use crate::capabilities::wasi;
use crate::clients::v0_1::bindings::macadam::plugin as contract;

/// What a component may import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// The interfaces that act on something outside; only kinds that are not pure have them.
    pub(crate) effects: bool,
    /// The virtual WASI.
    pub(crate) wasi: bool,
}

impl Allowance {
    /// What a kind may import, with WASI if the component asks for it.
    pub(crate) fn of(kind: PluginKind, wasi: bool) -> Self {
        Self { effects: !kind.is_pure(), wasi }
    }
}

/// One engine, with a linker for each allowance, made when the first component needs it.
pub(crate) struct Shard {
    engine: Engine,
    linkers: [OnceLock<Linker<CallState>>; 4],
}

impl Shard {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, linkers: [const { OnceLock::new() }; 4] }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Links a component with what it may import, and nothing else.
    pub(crate) fn link(&self, component: &Component, may: Allowance) -> wasmtime::Result<InstancePre<CallState>> {
        let place = usize::from(may.effects) + 2 * usize::from(may.wasi);
        let slot = self.linkers.get(place).ok_or_else(|| wasmtime::Error::msg("no such allowance"))?;
        if let Some(linker) = slot.get() {
            return linker.instantiate_pre(component);
        }
        let linker = linker(&self.engine, may)?;
        slot.get_or_init(|| linker).instantiate_pre(component)
    }
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").finish_non_exhaustive()
    }
}

fn linker(engine: &Engine, may: Allowance) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    contract::log::add_to_linker::<CallState, HasSelf<_>>(&mut linker, |state| state)?;
    if may.effects {
        contract::secrets::add_to_linker::<CallState, HasSelf<_>>(&mut linker, |state| state)?;
        contract::sql::add_to_linker::<CallState, HasSelf<_>>(&mut linker, |state| state)?;
        contract::files::add_to_linker::<CallState, HasSelf<_>>(&mut linker, |state| state)?;
    }
    if may.wasi {
        wasi::add_to_linker(&mut linker)?;
    }
    Ok(linker)
}
