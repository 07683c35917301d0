//! Who may activate. Publishing gives no power and is another action (`offer`): a namespace belongs to a team, and its
//! publishers publish there. What is active is for platform admins to change.

use std::collections::BTreeMap;

use jiff::Timestamp;
use macadam_core::names::BindingName;
use macadam_registry::NoticeError;
use macadam_registry::signature::{EnvelopeError, KeyError};
use macadam_store::{BindingRecord, BindingRevision, Expected, NamespaceError, StoreError};

use crate::authorization::{Action, Refused, Target};
use crate::plugins::{
    ApplyError, Binding, BindingDifference, BindingError, BindingSpec, By, PackagesError, PublishError, desired,
};
use crate::{Caller, Platform};

/// How much of a binding's history is shown.
const HISTORY: u32 = 200;

/// Why plugins are not published or changed. Everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum GovernError {
    /// The person may not do this.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The binding is not changed.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// The document is not applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The package is not published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The registry has no such version, or failed.
    #[error(transparent)]
    Packages(#[from] PackagesError),
    /// The deprecation is not well-formed.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// The namespace is not changed.
    #[error(transparent)]
    Namespace(NamespaceError),
    /// A text is no public key.
    #[error("`public_key`: {0}")]
    Key(#[from] KeyError),
    /// The envelope cannot be read.
    #[error("the signature is refused: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A wish to change a binding.
#[derive(Debug, Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeBinding {
    /// What it is to say.
    pub binding: Binding,
    /// The revision that was looked at: 0 for a binding that is not there. The change is refused when it is another one.
    #[serde(default)]
    pub revision: Option<u64>,
    /// Why, for the record.
    #[serde(default, deserialize_with = "macadam_core::remark::read")]
    #[schema(max_length = 2000)]
    pub reason: String,
}

/// A wish to change all bindings at once.
#[derive(Debug, Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyBindings {
    /// What there is to be, and nothing else.
    pub bindings: Vec<Binding>,
    /// The generation that was looked at. The change is refused when there has been another since.
    #[serde(default)]
    pub generation: Option<u64>,
    /// Why, for the record.
    #[serde(default, deserialize_with = "macadam_core::remark::read")]
    #[schema(max_length = 2000)]
    pub reason: String,
}

/// A wish to make a binding what it was.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RollBack {
    /// Which revision to go back to; the last that says something else when nothing is said.
    pub to: Option<u64>,
    /// The revision that was looked at.
    pub revision: Option<u64>,
    /// Why, for the record.
    #[serde(deserialize_with = "macadam_core::remark::read")]
    #[schema(max_length = 2000)]
    pub reason: String,
}

fn by(caller: &Caller, reason: String, now: Timestamp) -> By {
    By { actor: Some(caller.person.clone()), origin: caller.origin.clone(), reason, now }
}

impl Platform {
    /// Changes a binding or makes one.
    ///
    /// # Errors
    /// [`GovernError`]; what was active is still active.
    pub async fn change_binding(
        &self,
        caller: &Caller,
        name: &BindingName,
        wish: ChangeBinding,
        now: Timestamp,
    ) -> Result<BindingRecord, GovernError> {
        self.authorize(caller, Action::BindingChange, &Target::Platform)?;
        let ChangeBinding { mut binding, revision, reason } = wish;
        if let Some(other) = binding.name.replace(name.clone()).filter(|other| other != name) {
            let why = format!("it is {other}, and the one to change is {name}; leave it out");
            return Err(desired::wrong("/binding/name", &why).into());
        }
        let changed = self.plugins().change(binding, Expected::at_revision(revision), &by(caller, reason, now)).await;
        Ok(changed.map_err(|error| error.below("/binding"))?)
    }

    /// Removes a binding.
    ///
    /// # Errors
    /// [`GovernError`]; what was active is still active.
    pub async fn remove_binding(
        &self,
        caller: &Caller,
        name: &BindingName,
        revision: Option<u64>,
        reason: String,
        now: Timestamp,
    ) -> Result<(), GovernError> {
        self.authorize(caller, Action::BindingChange, &Target::Platform)?;
        Ok(self.plugins().remove(name, Expected::at_revision(revision), &by(caller, reason, now)).await?)
    }

    /// Makes a binding what it was.
    ///
    /// # Errors
    /// [`GovernError`]; what was active is still active.
    pub async fn roll_back_binding(
        &self,
        caller: &Caller,
        name: &BindingName,
        wish: RollBack,
        now: Timestamp,
    ) -> Result<BindingRecord, GovernError> {
        self.authorize(caller, Action::BindingChange, &Target::Platform)?;
        let RollBack { to, revision, reason } = wish;
        let reason = if reason.is_empty() { "rolled back".to_owned() } else { reason };
        Ok(self.plugins().roll_back(name, to, Expected::at_revision(revision), &by(caller, reason, now)).await?)
    }

    /// What applying a document would change, and the generation that it would change.
    ///
    /// # Errors
    /// [`GovernError::Apply`] names what is wrong with the document.
    pub async fn binding_differences(
        &self,
        caller: &Caller,
        wish: ApplyBindings,
    ) -> Result<(u64, Vec<BindingDifference>), GovernError> {
        self.authorize(caller, Action::BindingRead, &Target::Platform)?;
        Ok(self.plugins().differences(wish.bindings).await?)
    }

    /// Makes the bindings those of a document, all or none.
    ///
    /// # Errors
    /// [`GovernError`]; what was active is still active.
    pub async fn apply_bindings(
        &self,
        caller: &Caller,
        wish: ApplyBindings,
        now: Timestamp,
    ) -> Result<Vec<BindingDifference>, GovernError> {
        self.authorize(caller, Action::BindingChange, &Target::Platform)?;
        let ApplyBindings { bindings, generation, reason } = wish;
        Ok(self.plugins().apply(bindings, generation, &by(caller, reason, now)).await?)
    }

    /// Every revision of a binding, the newest first.
    ///
    /// # Errors
    /// [`BindingError::Unknown`] when there never was one of that name.
    pub async fn binding_history(
        &self,
        caller: &Caller,
        name: &BindingName,
    ) -> Result<Vec<BindingRevision>, GovernError> {
        self.authorize(caller, Action::BindingRead, &Target::Platform)?;
        let history = self.store().binding_history(name, HISTORY).await?;
        if history.is_empty() { Err(BindingError::Unknown(name.clone()).into()) } else { Ok(history) }
    }

    /// Every binding as it is kept, with the generation of them all.
    ///
    /// # Errors
    /// [`GovernError`] when the person may not see them.
    pub async fn bindings(&self, caller: &Caller) -> Result<(u64, BTreeMap<BindingName, BindingSpec>), GovernError> {
        self.authorize(caller, Action::BindingRead, &Target::Platform)?;
        let set = self.store().bindings().await?;
        let mut specs = BTreeMap::new();
        for record in set.bindings {
            let spec = desired::read(&record.name, &record.spec)?;
            specs.insert(record.name, spec);
        }
        Ok((set.generation, specs))
    }
}
