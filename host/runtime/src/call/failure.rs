//! From the engine's errors to ours, by type and never by text.

use macadam_core::violation::Violation;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::errors::{CallFailure, GuestBacktrace, TrapCode};
use crate::plugin::LoadedPlugin;

/// Why the host itself ends a call from within.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("the deadline has passed")]
    Deadline,
    #[error("the memory limit is reached")]
    Memory,
    #[error("the table limit is reached")]
    Table,
    #[error("there is no {0} to ask about")]
    NothingAsked(&'static str),
    #[error("{0} was not granted")]
    Capability(String),
}

/// The most frames of a backtrace that are kept.
const MAX_FRAMES: usize = 12;

/// What an error that ended a call means.
pub(crate) fn classify(error: &wasmtime::Error, plugin: &LoadedPlugin) -> CallFailure {
    let limits = &plugin.limits;
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return match stop {
            Stop::Deadline => CallFailure::DeadlineExceeded { deadline: limits.deadline() },
            Stop::Memory => CallFailure::MemoryLimit { limit: limits.memory_bytes },
            Stop::Table => CallFailure::TableLimit { limit: plugin.profile.max_table() },
            Stop::NothingAsked(interface) => CallFailure::NothingAsked { interface },
            Stop::Capability(name) => CallFailure::CapabilityDenied { name: name.clone() },
        };
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return invalid(format!("it ended itself with exit code {} instead of answering", exit.0));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => CallFailure::OutOfFuel { budget: limits.fuel },
        Some(trap) => CallFailure::Trap { code: TrapCode(*trap), backtrace: backtrace(error) },
        None => not_a_trap(error, limits.output_bytes),
    }
}

/// An error without a trap comes from lifting the guest's answer. The engine tells what is malformed in plain messages
/// and text that is no UTF-8 by its own type; the one error with a private type of its own is the one for an answer that
/// is larger than its budget. The tests of hostile guests hold this.
fn not_a_trap(error: &wasmtime::Error, limit: u64) -> CallFailure {
    let malformed = error.is::<String>() || error.is::<&'static str>() || error.is::<std::str::Utf8Error>();
    if malformed {
        CallFailure::InvalidOutput { reason: error.root_cause().to_string() }
    } else {
        CallFailure::OutputTooLarge { limit }
    }
}

fn backtrace(error: &wasmtime::Error) -> GuestBacktrace {
    let frames = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default();
    let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
        Some(name) => name.to_owned(),
        None => format!("function {}", frame.func_index()),
    };
    GuestBacktrace(frames.iter().take(MAX_FRAMES).map(name).collect())
}

/// An answer that is well formed but breaks a rule of the contract.
pub(crate) fn invalid(reason: impl Into<String>) -> CallFailure {
    CallFailure::InvalidOutput { reason: reason.into() }
}

fn bytes_of_one(violation: &Violation) -> u64 {
    (violation.path.len() + violation.message.len() + violation.code.as_ref().map_or(0, String::len)) as u64
}

/// The size of violations, for [`crate::call::Measured`].
pub(crate) fn bytes_of(violations: &[Violation]) -> u64 {
    violations.iter().map(bytes_of_one).sum()
}
