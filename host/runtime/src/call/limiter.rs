//! Memory and tables: all of a component's memories count together, and the most is remembered.

use macadam_core::limits::Limits;
use wasmtime::ResourceLimiter;

use crate::call::failure::Stop;

/// What one call may still take.
#[derive(Debug)]
pub(crate) struct CallLimiter {
    memory: usize,
    max_memory: usize,
    max_table: usize,
}

impl CallLimiter {
    pub(crate) fn new(limits: &Limits, max_table: usize) -> Self {
        let max_memory = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
        Self { memory: 0, max_memory, max_table }
    }

    /// Memory never shrinks, so what is there at the end is the most there was.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory as u64
    }
}

impl ResourceLimiter for CallLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let after = self.memory.saturating_add(desired.saturating_sub(current));
        // An error ends the call as what it is. Answering "no" would end it as whatever the guest's allocator makes of
        // that, mostly a trap without a reason.
        if after > self.max_memory {
            return Err(Stop::Memory.into());
        }
        self.memory = after;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.max_table { Err(Stop::Table.into()) } else { Ok(true) }
    }
}
