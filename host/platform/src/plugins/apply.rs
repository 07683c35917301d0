//! All bindings from one document: what would change, and changing it. Applied twice, the second time is nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use macadam_core::names::BindingName;
use macadam_core::violation::Violation;
use macadam_store::{BindingChange, BindingError as NotKept, Expected};
use serde::Serialize;

use crate::plugins::desired::{read, written};
use crate::plugins::load::Trials;
use crate::plugins::{ActiveTable, Binding, BindingError, BindingSpec, By, PluginStatus, Plugins};

/// Why a document is not applied. Nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Something in the document is wrong, or what it asks for cannot be activated.
    #[error("nothing was changed: {}", macadam_core::violation::join(.0))]
    Invalid(Vec<Violation>),
    /// The bindings cannot be read or kept.
    #[error(transparent)]
    Binding(#[from] BindingError),
}

impl From<NotKept> for ApplyError {
    fn from(error: NotKept) -> Self {
        Self::Binding(error.into())
    }
}

/// One binding that would change, or did.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BindingDifference {
    /// Which.
    pub name: BindingName,
    /// What it says now; nothing if there is none.
    pub from: Option<Binding>,
    /// What it is to say; nothing if it is to go.
    pub to: Option<Binding>,
}

impl Plugins {
    /// What would change if the bindings became these.
    ///
    /// # Errors
    /// [`ApplyError::Invalid`] names each that is wrong, by its place in the document.
    pub async fn differences(&self, wanted: Vec<Binding>) -> Result<(u64, Vec<BindingDifference>), ApplyError> {
        let wanted = named(wanted)?;
        let set = self.store.bindings().await.map_err(BindingError::from)?;
        let mut now = BTreeMap::new();
        for record in &set.bindings {
            now.insert(record.name.clone(), read(&record.name, &record.spec)?.binding);
        }
        let mut differences = Vec::new();
        for (name, to) in &wanted {
            let from = now.remove(name);
            if from.as_ref() != Some(to) {
                differences.push(BindingDifference { name: name.clone(), from, to: Some(to.clone()) });
            }
        }
        let gone = now.into_iter().map(|(name, from)| BindingDifference { name, from: Some(from), to: None });
        differences.extend(gone);
        differences.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((set.generation, differences))
    }

    /// Makes the bindings these, all or none, and has them in force when it returns.
    ///
    /// # Errors
    /// [`ApplyError`]; everything is as it was.
    pub async fn apply(
        &self,
        wanted: Vec<Binding>,
        generation: Option<u64>,
        by: &By,
    ) -> Result<Vec<BindingDifference>, ApplyError> {
        let _one_at_a_time = self.changing.lock().await;
        // What others have changed is in force before it is changed again, or their bindings would be taken for loaded.
        self.load_others().await?;
        let (now, differences) = self.differences(wanted).await?;
        let mut table = ActiveTable::of(self.active().status.clone());
        for gone in differences.iter().filter(|difference| difference.to.is_none()) {
            table = table.without(&gone.name);
        }
        let (mut changes, mut violations) = (Vec::new(), Vec::new());
        for difference in &differences {
            match self.prepare(difference).await {
                Ok((change, status)) => {
                    changes.push(change);
                    table = status.map_or(ActiveTable::of(table.status.clone()), |status| table.with(&status));
                }
                // Nothing is wrong with the document.
                Err(error @ BindingError::NotKept(_)) => return Err(error.into()),
                Err(error) => violations.push(Violation::new(format!("/{}", difference.name), error.to_string())),
            }
        }
        let out_of_reach = not_in_force(&table, &differences, &mut violations);
        // What is wrong for ever is told first: nobody should wait for the rest to be told of it.
        if !violations.is_empty() {
            return Err(ApplyError::Invalid(violations));
        }
        out_of_reach?;
        let expected = generation.unwrap_or(now);
        self.store.apply_bindings(&changes, Some(expected), &by.attribution(), by.now).await?;
        let names = differences.iter().map(|difference| &difference.name).collect();
        self.enter(table, &names).await?;
        Ok(differences)
    }

    /// Loads one of the changes.
    async fn prepare(
        &self,
        difference: &BindingDifference,
    ) -> Result<(BindingChange, Option<Arc<PluginStatus>>), BindingError> {
        let name = &difference.name;
        let Some(binding) = &difference.to else {
            return Ok((BindingChange::remove(name.clone(), Expected::Any), None));
        };
        let desired = BindingSpec { binding: binding.clone(), version: self.meant(binding).await? };
        let status = self.loader.load(name, 0, &desired, Trials::MustLoad).await;
        let change = BindingChange::put(name.clone(), Expected::Any, written(name, &desired)?);
        Ok((change, Some(Arc::new(status))))
    }

    /// Puts a table in force whose bindings are kept, with the revisions that those that changed were given.
    async fn enter(&self, table: ActiveTable, changed: &BTreeSet<&BindingName>) -> Result<(), BindingError> {
        let before = self.active();
        let mut revisions = BTreeMap::new();
        for record in self.store.bindings().await?.bindings {
            if changed.contains(&record.name) {
                revisions.insert(record.name, record.revision);
            }
        }
        let with_revision = |status: &Arc<PluginStatus>| match revisions.get(&status.name) {
            Some(revision) if *revision != status.revision => {
                Arc::new(PluginStatus { revision: *revision, ..PluginStatus::clone(status) })
            }
            _ => Arc::clone(status),
        };
        let table = ActiveTable::of(table.status.iter().map(with_revision).collect());
        for status in &before.status {
            if table.binding(&status.name).is_none_or(|now| now.revision != status.revision) {
                self.kept.keep(Arc::clone(status));
            }
        }
        self.put_in_force(table);
        Ok(())
    }
}

/// What would not be in force of what was changed; what was failing before and is left alone keeps nobody.
fn not_in_force(
    table: &ActiveTable,
    differences: &[BindingDifference],
    violations: &mut Vec<Violation>,
) -> Result<(), BindingError> {
    let changed = |status: &&Arc<PluginStatus>| differences.iter().any(|difference| difference.name == status.name);
    let mut out_of_reach = Ok(());
    for status in table.status.iter().filter(changed) {
        match status.failure() {
            None => {}
            Some(_) if status.passes => out_of_reach = Err(BindingError::OutOfReach(status.name.clone())),
            Some(error) => violations.push(Violation::new(format!("/{}", status.name), error)),
        }
    }
    out_of_reach
}

/// The bindings by name, each once.
fn named(wanted: Vec<Binding>) -> Result<BTreeMap<BindingName, Binding>, ApplyError> {
    let (mut named, mut violations) = (BTreeMap::new(), Vec::new());
    for (index, mut binding) in wanted.into_iter().enumerate() {
        match binding.name() {
            Err(error) => violations.push(Violation::new(format!("/bindings/{index}/plugin"), error.to_string())),
            Ok(name) => {
                binding.name = Some(name.clone());
                if named.insert(name.clone(), binding).is_some() {
                    let message = format!("{name} is there twice; give one of them a `name`");
                    violations.push(Violation::new(format!("/bindings/{index}/name"), message));
                }
            }
        }
    }
    if violations.is_empty() { Ok(named) } else { Err(ApplyError::Invalid(violations)) }
}
