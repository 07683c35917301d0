//! What other hosts have changed: seen by the generation, loaded, and swapped in as if it had been changed here.
//!
//! ```text
//! told, or time to look ─▶ another generation? ─▶ load what changed ─▶ swap the table
//! ```
//!
//! A request that has taken the table goes on with what it took, so nothing fails for it. A binding that was changed
//! elsewhere and does not load here, such as while its package is out of reach, leaves in force what was, is told by
//! readiness, and is tried again now and then; so is what failed to load before. Keys and policies of namespaces are the
//! other way round: what cannot be looked at any more is out ([`super::trust`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use macadam_core::names::{BindingName, Namespace};
use macadam_store::{BindingRecord, Generations, NamespaceRecord};

use crate::plugins::load::Trials;
use crate::plugins::{ActiveTable, BindingError, PluginStatus, Plugins, desired};

/// How long to wait before what did not load is tried again. Trying compiles nothing that was compiled before.
const AGAIN: Duration = Duration::from_secs(15);

/// How far this host has come.
#[derive(Debug, Default)]
pub(super) struct Seen {
    generations: Generations,
    namespaces: BTreeMap<Namespace, NamespaceRecord>,
    /// What was changed elsewhere and does not load here, with the reason.
    behind: BTreeMap<BindingName, String>,
    /// When what did not load was last tried.
    tried: Option<Instant>,
}

impl Plugins {
    /// Loads what others have changed since it was last looked, and answers whether the table is another one now.
    ///
    /// # Errors
    /// [`BindingError`] when the store does not say what there is; everything is as it was.
    pub async fn catch_up(&self) -> Result<bool, BindingError> {
        let now = self.store.generations().await?;
        if now == self.seen().generations && !self.is_time_to_try() {
            return Ok(false);
        }
        let _one_at_a_time = self.changing.lock().await;
        self.load_others().await
    }

    /// The bindings that others have changed and that do not load here, each with the reason. What was in force before
    /// still is.
    #[must_use]
    pub fn behind(&self) -> BTreeMap<BindingName, String> {
        self.seen().behind.clone()
    }

    /// The same as [`Plugins::catch_up`], for who holds the lock.
    pub(super) async fn load_others(&self) -> Result<bool, BindingError> {
        // Before anything that it counts is read: what is changed meanwhile is found at the next look.
        let now = self.store.generations().await?;
        let trying = self.is_time_to_try();
        let mut changed = false;
        if now.namespaces != self.seen().generations.namespaces {
            changed |= self.look_at_namespaces().await?;
        }
        if now.bindings != self.seen().generations.bindings || trying {
            changed |= self.load_bindings(trying).await?;
        }
        let mut seen = self.seen();
        seen.generations = now;
        if trying {
            seen.tried = Some(Instant::now());
        }
        Ok(changed)
    }

    /// What is there to start with, read before anything is loaded.
    pub(super) async fn begin_to_look(&self) -> Result<(), BindingError> {
        let generations = self.store.generations().await?;
        let namespaces = self.store.namespaces().await?;
        let mut seen = self.seen();
        seen.generations = generations;
        seen.namespaces = namespaces.into_iter().map(|record| (record.name.clone(), record)).collect();
        seen.tried = Some(Instant::now());
        Ok(())
    }

    /// Remembers a namespace as it was looked at.
    pub(super) fn has_looked_at(&self, record: &NamespaceRecord) {
        self.seen().namespaces.insert(record.name.clone(), record.clone());
    }

    async fn look_at_namespaces(&self) -> Result<bool, BindingError> {
        let mut changed = false;
        for record in self.store.namespaces().await? {
            if self.seen().namespaces.get(&record.name) == Some(&record) {
                continue;
            }
            tracing::info!(namespace = %record.name, "a namespace was changed elsewhere");
            self.look_again_at(&record.name).await;
            self.has_looked_at(&record);
            changed = true;
        }
        Ok(changed)
    }

    /// Loads every binding that is another revision here, or, if it is time, is not in force.
    async fn load_bindings(&self, trying: bool) -> Result<bool, BindingError> {
        let (records, before) = (self.store.bindings().await?.bindings, self.active());
        let (mut all, mut behind, mut changed) = (Vec::with_capacity(records.len()), BTreeMap::new(), false);
        for record in &records {
            let here = before.binding(&record.name);
            let is_it =
                |here: &&Arc<PluginStatus>| here.revision == record.revision && !(trying && here.failure().is_some());
            if let Some(here) = here.filter(is_it) {
                all.push(Arc::clone(here));
                continue;
            }
            let now = self.bring(record).await;
            match (here, now) {
                (Some(here), Err(reason)) => {
                    tracing::error!(binding = %record.name, revision = record.revision, reason, "a change made elsewhere is not in force here");
                    behind.insert(record.name.clone(), reason);
                    all.push(Arc::clone(here));
                }
                (None, Err(reason)) => {
                    tracing::error!(binding = %record.name, reason, "a binding made elsewhere is lost");
                }
                (Some(here), Ok(now)) if now.failure().is_some() && here.failure().is_none() => {
                    behind.insert(record.name.clone(), now.failure().unwrap_or_default().to_owned());
                    all.push(Arc::clone(here));
                }
                (Some(here), Ok(now)) if here.revision == now.revision && now.is_like(here) => {
                    all.push(Arc::clone(here));
                }
                (_, Ok(now)) => {
                    tracing::info!(binding = %record.name, revision = record.revision, "a binding was changed elsewhere");
                    changed = true;
                    all.push(Arc::new(now));
                }
            }
        }
        self.seen().behind = behind;
        let there: BTreeSet<_> = records.iter().map(|record| &record.name).collect();
        changed |= before.status.iter().any(|status| !there.contains(&status.name));
        if changed {
            self.replace(&before, all);
        }
        Ok(changed)
    }

    /// A binding as it is kept, loaded here; or why it cannot even be read.
    async fn bring(&self, record: &BindingRecord) -> Result<PluginStatus, String> {
        let spec = desired::read(&record.name, &record.spec).map_err(|error| error.to_string())?;
        let kept = self.kept.find(&record.name, &spec).filter(|_| spec.binding.canary.is_none());
        let Some(kept) = kept else {
            return Ok(self.loader.load(&record.name, record.revision, &spec, Trials::MayFail).await);
        };
        if let Ok(part) = &kept.part {
            part.standing().begin_anew();
        }
        Ok(PluginStatus { revision: record.revision, ..PluginStatus::clone(&kept) })
    }

    /// Swaps the table; what is replaced stays loaded for a while.
    fn replace(&self, before: &ActiveTable, all: Vec<Arc<PluginStatus>>) {
        let table = ActiveTable::of(all);
        for status in &before.status {
            if table.binding(&status.name).is_none_or(|now| !Arc::ptr_eq(now, status)) {
                self.kept.keep(Arc::clone(status));
            }
        }
        self.put_in_force(table);
    }

    /// Whether something did not load, and was not tried for a while.
    fn is_time_to_try(&self) -> bool {
        let seen = self.seen();
        let failed = !seen.behind.is_empty() || self.active().status.iter().any(|status| status.failure().is_some());
        failed && seen.tried.is_none_or(|tried| tried.elapsed() >= AGAIN)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
