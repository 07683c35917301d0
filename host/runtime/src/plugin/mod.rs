//! A component that is ready to be called: mapped, linked, with its places and limits.

mod mapped;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::limits::{Limits, Usage};
use macadam_core::names::PluginRef;

use crate::admission::Admission;
use crate::capabilities::Grants;
use crate::clients::ContractLine;
use crate::engine::Profile;
pub(crate) use mapped::Mapped;

/// One version of a plugin, loaded. Cheap to share; unloads when the last holder lets go.
pub struct LoadedPlugin {
    pub(crate) identity: PluginRef,
    pub(crate) kind: PluginKind,
    pub(crate) contract: ContractLine,
    pub(crate) component_digest: Digest,
    pub(crate) profile: Profile,
    pub(crate) limits: Limits,
    pub(crate) grants: Arc<Grants>,
    pub(crate) admission: Admission,
    pub(crate) mapped: Mapped,
    /// Whether the last call did more than a slice of work, so that the next starts in the slow lane.
    pub(crate) overran: AtomicBool,
    pub(crate) totals: Totals,
}

/// Upper bounds of the classes of wall time that calls are counted in, in seconds: a decision takes some microseconds, a
/// provider's step may take seconds.
pub const WALL_BOUNDS: [f64; 11] = [0.000_01, 0.000_025, 0.000_1, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.5, 2.0, 10.0];

/// What all calls together came to.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    calls: AtomicU64,
    failures: AtomicU64,
    fuel: AtomicU64,
    wall_ns: AtomicU64,
    /// How many calls took up to each of [`WALL_BOUNDS`] and more than the one before; the last ones took longer.
    wall: [AtomicU64; WALL_BOUNDS.len() + 1],
}

/// What all calls into a plugin since it was loaded came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PluginUsage {
    /// How many calls.
    pub calls: u64,
    /// How many of them gave no answer; that what was asked is refused is one.
    pub failures: u64,
    /// Their fuel.
    pub fuel: u64,
    /// Their wall time in nanoseconds.
    pub wall_ns: u64,
    /// How many took up to each of [`WALL_BOUNDS`] and more than the one before; the last ones took longer.
    pub wall: [u64; WALL_BOUNDS.len() + 1],
    /// How many wait for a place now.
    pub waiting: u64,
}

impl LoadedPlugin {
    /// Which version this is.
    #[must_use]
    pub fn identity(&self) -> &PluginRef {
        &self.identity
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> PluginKind {
        self.kind
    }

    /// Which contract it is of.
    #[must_use]
    pub fn contract(&self) -> ContractLine {
        self.contract
    }

    /// The digest of the component's bytes.
    #[must_use]
    pub fn component_digest(&self) -> Digest {
        self.component_digest
    }

    /// Which engine it runs on.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// What one call may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What all calls together came to.
    #[must_use]
    pub fn usage(&self) -> PluginUsage {
        PluginUsage {
            calls: self.totals.calls.load(Ordering::Relaxed),
            failures: self.totals.failures.load(Ordering::Relaxed),
            fuel: self.totals.fuel.load(Ordering::Relaxed),
            wall_ns: self.totals.wall_ns.load(Ordering::Relaxed),
            wall: std::array::from_fn(|class| self.totals.wall.get(class).map_or(0, |n| n.load(Ordering::Relaxed))),
            waiting: self.admission.waiting(),
        }
    }

    pub(crate) fn note(&self, usage: &Usage, failed: bool) {
        self.totals.calls.fetch_add(1, Ordering::Relaxed);
        self.totals.failures.fetch_add(u64::from(failed), Ordering::Relaxed);
        self.totals.fuel.fetch_add(usage.fuel, Ordering::Relaxed);
        self.totals.wall_ns.fetch_add(usage.wall_ns, Ordering::Relaxed);
        let seconds = Duration::from_nanos(usage.wall_ns).as_secs_f64();
        let class = WALL_BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.totals.wall.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for LoadedPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedPlugin").field("identity", &self.identity).field("profile", &self.profile).finish()
    }
}
