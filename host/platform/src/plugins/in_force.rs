//! What is in force under a binding: the active version, what is tried beside it, and what answers when it cannot.
//!
//! The versions have their [turns](InForce::turns): the canary, if the request is its, then the active version, unless it
//! is in quarantine, then the last good one, if the binding says so. The first that answers counts, so nothing that is
//! tried ever hurts a request.

use std::sync::Arc;

use jiff::Timestamp;
use macadam_core::names::{BindingName, TeamId};
use macadam_core::quarantine::Admission;
use macadam_core::verdict::OnError;
use macadam_runtime::{CallError, CallFailure, PluginError};
use macadam_store::DecisionRole;

use crate::plugins::standing::Standing;
use crate::plugins::{Applies, Canary, Identity, Sticky, Version, Watch};

/// What is in force under one binding.
pub struct InForce<F> {
    /// Under which.
    pub binding: BindingName,
    /// What it is asked about.
    pub applies: Applies,
    /// What counts when nobody answers.
    pub on_error: OnError,
    /// The version that answers.
    pub active: Arc<Version<F>>,
    /// The version that answers some of the requests.
    pub canary: Option<CanaryArm<F>>,
    /// The version that is asked beside the one that answers.
    pub shadow: Option<Arc<Version<F>>>,
    /// The version that answers when the active one cannot.
    pub last_good: Option<Arc<Version<F>>>,
    /// How the active version does.
    pub standing: Standing,
}

/// A canary and how it does.
pub struct CanaryArm<F> {
    /// Which requests it gets, and for how long.
    pub rule: Canary,
    /// The version.
    pub version: Arc<Version<F>>,
    /// What it did so far.
    pub watch: Watch,
}

/// What a request is about, for those who choose a version for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// Whose it is.
    pub(crate) team: &'a TeamId,
    /// Which thing, for people.
    pub(crate) subject: &'a str,
    /// When it was made.
    pub(crate) now: Timestamp,
    /// Whether what is said goes to the decision log.
    pub(crate) recorded: bool,
}

/// One version's turn.
pub(crate) struct Turn<'a, F> {
    /// The version.
    pub(crate) version: &'a Arc<Version<F>>,
    /// As what it is asked.
    pub(crate) place: Place,
}

/// As what a version is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Canary,
    Active(Admission),
    LastGood,
}

impl Place {
    /// As it is recorded. Whoever answers for the active version is in force as it is.
    pub(crate) fn role(self) -> DecisionRole {
        match self {
            Self::Canary => DecisionRole::Canary,
            Self::Active(_) | Self::LastGood => DecisionRole::Active,
        }
    }
}

/// Why no version answers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Silence {
    /// The last that was asked failed.
    #[error(transparent)]
    Failed(#[from] CallError),
    /// It failed too often and is not asked now.
    #[error("{} is in quarantine until {until}, since it kept failing: {error}", plugin.plugin)]
    Quarantined {
        /// Which.
        plugin: Box<Identity>,
        /// When it is tried again.
        until: Timestamp,
        /// The last failure.
        error: String,
    },
}

/// The versions in the order in which they are asked, until one answers.
pub(crate) struct Turns<'a, F> {
    line: &'a InForce<F>,
    about: About<'a>,
    next: Next,
    /// Why the active version has no turn.
    out: Option<Silence>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Canary,
    Active,
    LastGood,
    Nobody,
}

impl<F> InForce<F> {
    /// Whose turn it is to answer.
    pub(crate) fn turns<'a>(&'a self, about: About<'a>) -> Turns<'a, F> {
        Turns { line: self, about, next: Next::Canary, out: None }
    }

    /// The turn of the active version, whatever is tried beside it.
    pub(crate) fn active_turn(&self, now: Timestamp) -> Result<Turn<'_, F>, Silence> {
        match self.standing.admit(now) {
            Admission::Out { until } => {
                let plugin = Box::new(self.active.identity.clone());
                Err(Silence::Quarantined { plugin, until, error: self.standing.last_failure() })
            }
            admission => Ok(Turn { version: &self.active, place: Place::Active(admission) }),
        }
    }

    /// A turn that came to no call.
    pub(crate) fn not_asked(&self, turn: &Turn<'_, F>, now: Timestamp) {
        if let Place::Active(admission) = turn.place {
            self.standing.undecided(admission, now);
        }
    }

    /// The turn of one that is tried or stands in, if it is under the binding.
    pub(crate) fn turn_beside(&self, version: &Arc<Version<F>>) -> Option<Turn<'_, F>> {
        let canary = self.canary.iter().map(|canary| (&canary.version, Place::Canary));
        let mut beside = canary.chain(self.last_good.iter().map(|version| (version, Place::LastGood)));
        let (version, place) = beside.find(|(other, _)| Arc::ptr_eq(other, version))?;
        Some(Turn { version, place })
    }

    /// Every version under the binding.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &Arc<Version<F>>> {
        let tried = self.canary.iter().map(|canary| &canary.version).chain(&self.shadow);
        std::iter::once(&self.active).chain(tried).chain(&self.last_good)
    }
}

impl<'a, F> Turns<'a, F> {
    /// Whose turn is next.
    pub(crate) fn next(&mut self) -> Option<Turn<'a, F>> {
        let (line, about) = (self.line, self.about);
        loop {
            match self.next {
                Next::Canary => {
                    self.next = Next::Active;
                    let canary = line.canary.as_ref().filter(|canary| canary.takes(&line.binding, about));
                    if let Some(canary) = canary {
                        return Some(Turn { version: &canary.version, place: Place::Canary });
                    }
                }
                Next::Active => {
                    self.next = Next::LastGood;
                    match line.active_turn(about.now) {
                        Ok(turn) => return Some(turn),
                        Err(out) => self.out = Some(out),
                    }
                }
                Next::LastGood => {
                    self.next = Next::Nobody;
                    if let Some(version) = &line.last_good {
                        return Some(Turn { version, place: Place::LastGood });
                    }
                }
                Next::Nobody => return None,
            }
        }
    }

    /// The version had its turn and failed. The last good one stands in only for what is the active version's own fault.
    pub(crate) fn failed(&mut self, turn: &Turn<'_, F>, error: &CallError) {
        if matches!(turn.place, Place::Active(_)) && !is_its_fault(error) {
            self.next = Next::Nobody;
        }
    }

    /// Why nobody answered.
    pub(crate) fn silence(self, last: Option<CallError>) -> Silence {
        match (last, self.out) {
            // What a version says of its input is for the requester.
            (Some(error), Some(_)) if !is_its_fault(&error) => Silence::Failed(error),
            (_, Some(out)) => out,
            (Some(error), None) => Silence::Failed(error),
            // There is always an active version, which had its turn or was out.
            (None, None) => Silence::Quarantined {
                plugin: Box::new(self.line.active.identity.clone()),
                until: self.about.now,
                error: self.line.standing.last_failure(),
            },
        }
    }
}

impl<F> CanaryArm<F> {
    /// Whether a request is the canary's: by its team, or by what it is about, so that previews and retries meet it too.
    fn takes(&self, binding: &BindingName, about: About<'_>) -> bool {
        match self.rule.sticky {
            Sticky::Team => self.rule.takes(binding, about.team.as_str()),
            Sticky::Request => self.rule.takes(binding, about.subject),
        }
    }
}

/// Whether a failure says something about the plugin: neither what it was asked, nor what it depends on, nor how busy
/// the host is.
pub(crate) fn is_its_fault(error: &CallError) -> bool {
    match error.failure() {
        CallFailure::Plugin(PluginError::Invalid(_) | PluginError::Unavailable { .. })
        | CallFailure::Overloaded { .. }
        | CallFailure::Host(_) => false,
        CallFailure::Plugin(PluginError::Failed(_))
        | CallFailure::OutOfFuel { .. }
        | CallFailure::DeadlineExceeded { .. }
        | CallFailure::MemoryLimit { .. }
        | CallFailure::TableLimit { .. }
        | CallFailure::Trap { .. }
        | CallFailure::OutputTooLarge { .. }
        | CallFailure::InvalidOutput { .. }
        | CallFailure::CapabilityDenied { .. }
        | CallFailure::NothingAsked { .. } => true,
    }
}
