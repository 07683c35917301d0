//! What the host keeps of one call while it runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::limiter::CallLimiter;
use crate::capabilities::log::{LogBudget, clean};
use crate::capabilities::wasi::VirtualWasi;
use crate::clients::v0_2::Asked;
use crate::plugin::LoadedPlugin;

/// Whose work a call is: what its secrets belong to. Pure plugins have none.
#[derive(Debug, Clone, Default)]
pub struct Scope(Option<Arc<str>>);

impl Scope {
    /// The work of a pure plugin.
    pub const NONE: Self = Self(None);

    /// Work on one resource.
    #[must_use]
    pub fn of(id: &str) -> Self {
        Self(Some(Arc::from(id)))
    }

    /// The id of the work.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// The state behind one call's store.
pub(crate) struct CallState {
    pub(crate) plugin: Arc<LoadedPlugin>,
    pub(crate) scope: Scope,
    pub(crate) limiter: CallLimiter,
    pub(crate) log: LogBudget,
    pub(crate) wasi: Option<Box<VirtualWasi>>,
    pub(crate) asked: Asked,
    started: Instant,
}

impl CallState {
    pub(crate) fn new(plugin: Arc<LoadedPlugin>, scope: Scope, started: Instant) -> Self {
        let limiter = CallLimiter::new(&plugin.limits, plugin.profile.max_table());
        let log = LogBudget::new(plugin.limits.log_lines);
        Self { plugin, scope, limiter, log, wasi: None, asked: Asked::Nothing, started }
    }

    /// How much of the call's time is left for a host call to wait.
    pub(crate) fn time_left(&self) -> Duration {
        self.plugin.limits.deadline().saturating_sub(self.started.elapsed())
    }

    /// Writes what a foreign component printed to the log, line by line, as if it had logged it.
    pub(crate) fn log_output(&mut self) {
        let Some(world) = self.wasi.take() else { return };
        for line in world.lines() {
            if self.log.take() {
                let (plugin, line) = (&self.plugin.identity, clean(&line));
                tracing::info!(target: "macadam::plugin", %plugin, "{line}");
            }
        }
    }
}
