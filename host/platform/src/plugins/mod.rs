//! Which plugin versions are active, what for, and with which settings.
//!
//! An administrator's [`Binding`]s say what should be active; the [`Loader`] brings each to life, and the [`ActiveTable`]
//! holds what came of it. A request takes the table once and keeps it to its end, whatever is activated meanwhile.

mod active;
mod binding;
mod grants;
mod load;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use macadam_core::names::PluginRef;
use macadam_store::ProviderPin;

pub use active::{
    ActiveEstimator, ActiveGenerator, ActivePolicy, ActiveProvider, ActiveTable, Identity, PluginState, PluginStatus,
};
pub use binding::{Applies, Binding, RequestShape};
pub use grants::{GrantError, HostGrants};
pub use load::{ActivateError, Loader};

/// The active plugins, and the providers that resources are pinned to.
pub struct Plugins {
    table: ArcSwap<ActiveTable>,
    pinned: RwLock<HashMap<PluginRef, Arc<ActiveProvider>>>,
    bindings: Vec<Binding>,
    loader: Loader,
}

impl Plugins {
    /// Nothing active yet.
    #[must_use]
    pub fn new(loader: Loader, bindings: Vec<Binding>) -> Self {
        Self { table: ArcSwap::default(), pinned: RwLock::default(), bindings, loader }
    }

    /// What is active now; keep it for as long as one request takes.
    #[must_use]
    pub fn active(&self) -> Arc<ActiveTable> {
        self.table.load_full()
    }

    /// Loads what the bindings say and makes it active in one step. A binding that fails is in the table as failed, and
    /// readiness tells.
    pub async fn activate(&self) -> Arc<ActiveTable> {
        let table = Arc::new(self.loader.load_all(&self.bindings).await);
        self.table.store(Arc::clone(&table));
        table
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
        let loaded = Arc::new(self.loader.load_pinned(pin, &self.bindings).await?);
        self.pinned.write().unwrap_or_else(PoisonError::into_inner).insert(pin.plugin.clone(), Arc::clone(&loaded));
        Ok(loaded)
    }
}

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugins").field("active", &self.table.load().status.len()).finish()
    }
}
