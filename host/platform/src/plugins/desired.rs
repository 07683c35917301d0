//! Changing what is active: one change at a time, kept before it counts, and nothing that works is replaced by something
//! that does not.
//!
//! ```text
//! wish ─▶ well-formed? ─▶ which version? ─▶ load it ─▶ keep it, if nobody was faster ─▶ swap the table
//!                           └──── a failure leaves everything as it was ────┘
//! ```
//!
//! A request that has taken the table goes on with what it took. What was active before stays loaded for a while, so that
//! going back is only another swap.

use std::sync::Arc;

use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::canonical::CanonicalJson;
use macadam_core::names::{BindingName, PersonId, PluginRef};
use macadam_core::violation::{Violation, join};
use macadam_store::{Attribution, BindingError as NotKept, BindingRecord, Expected, StoreError};

use crate::plugins::load::Trials;
use crate::plugins::{ActivateError, ActiveTable, Binding, BindingSpec, Canary, PackagesError, PluginStatus, Plugins};

/// How many revisions are looked through for the one to go back to.
const LOOKED_THROUGH: u32 = 50;

/// Why a binding is not changed. Everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// The document is wrong.
    #[error("the binding is wrong: {}", join(.0))]
    Invalid(Vec<Violation>),
    /// There is none of that name.
    #[error("there is no binding {0}")]
    Unknown(BindingName),
    /// Somebody else was faster, or the store failed.
    #[error(transparent)]
    NotKept(#[from] NotKept),
    /// The version cannot be activated.
    #[error("{name} stays as it is, since what it would become is not active: {reason}")]
    NotActive {
        /// Which.
        name: BindingName,
        /// Why.
        reason: String,
    },
    /// The version may be good, and what it takes to load it is out of reach for now.
    #[error("{0} stays as it is, since the package of what it would become is out of reach for now; try again")]
    OutOfReach(BindingName),
    /// There is nothing to go back to.
    #[error("the binding {0} was nothing else before; there is nothing to go back to")]
    NothingBefore(BindingName),
    /// A binding that is kept cannot be read.
    #[error("the binding {name} is kept in a form that this version cannot read: {reason}")]
    Unreadable {
        /// Which.
        name: BindingName,
        /// Why.
        reason: String,
    },
}

impl BindingError {
    /// The same about a document that has the binding at a place of its own.
    pub(super) fn below(self, place: &str) -> Self {
        let below = |violation: Violation| Violation { path: format!("{place}{}", violation.path), ..violation };
        match self {
            Self::Invalid(violations) => Self::Invalid(violations.into_iter().map(below).collect()),
            other => other,
        }
    }
}

impl From<StoreError> for BindingError {
    fn from(error: StoreError) -> Self {
        Self::NotKept(error.into())
    }
}

/// Who changes something, why and when.
#[derive(Debug, Clone)]
pub struct By {
    /// Who; `None` is the host itself.
    pub actor: Option<PersonId>,
    /// From where.
    pub origin: Origin,
    /// Why, in their words.
    pub reason: String,
    /// When.
    pub now: Timestamp,
}

impl By {
    /// The host itself.
    #[must_use]
    pub fn host(reason: impl Into<String>, now: Timestamp) -> Self {
        Self { actor: None, origin: Origin::NONE, reason: reason.into(), now }
    }

    pub(super) fn attribution(&self) -> Attribution {
        Attribution { actor: self.actor.clone(), origin: self.origin.clone(), reason: self.reason.clone() }
    }
}

impl Plugins {
    /// Makes a binding say something else, or makes a new one, and has that in force when it returns.
    ///
    /// # Errors
    /// [`BindingError`]; what was active is still active.
    pub async fn change(
        &self,
        mut binding: Binding,
        expected: Expected,
        by: &By,
    ) -> Result<BindingRecord, BindingError> {
        let name = binding.name().map_err(|error| wrong("/plugin", &error))?;
        binding.name = Some(name.clone());
        let version = self.meant(&binding).await?;
        let _one_at_a_time = self.changing.lock().await;
        self.swap(&name, &BindingSpec { binding, version }, expected, by, Trials::MustLoad).await
    }

    /// Takes a binding out.
    ///
    /// # Errors
    /// [`BindingError::NotKept`] when it is not what was expected.
    pub async fn remove(&self, name: &BindingName, expected: Expected, by: &By) -> Result<(), BindingError> {
        let _one_at_a_time = self.changing.lock().await;
        if self.store.binding(name).await?.is_none() {
            return Err(BindingError::Unknown(name.clone()));
        }
        self.store.remove_binding(name, expected, &by.attribution(), by.now).await?;
        let table = self.active();
        if let Some(before) = table.binding(name) {
            self.kept.keep(Arc::clone(before));
        }
        self.put_in_force(table.without(name));
        Ok(())
    }

    /// Makes a binding what it was before its last change, or at a revision, as a change of its own. One that followed
    /// what is published stops doing so: it would go forward again by itself.
    ///
    /// # Errors
    /// [`BindingError::NothingBefore`] when there is no such revision.
    pub async fn roll_back(
        &self,
        name: &BindingName,
        to: Option<u64>,
        expected: Expected,
        by: &By,
    ) -> Result<BindingRecord, BindingError> {
        let _one_at_a_time = self.changing.lock().await;
        let desired = self.before(name, to).await?.no_longer_following();
        self.swap(name, &desired, expected, by, Trials::MustLoad).await
    }

    /// What a binding was: at a revision, or at the last one that says something else than now.
    async fn before(&self, name: &BindingName, to: Option<u64>) -> Result<BindingSpec, BindingError> {
        let now = self.store.binding(name).await?.map(|record| record.spec);
        let history = self.store.binding_history(name, LOOKED_THROUGH).await?;
        if history.is_empty() {
            return Err(BindingError::Unknown(name.clone()));
        }
        let mut earlier = history.into_iter().filter(|revision| match to {
            Some(to) => revision.revision == to,
            None => revision.spec != now,
        });
        let spec = earlier.find_map(|revision| revision.spec);
        read(name, &spec.ok_or_else(|| BindingError::NothingBefore(name.clone()))?)
    }

    /// Loads what is desired, keeps it, and puts it in force; the caller holds the lock.
    pub(super) async fn swap(
        &self,
        name: &BindingName,
        desired: &BindingSpec,
        expected: Expected,
        by: &By,
        trials: Trials,
    ) -> Result<BindingRecord, BindingError> {
        // The revision is not known before the store has it, and loading must come before that.
        // A canary begins anew: what is kept remembers how the last one did.
        let kept = self.kept.find(name, desired).filter(|_| desired.binding.canary.is_none());
        let mut status = match kept {
            Some(kept) => PluginStatus::clone(&kept),
            None => self.loader.load(name, 0, desired, trials).await,
        };
        let table = self.active();
        check_in_force(&table.with(&Arc::new(status.clone())), name)?;
        let record =
            self.store.put_binding(name, expected, &written(name, desired)?, &by.attribution(), by.now).await?;
        status.revision = record.revision;
        if let Ok(part) = &status.part {
            part.standing().begin_anew();
        }
        if let Some(before) = table.binding(name) {
            self.kept.keep(Arc::clone(before));
        }
        self.put_in_force(table.with(&Arc::new(status)));
        tracing::info!(binding = %name, revision = record.revision, plugin = %desired.binding.plugin, "a binding changed");
        Ok(record)
    }

    /// Lets the bindings that follow a plugin have what was published. One that cannot be activated stays as it is, and
    /// the log says why.
    pub(super) async fn follow(&self, published: &PluginRef, now: Timestamp) {
        let by = By::host(format!("follows {published}"), now);
        for status in &self.active().status {
            let follows =
                status.binding.follows() && status.binding.query().is_ok_and(|query| query.name == published.name);
            if follows && let Err(error) = self.reload(&status.name, &by).await {
                tracing::warn!(binding = %status.name, %published, %error, "a binding does not follow");
            }
        }
    }

    /// Takes a canary out, because it broke a bound. Whoever changed the binding meanwhile has decided otherwise.
    pub(crate) async fn end_canary(&self, name: &BindingName, rule: &Canary, why: &str, now: Timestamp) {
        let version = &rule.version;
        let _one_at_a_time = self.changing.lock().await;
        let ended = async {
            let Some(record) = self.store.binding(name).await? else { return Ok(()) };
            let mut spec = read(name, &record.spec)?;
            if spec.binding.canary.take().is_none_or(|canary| canary != *rule) {
                return Ok(());
            }
            let by = By::host(format!("the canary {version} was rolled back: {why}"), now);
            tracing::warn!(binding = %name, %version, why, "a canary is rolled back");
            // What else is tried and does not load must not keep a canary that fails.
            let swapped = self.swap(name, &spec, Expected::Revision(record.revision), &by, Trials::MayFail);
            swapped.await.map(drop)
        };
        let ended: Result<(), BindingError> = ended.await;
        if let Err(error) = ended {
            tracing::error!(binding = %name, %version, %error, "a canary could not be rolled back");
        }
    }

    /// What a binding says, with the version that it means now if it follows or never meant one; nothing if it is gone.
    /// Another host that starts at the same time may be faster, and then what it made of the binding counts.
    pub(super) async fn up_to_date(
        &self,
        record: BindingRecord,
        now: Timestamp,
    ) -> Result<Option<(u64, BindingSpec)>, BindingError> {
        let mut spec = read(&record.name, &record.spec)?;
        if !spec.binding.follows() && spec.version.is_some() {
            return Ok(Some((record.revision, spec)));
        }
        // What cannot be resolved now stays what it was.
        let Ok(means) = self.meant(&spec.binding).await else { return Ok(Some((record.revision, spec))) };
        if spec.version == means {
            return Ok(Some((record.revision, spec)));
        }
        spec.version = means;
        let why = By::host(format!("follows {}", spec.binding.plugin), now).attribution();
        let (expected, written) = (Expected::Revision(record.revision), written(&record.name, &spec)?);
        match self.store.put_binding(&record.name, expected, &written, &why, now).await {
            Ok(kept) => Ok(Some((kept.revision, spec))),
            Err(NotKept::Conflict { name, .. }) => match self.store.binding(&name).await? {
                Some(record) => Ok(Some((record.revision, read(&name, &record.spec)?))),
                None => Ok(None),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Loads what a binding means now, if that is another version than the one in force.
    async fn reload(&self, name: &BindingName, by: &By) -> Result<(), BindingError> {
        let _one_at_a_time = self.changing.lock().await;
        let Some(record) = self.store.binding(name).await? else { return Ok(()) };
        let mut spec = read(name, &record.spec)?;
        let means = self.meant(&spec.binding).await?;
        if spec.version != means {
            spec.version = means;
            self.swap(name, &spec, Expected::Revision(record.revision), by, Trials::MustLoad).await?;
        }
        Ok(())
    }

    /// Which version a binding's text means now.
    pub(super) async fn meant(&self, binding: &Binding) -> Result<Option<semver::Version>, BindingError> {
        let query = binding.query().map_err(|error| wrong("/plugin", &error))?;
        let version = self.loader.resolve(&query).await.map_err(|error| match error {
            // Nothing is wrong with what was written: the same will do when the store is back.
            ActivateError::Packages(PackagesError::Store(error)) => error.into(),
            other => wrong("/plugin", &other),
        })?;
        Ok(Some(version))
    }
}

fn check_in_force(table: &ActiveTable, name: &BindingName) -> Result<(), BindingError> {
    let Some(status) = table.binding(name) else { return Ok(()) };
    match status.failure() {
        Some(_) if status.passes => Err(BindingError::OutOfReach(name.clone())),
        Some(reason) => Err(BindingError::NotActive { name: name.clone(), reason: reason.to_owned() }),
        None => Ok(()),
    }
}

pub(super) fn wrong(field: &str, error: &impl std::fmt::Display) -> BindingError {
    BindingError::Invalid(vec![Violation::new(field, error.to_string())])
}

/// A binding as it is kept.
pub(super) fn written(name: &BindingName, desired: &BindingSpec) -> Result<CanonicalJson, BindingError> {
    CanonicalJson::new(desired)
        .map_err(|error| BindingError::Unreadable { name: name.clone(), reason: error.to_string() })
}

/// A binding from what was kept.
pub(super) fn read(name: &BindingName, spec: &CanonicalJson) -> Result<BindingSpec, BindingError> {
    spec.read().map_err(|error| BindingError::Unreadable { name: name.clone(), reason: error.to_string() })
}
