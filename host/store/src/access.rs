//! Access policies: what administrators add to the rules of who may do what. The store keeps their texts; what they
//! mean, and whether they may be added, is the platform's business.
//!
//! Whether a policy may be added depends on all the others, and is judged outside of the transaction. A change therefore
//! names the generation of the set that was looked at, and does not happen when there has been another one since.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::{AccessPolicyName, PersonId};

use crate::row::Columns;
use crate::{Attribution, Expected, StoreError};

/// A policy as it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct AccessPolicyRecord {
    /// What it is called.
    pub name: AccessPolicyName,
    /// What it says, in the Cedar language.
    pub text: String,
    /// How often it was changed; counted on after a removal.
    pub revision: u64,
    /// Who made it so.
    #[serde(rename = "person")]
    pub actor: Option<PersonId>,
    /// Why.
    pub reason: String,
    /// When.
    pub changed_at: Timestamp,
}

/// Every policy as of one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct AccessPolicySet {
    /// Grows with every change of any of them; zero before the first.
    pub generation: u64,
    /// The policies, by name.
    pub policies: Vec<AccessPolicyRecord>,
}

/// A change of one policy.
#[derive(Debug, Clone)]
pub struct AccessPolicyChange {
    /// Which.
    pub name: AccessPolicyName,
    /// What it is to say; `None` removes it.
    pub text: Option<String>,
    /// The revision that was looked at.
    pub expected: Expected,
    /// The generation of the set that the change was judged against.
    pub generation: u64,
}

/// Why a policy was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccessPolicyError {
    /// The policy is not what was expected.
    #[error("the access policy {name} {}; look at it again", at(*.current))]
    Conflict {
        /// The policy.
        name: AccessPolicyName,
        /// The revision that it is at; `None` when there is no such policy.
        current: Option<u64>,
    },
    /// The set is not the one that the change was judged against.
    #[error("the access policies were changed meanwhile; look at them again")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn at(current: Option<u64>) -> String {
    current.map_or_else(|| "is not there".to_owned(), |revision| format!("is at revision {revision}"))
}

/// The access policies. A change that changes nothing makes no revision and no audit entry; every other one makes one of
/// each, and an event, in its own transaction.
#[async_trait]
pub trait AccessPolicies: Send + Sync {
    /// Every policy, by name, with the generation of the set.
    async fn access_policies(&self) -> Result<AccessPolicySet, StoreError>;

    /// The generation of the set. One row, made to be polled.
    async fn access_generation(&self) -> Result<u64, StoreError>;

    /// Makes, changes or removes a policy.
    ///
    /// # Errors
    /// [`AccessPolicyError::Stale`] when the set is of another generation, [`AccessPolicyError::Conflict`] when the policy
    /// is not what was expected.
    async fn change_access_policy(
        &self,
        change: &AccessPolicyChange,
        why: &Attribution,
        now: Timestamp,
    ) -> Result<AccessPolicySet, AccessPolicyError>;
}

/// Whether a policy is what a change expects.
pub(crate) fn check_expected(change: &AccessPolicyChange, current: Option<u64>) -> Result<(), AccessPolicyError> {
    let fits = match change.expected {
        Expected::Any => true,
        Expected::Absent => current.is_none(),
        Expected::Revision(revision) => current == Some(revision),
    };
    if fits { Ok(()) } else { Err(AccessPolicyError::Conflict { name: change.name.clone(), current }) }
}

/// A policy as a row has it, whichever database it is of.
pub(crate) fn to_policy(row: &impl Columns) -> Result<AccessPolicyRecord, StoreError> {
    Ok(AccessPolicyRecord {
        name: row.parsed("name")?,
        text: row.text("text")?,
        revision: row.count("revision")?,
        actor: row.parsed_opt("actor")?,
        reason: row.text("reason")?,
        changed_at: row.time("at")?,
    })
}
