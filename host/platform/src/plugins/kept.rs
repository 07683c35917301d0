//! What was active lately and stays loaded, so that going back to it needs nothing but a swap.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use macadam_core::names::BindingName;

use crate::plugins::{BindingSpec, PluginStatus};

/// For how long.
const KEPT: Duration = Duration::from_secs(15 * 60);

/// How many at most: many swaps in a row must not hold as many versions.
const AT_MOST: usize = 32;

/// What was active lately.
#[derive(Default)]
pub(super) struct Kept(Mutex<VecDeque<(Instant, Arc<PluginStatus>)>>);

impl Kept {
    /// Keeps what is replaced. Of one that was in force and is the same again, the later counts.
    pub(super) fn keep(&self, status: Arc<PluginStatus>) {
        if status.failure().is_some() {
            return;
        }
        let mut kept = self.fresh();
        kept.retain(|(_, other)| !same(other, &status));
        kept.push_back((Instant::now(), status));
        if kept.len() > AT_MOST {
            kept.pop_front();
        }
    }

    /// What was loaded for exactly this.
    pub(super) fn find(&self, name: &BindingName, desired: &BindingSpec) -> Option<Arc<PluginStatus>> {
        let version = desired.version.as_ref()?;
        let is_it = |status: &PluginStatus| {
            let loaded = status.identity().map(|identity| &identity.plugin.version);
            status.name == *name && *status.binding == desired.binding && loaded == Some(version)
        };
        self.fresh().iter().rev().map(|(_, status)| status).find(|status| is_it(status)).cloned()
    }

    /// Lets go of all of it: what held when it was loaded may hold no more.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Lets go of what was kept long enough.
    pub(super) fn let_go(&self) {
        drop(self.fresh());
    }

    fn fresh(&self) -> MutexGuard<'_, VecDeque<(Instant, Arc<PluginStatus>)>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(since, _)| since.elapsed() < KEPT);
        kept
    }
}

fn same(one: &PluginStatus, other: &PluginStatus) -> bool {
    one.name == other.name && one.binding == other.binding && one.identity() == other.identity()
}
