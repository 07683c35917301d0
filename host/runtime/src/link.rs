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
use crate::clients::ContractLine;
use crate::clients::v0_1::bindings::macadam::plugin as v0_1;
use crate::clients::v0_2::bindings::macadam::plugin as v0_2;

/// What a component may import: what its kind may, in every version of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) kind: PluginKind,
    /// The virtual WASI.
    pub(crate) wasi: bool,
}

impl Allowance {
    /// What a kind may import, with WASI if the component asks for it.
    pub(crate) fn of(kind: PluginKind, wasi: bool) -> Self {
        Self { kind, wasi }
    }
}

/// How many different allowances there are.
const ALLOWANCES: usize = 2 * PluginKind::ALL.len();

/// One engine, with a linker for each allowance, made when the first component needs it.
pub(crate) struct Shard {
    engine: Engine,
    linkers: [OnceLock<Linker<CallState>>; ALLOWANCES],
}

impl Shard {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, linkers: [const { OnceLock::new() }; ALLOWANCES] }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Links a component with what it may import, and nothing else.
    pub(crate) fn link(&self, component: &Component, may: Allowance) -> wasmtime::Result<InstancePre<CallState>> {
        let place = 2 * may.kind as usize + usize::from(may.wasi);
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
    for interface in may.kind.allowed_imports() {
        offer(&mut linker, interface)?;
    }
    if may.wasi {
        wasi::add_to_linker(&mut linker)?;
    }
    Ok(linker)
}

/// Offers one of the contract's interfaces, in each version that has it. What did not change between versions has one
/// implementation under several names; `types` holds no functions.
fn offer(linker: &mut Linker<CallState>, interface: &str) -> wasmtime::Result<()> {
    type Host = HasSelf<CallState>;
    fn state(state: &mut CallState) -> &mut CallState {
        state
    }
    match interface {
        "request" => v0_2::request::add_to_linker::<_, Host>(linker, state),
        "context" => v0_2::context::add_to_linker::<_, Host>(linker, state),
        unchanged => ContractLine::ALL.into_iter().try_for_each(|line| {
            let mut instance = linker.instance(&line.interface(unchanged))?;
            match unchanged {
                "log" => v0_1::log::add_to_linker_instance::<_, Host>(&mut instance, state),
                "secrets" => v0_1::secrets::add_to_linker_instance::<_, Host>(&mut instance, state),
                "sql" => v0_1::sql::add_to_linker_instance::<_, Host>(&mut instance, state),
                "files" => v0_1::files::add_to_linker_instance::<_, Host>(&mut instance, state),
                _ => Ok(()),
            }
        }),
    }
}
