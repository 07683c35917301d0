//! Authorization: who may do what, and why not.
//!
//! ```text
//! use case ─▶ authorize(caller, action, target) ─▶ Cedar, over default.cedar and what administrators added ─▶ yes
//!                                                                              └─▶ no, with what it would take
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `action` | what can be done, by its word |
//! | `target` | what it is done to |
//! | `rules` | the policies: `default.cedar`, `schema.cedarschema`, and what was added |
//! | `bounds` | how long and how deep the text of a policy may be |
//! | `judge` | one question, put to Cedar |
//! | `explain` | why the answer is no, and what it would take |
//! | `matrix` | every role and every action, for auditors and for whoever changes the rules |
//! | `manage` | adding, changing and removing policies |
//! | `scope` | which teams' things somebody sees in a list |
//!
//! Each use case asks for its own action: the server only says which action a route is, and notices when a route was
//! answered without having asked for it ([`observed`]).

mod action;
mod bounds;
mod explain;
mod judge;
mod manage;
mod matrix;
mod rules;
pub(crate) mod scope;
mod target;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use arc_swap::ArcSwap;
use macadam_core::request::EnvironmentClass;
use macadam_store::{AccessPolicySet, StoreError};

pub use action::{Action, NoSuchAction};
pub use explain::{Explanation, Question, Takes};
pub use judge::{Determining, PolicyEffect};
pub use manage::{AccessError, AccessPolicyView, ChangeAccessPolicy, CheckedPolicy, RemoveAccessPolicy};
pub use matrix::{Belonging, Cell, CellDifference};
pub use rules::{BuiltInError, DEFAULT, PolicyTextError, SCHEMA};
pub use target::{Target, TargetKind};

use crate::{Caller, Platform};
use judge::{Judge, Judgement};
use rules::{BuiltIn, Rules};

/// The answer is no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// The rules in force, and what puts questions to them.
pub struct Access {
    built_in: BuiltIn,
    judge: Judge,
    rules: ArcSwap<Rules>,
    /// Held from a look at what the store has until that is in force: of two who look, the first must not come last.
    following: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("generation", &self.rules.load().generation).finish_non_exhaustive()
    }
}

/// What is still possible when the rules are closed: to look at them and to mend them.
const TO_MEND: [Action; 3] = [Action::AccessPolicyRead, Action::AccessPolicyChange, Action::AccessExplain];

impl Access {
    /// The default rules, with nothing added.
    ///
    /// # Errors
    /// When the policies that come with this program cannot be used, which its tests would have found.
    pub fn new() -> Result<Self, BuiltInError> {
        let built_in = BuiltIn::read()?;
        let judge = Judge::new(&built_in)?;
        let rules = ArcSwap::from_pointee(built_in.with(&AccessPolicySet::default()));
        Ok(Self { built_in, judge, rules, following: tokio::sync::Mutex::default() })
    }

    /// Puts another set of added policies in force. Whoever does holds [`following`](Self::following) since before it was
    /// read.
    fn put_in_force(&self, added: &AccessPolicySet) {
        let rules = self.built_in.with(added);
        match &rules.closed {
            None => tracing::info!(generation = rules.generation, added = added.policies.len(), "access policies"),
            Some(why) => {
                tracing::error!(%why, "the access policies cannot be used; nothing is allowed until that is mended");
            }
        }
        self.rules.store(Arc::new(rules));
    }

    fn allows(&self, caller: &Caller, action: Action, target: &Target) -> bool {
        self.allows_by(&self.rules.load(), caller, action, target)
    }

    fn judge(&self, caller: &Caller, action: Action, target: &Target) -> Judgement {
        let rules = self.rules.load();
        match rules.closed {
            _ if !caller.has_scope_for(action.as_str()) => Judgement { allowed: false, by: Vec::new() },
            None => self.judge.judge(&rules, caller, action, target),
            Some(_) => Judgement { allowed: mends(caller, action), by: Vec::new() },
        }
    }

    fn allows_by(&self, rules: &Rules, caller: &Caller, action: Action, target: &Target) -> bool {
        match rules.closed {
            _ if !caller.has_scope_for(action.as_str()) => false,
            None => self.judge.allows(rules, caller, action, target),
            Some(_) => mends(caller, action),
        }
    }

    /// Whether there can be anything to which somebody may do this. The default rules go by whose a thing is, so that one
    /// of their own team's stands for all; what administrators added may be about single things, which nobody has named
    /// yet.
    fn can_allow(&self, caller: &Caller, action: Action, of_their_own: &Target) -> bool {
        let rules = self.rules.load();
        let others_speak = !self.built_in.alone_speaks_about(&rules, action);
        caller.has_scope_for(action.as_str()) && (others_speak || self.allows_by(&rules, caller, action, of_their_own))
    }

    /// Why nothing is allowed, if so.
    #[must_use]
    pub fn closed(&self) -> Option<String> {
        self.rules.load().closed.clone()
    }
}

/// Whether this is somebody who mends the rules when they are closed.
fn mends(caller: &Caller, action: Action) -> bool {
    TO_MEND.contains(&action) && caller.is(crate::Role::PlatformAdmin)
}

tokio::task_local! {
    /// What was asked about while a request was answered.
    static ASKED: RefCell<BTreeSet<Action>>;
}

/// Runs something, and says which actions it asked about.
pub async fn observed<F: Future>(work: F) -> (F::Output, BTreeSet<Action>) {
    let asked = ASKED.scope(RefCell::default(), async {
        let output = work.await;
        (output, ASKED.with(RefCell::take))
    });
    asked.await
}

impl Platform {
    /// Makes sure that somebody may do something.
    ///
    /// # Errors
    /// [`Refused`] says what it would take.
    pub fn authorize(&self, caller: &Caller, action: Action, target: &Target) -> Result<(), Refused> {
        if self.may(caller, action, target) {
            return Ok(());
        }
        let explanation = self.access().explain(caller, action, target);
        tracing::info!(person = %caller.person, %action, %target, because = %explanation.because, "refused");
        Err(Refused(explanation.because))
    }

    /// Refuses whoever may surely do this to nothing that there is, before it is known to what it would be done. Whoever is
    /// let pass has to be asked about again.
    ///
    /// # Errors
    /// [`Refused`] says what it would take.
    pub fn authorize_somewhere(&self, caller: &Caller, action: Action) -> Result<(), Refused> {
        let Ok(own) = Target::sample(action.on(), &caller.team, EnvironmentClass::Development) else { return Ok(()) };
        if self.access().can_allow(caller, action, &own) {
            return Ok(());
        }
        let explanation = self.access().explain(caller, action, &own);
        tracing::info!(person = %caller.person, %action, because = %explanation.because, "refused");
        Err(Refused(explanation.because))
    }

    /// Whether somebody may do something.
    #[must_use]
    pub fn may(&self, caller: &Caller, action: Action, target: &Target) -> bool {
        // Outside of a request nobody listens.
        let _ = ASKED.try_with(|asked| asked.borrow_mut().insert(action));
        self.access().allows(caller, action, target)
    }

    /// The rules in force.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.parts.access
    }

    /// Puts the added policies in force that the store has, if they are others than those that are. Other replicas change
    /// them too, and a database that was restored may have gone back.
    ///
    /// # Errors
    /// When the store fails; the rules are as they were.
    pub async fn follow_access(&self) -> Result<(), StoreError> {
        let _until_in_force = self.access().following.lock().await;
        let generation = self.store().access_generation().await?;
        if generation != self.access().rules.load().generation {
            self.access().put_in_force(&self.store().access_policies().await?);
        }
        Ok(())
    }
}
