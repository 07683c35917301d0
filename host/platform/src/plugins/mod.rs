//! Which plugin versions are active, what for, and with which settings.
//!
//! An administrator's [`Binding`]s say what should be active and are kept in the store; the [`Loader`] brings each to
//! life, and the [`ActiveTable`] holds what came of it. A request takes the table once and keeps it to its end, whatever
//! is activated meanwhile.
//!
//! | module | what it holds |
//! |---|---|
//! | `binding` | what an administrator writes |
//! | `load` | from a binding to something that can be called |
//! | `beside` | the versions under one binding: active, canary, shadow, last good |
//! | `active` | the table of what is active |
//! | `version`, `in_force` | one version that can be asked; those under one binding, and whose turn it is |
//! | `ask` | putting a question to what is in force |
//! | `standing` | whether a version is in quarantine |
//! | `kept` | what was active lately and stays loaded |
//! | `desired` | changing one binding, and going back |
//! | `apply` | changing all of them at once, from a file |
//! | `others`, `watch` | loading what other hosts have changed, and hearing of it |
//! | `govern` | who may activate |
//! | `offer` | who may publish, yank and deprecate, and the trace that it leaves |
//! | `packages` | the packages that there are: their index, and the packages themselves |
//! | `advice` | telling that what is active is deprecated |
//! | `candidate` | a version that is only asked |
//! | `publish` | what a version must pass before it can be had |
//! | `trial` | trying a version on live requests, as a canary or as a shadow |
//! | `trust` | whose signatures count |
//! | `grants` | what plugins may reach |

mod active;
mod advice;
mod apply;
pub(crate) mod ask;
mod beside;
mod binding;
mod candidate;
mod desired;
mod govern;
mod grants;
pub(crate) mod in_force;
mod kept;
mod load;
mod offer;
mod others;
mod packages;
mod publish;
mod standing;
mod trial;
mod trust;
mod version;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use macadam_core::names::PluginRef;
pub use macadam_registry::index::ScopeError;
/// The most that a package may have, in bytes.
pub use macadam_registry::package::MAX_PACKED as MAX_PACKAGE;
pub use macadam_registry::{Deprecation, IndexError, NoticeError, Release, Releases, Scope};
use macadam_runtime::LoadedPlugin;
pub use macadam_runtime::WALL_BOUNDS;
use macadam_store::{BindingChange, BindingError as NotKept, Expected, ProviderPin, Store};

pub use active::{ActiveTable, Part, PluginState, PluginStatus};
pub use apply::{ApplyError, BindingDifference};
pub use binding::{Applies, Binding, BindingSpec, RequestShape};
pub(crate) use candidate::{Candidate, CandidateClient};
pub use desired::{BindingError, By};
pub use govern::{ApplyBindings, ChangeBinding, GovernError, RollBack};
pub use grants::{GrantError, HostGrants};
pub use in_force::{CanaryArm, InForce};
pub(crate) use load::Trials;
pub use load::{ActivateError, Loader};
pub use offer::Deprecate;
pub use packages::{Packages, PackagesError, TakenOver};
pub use publish::{PublishError, PublishedVersion};
pub use standing::{Quarantined, Standing};
pub use trial::{Bounds, Canary, Shadow, Sticky, Watch, Weight};
pub use trust::TrustError;
pub use version::{Generator, Identity, Provider, Version};
pub use watch::Watching;

/// The active plugins, and the providers that resources are pinned to.
pub struct Plugins {
    table: ArcSwap<ActiveTable>,
    pinned: Mutex<HashMap<PluginRef, Arc<Version<Provider>>>>,
    loader: Loader,
    store: Arc<dyn Store>,
    /// Held while a binding changes: what is in force and what is kept are changed together.
    changing: tokio::sync::Mutex<()>,
    kept: kept::Kept,
    /// How far this host has come with what others change.
    seen: Mutex<others::Seen>,
}

impl Plugins {
    /// Nothing active yet.
    #[must_use]
    pub fn new(loader: Loader, store: Arc<dyn Store>) -> Self {
        Self {
            table: ArcSwap::default(),
            pinned: Mutex::default(),
            loader,
            store,
            changing: tokio::sync::Mutex::default(),
            kept: kept::Kept::default(),
            seen: Mutex::default(),
        }
    }

    /// What brings plugins to life.
    #[must_use]
    pub fn loader(&self) -> &Loader {
        &self.loader
    }

    /// The packages that there are.
    #[must_use]
    pub fn packages(&self) -> &Packages {
        &self.loader.packages
    }

    /// What is active now; keep it for as long as one request takes.
    #[must_use]
    pub fn active(&self) -> Arc<ActiveTable> {
        self.table.load_full()
    }

    /// Every component that is asked now: each version under each binding, and those that resources are pinned to.
    #[must_use]
    pub fn loaded(&self) -> Vec<Arc<LoadedPlugin>> {
        let table = self.active();
        let parts = table.status.iter().filter_map(|status| status.part.as_ref().ok());
        let mut all: Vec<_> = parts.flat_map(Part::all_loaded).cloned().collect();
        all.extend(self.pins().values().map(|version| Arc::clone(&version.loaded)));
        all
    }

    /// Makes the bindings that are not there yet, loads all that there are, and makes them active in one step. A binding
    /// that fails is in the table as failed, and readiness tells.
    ///
    /// # Errors
    /// [`BindingError`] when the bindings cannot be read or kept.
    pub async fn start(&self, first: &[Binding], by: &By) -> Result<Arc<ActiveTable>, BindingError> {
        let _one_at_a_time = self.changing.lock().await;
        self.begin_to_look().await?;
        self.make_first(first, by).await?;
        let mut all = Vec::new();
        for record in self.store.bindings().await?.bindings {
            let Some((revision, spec)) = self.up_to_date(record, by.now).await? else { continue };
            let name = spec.binding.name().map_err(|error| desired::wrong("/plugin", &error))?;
            all.push(Arc::new(self.loader.load(&name, revision, &spec, Trials::MayFail).await));
        }
        self.put_in_force(ActiveTable::of(all));
        Ok(self.active())
    }

    async fn make_first(&self, first: &[Binding], by: &By) -> Result<(), BindingError> {
        let there = self.store.bindings().await?.bindings;
        let mut missing = Vec::new();
        for binding in first {
            let mut binding = binding.clone();
            let name = binding.name().map_err(|error| desired::wrong("/plugin", &error))?;
            binding.name = Some(name.clone());
            if let Some(record) = there.iter().find(|record| record.name == name) {
                if desired::read(&name, &record.spec)?.binding != binding {
                    tracing::warn!(
                        binding = %name,
                        "the configuration says something else than what is kept, which counts; change it with \
                         `macadam plugin activate` or `apply`"
                    );
                }
                continue;
            }
            // One that means nothing yet is kept all the same, and shows as failed: it was meant to be there.
            let version = self.meant(&binding).await.unwrap_or(None);
            let spec = desired::written(&name, &BindingSpec { binding, version })?;
            missing.push(BindingChange::put(name, Expected::Absent, spec));
        }
        match self.store.apply_bindings(&missing, None, &by.attribution(), by.now).await {
            // Another host that starts at the same time made one of them. What is missing still, it makes as well.
            Err(NotKept::Conflict { .. }) => Ok(()),
            made => Ok(made.map(drop)?),
        }
    }

    /// Swaps the table. What a pinned provider may reach and which keys count may have changed with it, so those are
    /// loaded again when they are needed.
    fn put_in_force(&self, table: ActiveTable) {
        self.table.store(Arc::new(table));
        self.pins().clear();
    }

    /// Lets go of what was active and stayed loaded long enough. Called now and then.
    pub(crate) fn tidy(&self) {
        self.kept.let_go();
    }

    /// The provider that a resource is pinned to, at the version that made it: one that is in force, or else loaded from
    /// the registry with the settings that the provider has now.
    ///
    /// # Errors
    /// [`ActivateError`] when it is neither active nor in the registry, or not what it was.
    pub(crate) async fn pinned(&self, pin: &ProviderPin) -> Result<Arc<Version<Provider>>, ActivateError> {
        let table = self.active();
        let known = in_force_as(&table, pin).or_else(|| self.pins().get(&pin.plugin).filter(|it| is(it, pin)).cloned());
        if let Some(known) = known {
            return Ok(known);
        }
        let loaded = Arc::new(self.loader.load_pinned(pin, &table).await?);
        let mut pins = self.pins();
        // What was loaded while the table changed may hold what does not count any more; it serves this call alone.
        if Arc::ptr_eq(&self.active(), &table) {
            pins.insert(pin.plugin.clone(), Arc::clone(&loaded));
        }
        Ok(loaded)
    }

    fn pins(&self) -> MutexGuard<'_, HashMap<PluginRef, Arc<Version<Provider>>>> {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The version of a pin, if it is in force. A shadow has no grants, so it is none.
fn in_force_as(table: &ActiveTable, pin: &ProviderPin) -> Option<Arc<Version<Provider>>> {
    let mut granted = table.providers.values().flat_map(|line| {
        let canary = line.canary.iter().map(|canary| &canary.version);
        std::iter::once(&line.active).chain(canary).chain(&line.last_good)
    });
    granted.find(|version| is(version, pin)).cloned()
}

fn is(version: &Version<Provider>, pin: &ProviderPin) -> bool {
    version.identity.plugin == pin.plugin && version.identity.component == pin.digest
}

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugins").field("active", &self.table.load().status.len()).finish()
    }
}
