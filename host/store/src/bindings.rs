//! Bindings: which plugins are to be active, in which version, where and with what settings; the desired state.
//!
//! What a binding says is its *spec*, a document that the store does not look into. A binding counts its revisions from
//! one, and goes on counting when it is removed and made again, so a revision means one spec for ever. The whole set
//! counts *generations*: each transaction that changes something, however many bindings it is, is one. A replica polls
//! the generation and reads the set when it has grown.
//!
//! A change names what it [expects](Expected) to find. Of two who start from the same revision, one gets a
//! [`BindingError::Conflict`] with the revision that won. Every spec that ever was is in the history, so a rollback is
//! putting an earlier one.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::canonical::CanonicalJson;
use macadam_core::names::{BindingName, PersonId};

use crate::StoreError;

/// What a change expects to find under a binding's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// Nothing.
    Absent,
    /// A binding at this revision.
    Revision(u64),
    /// Whatever there is.
    Any,
}

impl Expected {
    /// Whether what there is, `None` being nothing, is what was expected.
    #[must_use]
    pub fn allows(self, current: Option<u64>) -> bool {
        match self {
            Self::Absent => current.is_none(),
            Self::Revision(revision) => current == Some(revision),
            Self::Any => true,
        }
    }
}

/// One change of one binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingChange {
    /// Which binding.
    pub name: BindingName,
    /// What it expects to find.
    pub expected: Expected,
    /// What the binding is to say from now on; `None` removes it.
    pub spec: Option<CanonicalJson>,
}

impl BindingChange {
    /// Makes a binding, or changes what it says.
    #[must_use]
    pub const fn put(name: BindingName, expected: Expected, spec: CanonicalJson) -> Self {
        Self { name, expected, spec: Some(spec) }
    }

    /// Removes a binding.
    #[must_use]
    pub const fn remove(name: BindingName, expected: Expected) -> Self {
        Self { name, expected, spec: None }
    }
}

/// On whose account, and why, bindings are changed; kept with the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// Who; `None` is the platform itself, such as a canary that is rolled back.
    pub actor: Option<PersonId>,
    /// From where.
    pub origin: Origin,
    /// Why, for whoever reads the history.
    pub reason: String,
}

/// A binding as it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BindingRecord {
    /// What it is called.
    pub name: BindingName,
    /// Which revision of it this is.
    pub revision: u64,
    /// The generation that brought this revision.
    pub generation: u64,
    /// What it says.
    pub spec: CanonicalJson,
    /// Who made it so; `None` is the platform itself.
    pub actor: Option<PersonId>,
    /// Why.
    pub reason: String,
    /// When.
    pub changed_at: Timestamp,
}

/// Every binding as of one moment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BindingSet {
    /// The generation of the set.
    pub generation: u64,
    /// The bindings, by name.
    pub bindings: Vec<BindingRecord>,
}

/// One revision in a binding's history.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BindingRevision {
    /// The revision.
    pub revision: u64,
    /// The generation that brought it; revisions of one generation came in one transaction.
    pub generation: u64,
    /// What the binding said; `None` when this revision removed it.
    pub spec: Option<CanonicalJson>,
    /// Who made it; `None` is the platform itself.
    pub actor: Option<PersonId>,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The generation of the set afterwards; the same as before when nothing changed.
    pub generation: u64,
    /// The bindings that are another revision now or are gone, in the order of the changes.
    pub changed: Vec<BindingName>,
}

/// Why bindings were not changed; none was.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// A binding is not what was expected.
    #[error("the binding {name} {}; look at it again", at(*.current))]
    Conflict {
        /// The binding.
        name: BindingName,
        /// What was expected.
        expected: Expected,
        /// The revision that it is at; `None` when there is no such binding.
        current: Option<u64>,
    },
    /// The whole set is not what was expected.
    #[error("the bindings are at generation {current}, not {expected}; compare with them as they are now")]
    Stale {
        /// The generation that was named.
        expected: u64,
        /// The generation that they are at.
        current: u64,
    },
    /// One transaction would change the same binding twice.
    #[error("the binding {0} is changed twice; leave one of the two")]
    Repeated(
        /// Its name.
        BindingName,
    ),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Expected {
    /// What somebody expects who names the revision that they looked at: 0 for what is not there, nothing for whatever
    /// there is.
    #[must_use]
    pub const fn at_revision(revision: Option<u64>) -> Self {
        match revision {
            None => Self::Any,
            Some(0) => Self::Absent,
            Some(revision) => Self::Revision(revision),
        }
    }
}

fn at(current: Option<u64>) -> String {
    current.map_or_else(|| "is not there".to_owned(), |revision| format!("is at revision {revision}"))
}

/// The bindings. A change that changes nothing, because the spec is the same or the binding is gone already, makes no
/// revision and no audit entry; every other one makes one of each, and an event, in its own transaction.
#[async_trait]
pub trait Bindings: Send + Sync {
    /// Every binding, by name, with the generation of the set.
    async fn bindings(&self) -> Result<BindingSet, StoreError>;

    /// The generation of the set: zero before the first change. One row, made to be polled.
    async fn bindings_generation(&self) -> Result<u64, StoreError>;

    /// One binding.
    async fn binding(&self, name: &BindingName) -> Result<Option<BindingRecord>, StoreError>;

    /// Makes a binding or changes what it says.
    ///
    /// # Errors
    /// [`BindingError::Conflict`] when it is not what was expected, also if it says the same already.
    async fn put_binding(
        &self,
        name: &BindingName,
        expected: Expected,
        spec: &CanonicalJson,
        why: &Attribution,
        now: Timestamp,
    ) -> Result<BindingRecord, BindingError>;

    /// Removes a binding; its history stays.
    ///
    /// # Errors
    /// [`BindingError::Conflict`] when it is not what was expected.
    async fn remove_binding(
        &self,
        name: &BindingName,
        expected: Expected,
        why: &Attribution,
        now: Timestamp,
    ) -> Result<(), BindingError>;

    /// Changes several bindings, all or none.
    ///
    /// # Errors
    /// [`BindingError`]: the set is not of the expected generation, a binding is not what was expected (the first such
    /// is named), or is changed twice.
    async fn apply_bindings(
        &self,
        changes: &[BindingChange],
        expected_generation: Option<u64>,
        why: &Attribution,
        now: Timestamp,
    ) -> Result<Applied, BindingError>;

    /// The revisions of a binding, the newest first, also of one that was removed.
    async fn binding_history(&self, name: &BindingName, limit: u32) -> Result<Vec<BindingRevision>, StoreError>;

    /// One revision of a binding, to be looked at or put again.
    async fn binding_revision(&self, name: &BindingName, revision: u64) -> Result<Option<BindingRevision>, StoreError>;
}
