//! What kind of failure it is when a step comes to nothing: the one place where that is decided.

use jiff::{SignedDuration, Timestamp};
use macadam_core::retry::{ErrorClass, Failure};
use macadam_runtime::{CallError, CallFailure, PluginError};

use crate::plugins::in_force::Silence;

/// Something of the host's own does not answer, such as its database.
pub(super) fn passing(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorClass::Passing, error.to_string())
}

/// It will not work however often it is tried.
pub(super) fn fatal(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorClass::Final, error.to_string())
}

/// A call into a provider gave no value.
pub(super) fn of_call(error: &CallError, now: Timestamp) -> Failure {
    let (class, wait) = match error.failure() {
        CallFailure::Overloaded { retry_after } => (ErrorClass::Overloaded, Some(*retry_after)),
        CallFailure::Plugin(PluginError::Unavailable { retry_after, .. }) => (ErrorClass::Passing, *retry_after),
        _ if error.is_temporary() => (ErrorClass::Passing, None),
        _ => (ErrorClass::Final, None),
    };
    let not_before = wait.map(|wait| {
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        now.checked_add(wait).unwrap_or(Timestamp::MAX)
    });
    Failure { class, message: error.to_string(), not_before }
}

/// A provider was not asked, or nobody that was asked answered.
pub(super) fn of_silence(silence: Silence, now: Timestamp) -> Failure {
    let message = silence.to_string();
    match silence {
        Silence::Failed(error) => of_call(&error, now),
        Silence::Quarantined { until, .. } => Failure::new(ErrorClass::NotBefore, message).not_before(until),
    }
}

/// Its provider has said that it is not done yet, once more.
pub(super) fn endless(since: Timestamp, note: &str) -> Failure {
    let note = if note.is_empty() { "nothing" } else { note };
    let message = format!(
        "the provider has been at it since {since:.0}, which is longer than `longest-work-hours` of [jobs]; it last said: {note}"
    );
    Failure::new(ErrorClass::Final, message)
}

/// Its worker vanished each time that it was tried.
pub(super) fn vanished(times: u32) -> Failure {
    Failure::new(ErrorClass::LeaseLost, format!("the worker vanished in the middle, {times} times in a row"))
}
