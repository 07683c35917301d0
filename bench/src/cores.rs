//! Which core a thread runs on. Without pinning, the system moves threads around and the figures with them.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores that this process may use.
#[derive(Debug, Clone)]
pub(crate) struct Cores(Vec<usize>);

impl Cores {
    /// Asks for them; call it before anything is pinned.
    pub(crate) fn available() -> anyhow::Result<Self> {
        let set = sched_getaffinity(None)?;
        Ok(Self((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()))
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Keeps the current thread, and the threads it starts from now on, on one of them, counted from zero and around.
    pub(crate) fn pin(&self, index: usize) -> anyhow::Result<()> {
        let core = self.0.get(index % self.0.len().max(1)).copied().unwrap_or_default();
        let mut set = CpuSet::new();
        set.set(core);
        Ok(sched_setaffinity(None, &set)?)
    }

    /// Lets the current thread run on all of them again.
    pub(crate) fn unpin(&self) -> anyhow::Result<()> {
        let mut set = CpuSet::new();
        self.0.iter().for_each(|core| set.set(*core));
        Ok(sched_setaffinity(None, &set)?)
    }
}
