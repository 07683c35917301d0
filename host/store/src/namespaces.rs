//! Namespaces: whose plugins have a name that starts like this, and which signatures count for them.
//!
//! A namespace belongs to one team, and only a [transfer](Namespaces::transfer_namespace) gives it to another. Whether
//! its packages must be signed is its policy, never a property of a package. Public keys are texts to the store; what
//! they mean is the verifier's. A key is revoked and never removed, so a key that was once distrusted stays so, under
//! whatever id it comes back. Who may do any of this is the platform's to check.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::{Namespace, TeamId};
use serde_json::{Value, json};

use crate::row::digest;
use crate::{By, NewAuditEntry, StoreError};

/// Whether packages in a namespace must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignaturePolicy {
    /// A signature is checked when there is one.
    Optional,
    /// A package without a good signature is refused.
    Required,
}

impl SignaturePolicy {
    /// The policy's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }
}

/// A namespace as somebody wants it to be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewNamespace {
    /// Its name.
    pub name: Namespace,
    /// The team that owns it.
    pub team: TeamId,
    /// Whether its packages must be signed.
    pub signatures: SignaturePolicy,
}

/// A namespace as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct NamespaceRecord {
    /// Its name.
    pub name: Namespace,
    /// The team that owns it.
    pub team: TeamId,
    /// Whether its packages must be signed.
    pub signatures: SignaturePolicy,
    /// Its keys, revoked ones too, in the order in which they were added.
    pub keys: Vec<NamespaceKey>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of this last changed.
    pub updated_at: Timestamp,
}

impl NamespaceRecord {
    /// A key by its id, revoked or not.
    #[must_use]
    pub fn key(&self, id: &str) -> Option<&NamespaceKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

/// A public key to be registered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewNamespaceKey {
    /// What it is called within its namespace.
    pub id: String,
    /// The key, in its verifier's spelling.
    pub public_key: String,
}

/// A public key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct NamespaceKey {
    /// What it is called within its namespace.
    pub id: String,
    /// The key, in its verifier's spelling.
    pub public_key: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// When and why it stopped being trusted.
    pub revoked: Option<Revocation>,
}

/// The end of a key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// Why a namespace was not changed; nothing was.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// It belongs to another team.
    #[error("the namespace {name} belongs to {team}; ask that team to transfer it, or choose another")]
    Owned {
        /// The namespace.
        name: Namespace,
        /// Who has it.
        team: TeamId,
    },
    /// There is no such namespace.
    #[error("there is no namespace {0}; claim it for a team first")]
    NotFound(
        /// The name that was given.
        Namespace,
    ),
    /// The team is not known.
    #[error("there is no team {0}; ask an administrator to add it")]
    UnknownTeam(
        /// Its name.
        TeamId,
    ),
    /// The id or the key itself is there already, and not as this pair.
    #[error("{namespace} has this key or id already, as {id}; give a new key a new id")]
    KeyExists {
        /// The namespace.
        namespace: Namespace,
        /// The id of the key that is there.
        id: String,
    },
    /// The key was revoked, and a revoked key is never trusted again.
    #[error("{namespace} has revoked this key, {id}; make a new key")]
    KeyRevoked {
        /// The namespace.
        namespace: Namespace,
        /// The id of the key that is there.
        id: String,
    },
    /// There is no such key.
    #[error("{namespace} has no key {id}; list its keys")]
    NoSuchKey {
        /// The namespace.
        namespace: Namespace,
        /// The id that was given.
        id: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is recorded of a change.
pub(crate) fn change(
    by: By<'_>,
    action: &str,
    before: Option<&NamespaceRecord>,
    after: &NamespaceRecord,
    mut data: Value,
) -> Result<NewAuditEntry, StoreError> {
    if let Value::Object(fields) = &mut data {
        fields.insert("namespace".to_owned(), json!(after.name));
    }
    let entry = NewAuditEntry::new(action, format!("namespaces/{}", after.name)).by(by).with(data);
    Ok(entry.changed(digest("namespace", before)?, digest("namespace", Some(after))?))
}

/// The namespaces. Every change is audited under `by`, which is [`By::HOST`] for the host's own configuration; a change that
/// changes nothing is not.
#[async_trait]
pub trait Namespaces: Send + Sync {
    /// One namespace.
    async fn namespace(&self, name: &Namespace) -> Result<Option<NamespaceRecord>, StoreError>;

    /// Every namespace, by name.
    async fn namespaces(&self) -> Result<Vec<NamespaceRecord>, StoreError>;

    /// Claims a namespace that nobody has, or changes the policy of one that the same team has.
    ///
    /// # Errors
    /// [`NamespaceError::Owned`] when another team has it, [`NamespaceError::UnknownTeam`].
    async fn put_namespace(
        &self,
        namespace: &NewNamespace,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<NamespaceRecord, NamespaceError>;

    /// Gives a namespace, with its policy and keys, from one team to another.
    ///
    /// # Errors
    /// [`NamespaceError::Owned`] when `from` does not have it (any more), [`NamespaceError::UnknownTeam`],
    /// [`NamespaceError::NotFound`].
    async fn transfer_namespace(
        &self,
        name: &Namespace,
        from: &TeamId,
        to: &TeamId,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<NamespaceRecord, NamespaceError>;

    /// Registers a public key. The same key under the same id again changes nothing.
    ///
    /// # Errors
    /// [`NamespaceError::KeyExists`], [`NamespaceError::KeyRevoked`], [`NamespaceError::NotFound`].
    async fn add_namespace_key(
        &self,
        name: &Namespace,
        key: &NewNamespaceKey,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<NamespaceRecord, NamespaceError>;

    /// Ends the trust in a key, for good. Again changes nothing, also not the reason.
    ///
    /// # Errors
    /// [`NamespaceError::NoSuchKey`], [`NamespaceError::NotFound`].
    async fn revoke_namespace_key(
        &self,
        name: &Namespace,
        id: &str,
        reason: &str,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<NamespaceRecord, NamespaceError>;
}
