//! A component that is ready to be called: mapped, linked, with its places and limits.

mod mapped;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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

/// What all calls together came to.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    calls: AtomicU64,
    failures: AtomicU64,
    fuel: AtomicU64,
    wall_ns: AtomicU64,
}

/// What all calls into a plugin since it was loaded came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PluginUsage {
    /// How many calls.
    pub calls: u64,
    /// How many of them gave no value.
    pub failures: u64,
    /// Their fuel.
    pub fuel: u64,
    /// Their wall time in nanoseconds.
    pub wall_ns: u64,
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
        }
    }

    pub(crate) fn note(&self, usage: &Usage, failed: bool) {
        self.totals.calls.fetch_add(1, Ordering::Relaxed);
        self.totals.failures.fetch_add(u64::from(failed), Ordering::Relaxed);
        self.totals.fuel.fetch_add(usage.fuel, Ordering::Relaxed);
        self.totals.wall_ns.fetch_add(usage.wall_ns, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for LoadedPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedPlugin").field("identity", &self.identity).field("profile", &self.profile).finish()
    }
}
