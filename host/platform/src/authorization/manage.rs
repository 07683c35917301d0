//! What administrators add to the rules: looked at, tried, changed.
//!
//! A policy is judged together with all the others before it counts, and a set that would keep administrators from
//! changing it again is refused.

use jiff::Timestamp;
use macadam_core::names::AccessPolicyName;
use macadam_store::{
    AccessPolicyChange, AccessPolicyError, AccessPolicyRecord, AccessPolicySet, Attribution, Expected, StoreError,
};
use serde::Serialize;

use super::rules::Rules;
use super::{Access, Action, CellDifference, PolicyTextError, Refused, Target};
use crate::{Caller, Platform};

/// How often a change is judged again because others changed the set meanwhile.
const ATTEMPTS: u32 = 5;

/// Why access policies are not shown or not changed. The rules are as they were.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The person may not do this.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The text cannot be a policy.
    #[error(transparent)]
    Text(#[from] PolicyTextError),
    /// Nobody could change the rules any more.
    #[error(
        "with this, {person} could not change access policies any more, and nobody could take it back; leave \
         access-policy.read and access-policy.change to platform admins"
    )]
    LocksOut {
        /// Who.
        person: String,
    },
    /// The policy has the name of one that comes with the host.
    #[error("{0} is the name of a policy that comes with the host; choose another")]
    BuiltIn(AccessPolicyName),
    /// There is no such policy.
    #[error("there is no access policy {0}")]
    Unknown(AccessPolicyName),
    /// Another of the added policies cannot be used.
    #[error("{0}; mend or remove that one first")]
    Closed(String),
    /// It is not what was looked at.
    #[error(transparent)]
    NotKept(#[from] AccessPolicyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A wish to make or change a policy.
#[derive(Debug, Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAccessPolicy {
    /// What it is to say, in the Cedar language.
    pub text: String,
    /// The revision that was looked at: 0 for a policy that is not there. Refused when it is another one.
    #[serde(default)]
    pub revision: Option<u64>,
    /// Why, for the record.
    #[serde(default, deserialize_with = "macadam_core::remark::read")]
    #[schema(max_length = 2000)]
    pub reason: String,
}

/// A wish to remove a policy.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RemoveAccessPolicy {
    /// The revision that was looked at.
    pub revision: Option<u64>,
    /// Why, for the record.
    #[serde(deserialize_with = "macadam_core::remark::read")]
    #[schema(max_length = 2000)]
    pub reason: String,
}

/// A policy, and whether it counts.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = AccessPolicy)]
pub struct AccessPolicyView {
    /// The policy.
    #[serde(flatten)]
    pub record: AccessPolicyRecord,
    /// Why it cannot be used, such as after an upgrade; nothing is allowed until that is mended.
    pub error: Option<String>,
}

/// What a change would come to.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = AccessPolicyCheck)]
pub struct CheckedPolicy {
    /// The cells that it turns. A policy about single people or names turns none, and still counts for them.
    pub differences: Vec<CellDifference>,
}

impl Platform {
    /// The policies that were added, with the generation of them all.
    ///
    /// # Errors
    /// [`AccessError::Refused`] for whoever may not see them.
    pub async fn access_policies(&self, caller: &Caller) -> Result<(u64, Vec<AccessPolicyView>), AccessError> {
        self.authorize(caller, Action::AccessPolicyRead, &Target::Platform)?;
        let AccessPolicySet { generation, policies } = self.store().access_policies().await?;
        let view = |record: AccessPolicyRecord| {
            let read = self.access().built_in.read_added(&record.name, &record.text);
            AccessPolicyView { record, error: read.err().map(|error| error.to_string()) }
        };
        Ok((generation, policies.into_iter().map(view).collect()))
    }

    /// What a policy would change. Nothing is changed.
    ///
    /// # Errors
    /// [`AccessError`], as the change itself would for somebody who may change policies.
    pub async fn check_access_policy(
        &self,
        caller: &Caller,
        name: &AccessPolicyName,
        text: &str,
    ) -> Result<CheckedPolicy, AccessError> {
        self.authorize(caller, Action::AccessPolicyRead, &Target::Platform)?;
        let current = self.store().access_policies().await?;
        let rules = self.access().changed(&current, name, Some(text))?;
        // Whoever only looks, such as an auditor, cannot change the rules now either; the differences tell them who could
        // not any more.
        if self.access().allows(caller, Action::AccessPolicyChange, &Target::Platform) {
            self.access().leaves_a_way_back(&rules, caller)?;
        }
        Ok(CheckedPolicy { differences: self.access().differences(&rules) })
    }

    /// Makes or changes a policy. It counts from then on, here at once and on other replicas within seconds.
    ///
    /// # Errors
    /// [`AccessError`]; the rules are as they were.
    pub async fn change_access_policy(
        &self,
        caller: &Caller,
        name: &AccessPolicyName,
        wish: ChangeAccessPolicy,
        now: Timestamp,
    ) -> Result<AccessPolicyView, AccessError> {
        let ChangeAccessPolicy { text, revision, reason } = wish;
        let set = self.change_policy(caller, name, Some(text), Expected::at_revision(revision), reason, now).await?;
        let record = set.policies.into_iter().find(|policy| policy.name == *name);
        let record = record.ok_or_else(|| AccessError::Unknown(name.clone()))?;
        Ok(AccessPolicyView { record, error: None })
    }

    /// Removes a policy.
    ///
    /// # Errors
    /// [`AccessError`]; the rules are as they were.
    pub async fn remove_access_policy(
        &self,
        caller: &Caller,
        name: &AccessPolicyName,
        wish: RemoveAccessPolicy,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let RemoveAccessPolicy { revision, reason } = wish;
        self.change_policy(caller, name, None, Expected::at_revision(revision), reason, now).await.map(drop)
    }

    async fn change_policy(
        &self,
        caller: &Caller,
        name: &AccessPolicyName,
        text: Option<String>,
        expected: Expected,
        reason: String,
        now: Timestamp,
    ) -> Result<AccessPolicySet, AccessError> {
        self.authorize(caller, Action::AccessPolicyChange, &Target::Platform)?;
        let why = Attribution { actor: Some(caller.person.clone()), origin: caller.origin.clone(), reason };
        let mut attempt = 1;
        loop {
            let current = self.store().access_policies().await?;
            if text.is_none() && !current.policies.iter().any(|policy| policy.name == *name) {
                return Err(AccessError::Unknown(name.clone()));
            }
            let rules = self.access().changed(&current, name, text.as_deref())?;
            self.access().leaves_a_way_back(&rules, caller)?;
            let generation = current.generation;
            let change = AccessPolicyChange { name: name.clone(), text: text.clone(), expected, generation };
            let _until_in_force = self.access().following.lock().await;
            match self.store().change_access_policy(&change, &why, now).await {
                Ok(set) => {
                    self.access().put_in_force(&set);
                    return Ok(set);
                }
                Err(AccessPolicyError::Stale) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Access {
    /// The rules as a change would make them.
    fn changed(
        &self,
        current: &AccessPolicySet,
        name: &AccessPolicyName,
        text: Option<&str>,
    ) -> Result<Rules, AccessError> {
        if self.built_in.has(name) {
            return Err(AccessError::BuiltIn(name.clone()));
        }
        let mut changed = current.clone();
        changed.policies.retain(|policy| policy.name != *name);
        if let Some(text) = text {
            self.built_in.read_added(name, text)?;
            changed.policies.push(AccessPolicyRecord {
                name: name.clone(),
                text: text.to_owned(),
                revision: 0,
                actor: None,
                reason: String::new(),
                changed_at: Timestamp::UNIX_EPOCH,
            });
        }
        let policies = self.built_in.join(&changed);
        // When several cannot be used any more, each is mended or removed on its own.
        let closed = policies.as_ref().err().cloned();
        if let (Some(why), Some(_)) = (&closed, text) {
            return Err(AccessError::Closed(why.clone()));
        }
        Ok(Rules { generation: current.generation, policies: policies.unwrap_or_default(), closed })
    }

    /// Makes sure that somebody who changes the rules can take that back.
    fn leaves_a_way_back(&self, rules: &Rules, mender: &Caller) -> Result<(), AccessError> {
        let still = |action| self.allows_by(rules, mender, action, &Target::Platform);
        if still(Action::AccessPolicyChange) && still(Action::AccessPolicyRead) {
            return Ok(());
        }
        Err(AccessError::LocksOut { person: mender.person.to_string() })
    }
}
