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
//! | `active` | the table of what is active |
//! | `desired` | changing one binding, and going back |
//! | `apply` | changing all of them at once, from a file |
//! | `govern` | who may activate |
//! | `offer` | who may publish, yank and deprecate, and the trace that it leaves |
//! | `packages` | the registry for async callers |
//! | `advice` | telling that what is active is deprecated |
//! | `candidate` | a version that is only asked |
//! | `publish` | what a version must pass before it can be had |
//! | `trial` | trying a version on live requests, as a canary or as a shadow |
//! | `trust` | whose signatures count |
//! | `grants` | what plugins may reach |

mod active;
mod advice;
mod apply;
mod binding;
mod candidate;
mod desired;
mod govern;
mod grants;
mod kept;
mod load;
mod offer;
mod packages;
mod publish;
mod trial;
mod trust;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use macadam_core::names::PluginRef;
pub use macadam_registry::index::ScopeError;
/// The most that a package may have, in bytes.
pub use macadam_registry::package::MAX_PACKED as MAX_PACKAGE;
pub use macadam_registry::{Deprecation, IndexError, NoticeError, Release, Releases, Scope};
use macadam_store::{BindingChange, Expected, ProviderPin, Store};
use tokio::sync::Mutex;

pub use active::{
    ActiveEstimator, ActiveGenerator, ActivePolicy, ActiveProvider, ActiveTable, Arm, CanaryArm, Identity, Part,
    PluginState, PluginStatus,
};
pub use apply::{ApplyError, Difference};
pub use binding::{Applies, Binding, BindingSpec, RequestShape};
pub(crate) use candidate::{Candidate, CandidateClient};
pub use desired::{BindingError, By};
pub use govern::{ApplyBindings, ChangeBinding, GovernError, RollBack};
pub use grants::{GrantError, HostGrants};
pub(crate) use load::Trials;
pub use load::{ActivateError, Loader};
pub use offer::Deprecate;
pub use packages::{Packages, PackagesError};
pub use publish::{PublishError, PublishedVersion};
pub use trial::{Bounds, Canary, Shadow, Sticky, Watch, Weight};
pub use trust::TrustError;

/// The active plugins, and the providers that resources are pinned to.
pub struct Plugins {
    table: ArcSwap<ActiveTable>,
    pinned: RwLock<HashMap<PluginRef, Arc<ActiveProvider>>>,
    loader: Loader,
    packages: Packages,
    store: Arc<dyn Store>,
    /// Held while a binding changes: what is in force and what is kept are changed together.
    changing: Mutex<()>,
    kept: kept::Kept,
}

impl Plugins {
    /// Nothing active yet.
    #[must_use]
    pub fn new(loader: Loader, store: Arc<dyn Store>) -> Self {
        Self {
            table: ArcSwap::default(),
            pinned: RwLock::default(),
            packages: Packages::new(loader.registry()),
            loader,
            store,
            changing: Mutex::default(),
            kept: kept::Kept::default(),
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
        &self.packages
    }

    /// What is active now; keep it for as long as one request takes.
    #[must_use]
    pub fn active(&self) -> Arc<ActiveTable> {
        self.table.load_full()
    }

    /// Makes the bindings that are not there yet, loads all that there are, and makes them active in one step. A binding
    /// that fails is in the table as failed, and readiness tells.
    ///
    /// # Errors
    /// [`BindingError`] when the bindings cannot be read or kept.
    pub async fn start(&self, first: &[Binding], by: &By) -> Result<Arc<ActiveTable>, BindingError> {
        let _one_at_a_time = self.changing.lock().await;
        self.make_first(first, by).await?;
        let mut all = Vec::new();
        for record in self.store.bindings().await?.bindings {
            let (revision, spec) = self.up_to_date(record, by.now).await?;
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
            let version = self.meant(&binding).unwrap_or(None);
            let spec = desired::written(&name, &BindingSpec { binding, version })?;
            missing.push(BindingChange::put(name, Expected::Absent, spec));
        }
        if !missing.is_empty() {
            self.store.apply_bindings(&missing, None, &by.attribution(), by.now).await?;
        }
        Ok(())
    }

    fn put_in_force(&self, table: ActiveTable) {
        self.table.store(Arc::new(table));
        self.kept.let_go();
    }

    /// The provider that a resource is pinned to, at the version that made it: the active one, or else loaded from the
    /// registry with the settings that the provider has now.
    ///
    /// # Errors
    /// [`ActivateError`] when it is neither active nor in the registry, or not what it was.
    pub async fn pinned(&self, pin: &ProviderPin) -> Result<Arc<ActiveProvider>, ActivateError> {
        let table = self.active();
        let active = table.providers.values().find(|active| active.identity.plugin == pin.plugin);
        if let Some(active) = active.filter(|active| active.identity.component == pin.digest) {
            return Ok(Arc::clone(active));
        }
        let known = self.pinned.read().unwrap_or_else(PoisonError::into_inner).get(&pin.plugin).cloned();
        if let Some(known) = known.filter(|known| known.identity.component == pin.digest) {
            return Ok(known);
        }
        let loaded = Arc::new(self.loader.load_pinned(pin, &table).await?);
        self.pinned.write().unwrap_or_else(PoisonError::into_inner).insert(pin.plugin.clone(), Arc::clone(&loaded));
        Ok(loaded)
    }
}

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugins").field("active", &self.table.load().status.len()).finish()
    }
}
