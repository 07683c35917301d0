//! How the active version under a binding does: whether it is asked, or is out because it failed too often.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use macadam_core::quarantine::{Admission, Quarantine, QuarantineRule, Turned};

/// The longest text of a failure that is kept.
const LONGEST: usize = 500;

/// One version's standing. As long as all goes well, it costs a call one load.
#[derive(Debug, Default)]
pub struct Standing {
    rule: QuarantineRule,
    out: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    quarantine: Quarantine,
    last_failure: String,
}

/// That a version is out, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Quarantined {
    /// Since when.
    pub since: Timestamp,
    /// When it is tried again.
    pub until: Timestamp,
    /// How it failed last.
    pub error: String,
}

impl Standing {
    pub(crate) fn new(rule: QuarantineRule) -> Self {
        Self { rule, ..Self::default() }
    }

    pub(crate) fn admit(&self, now: Timestamp) -> Admission {
        if self.out.load(Ordering::Acquire) { self.state().quarantine.admit(now) } else { Admission::In }
    }

    /// A call failed by the version's own fault.
    pub(crate) fn failed(&self, call: Admission, failure: &str, now: Timestamp) -> Option<Turned> {
        let mut state = self.state();
        state.last_failure = failure.chars().take(LONGEST).collect();
        let turned = state.quarantine.failed(&self.rule, call, now);
        self.out.store(state.quarantine.out().is_some(), Ordering::Release);
        turned
    }

    /// A call told nothing about the version.
    pub(crate) fn undecided(&self, call: Admission, now: Timestamp) {
        if call == Admission::Probe {
            self.state().quarantine.undecided(call, now);
        }
    }

    pub(crate) fn answered(&self, call: Admission) -> Option<Turned> {
        if call != Admission::Probe {
            return None;
        }
        let mut state = self.state();
        let turned = state.quarantine.answered(call);
        self.out.store(state.quarantine.out().is_some(), Ordering::Release);
        turned
    }

    /// Whether it is out, and why.
    #[must_use]
    pub fn quarantined(&self) -> Option<Quarantined> {
        let state = self.state();
        let (since, until) = state.quarantine.out()?;
        Some(Quarantined { since, until, error: state.last_failure.clone() })
    }

    pub(crate) fn last_failure(&self) -> String {
        self.state().last_failure.clone()
    }

    /// Begins anew: somebody has decided that it is to be asked.
    pub(crate) fn begin_anew(&self) {
        *self.state() = State::default();
        self.out.store(false, Ordering::Release);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
