//! `wasi:*` 0.2 for components of other toolchains: a world in which nothing is there and time stands still until
//! somebody waits. A component that was built with the SDK imports none of it.

use wasmtime::component::Linker;

use crate::call::CallState;

/// The virtual world of one call.
#[derive(Debug, Default)]
pub(crate) struct VirtualWasi;

pub(crate) fn add_to_linker(_linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    Ok(())
}
