//! Why a component was not loaded, and why a call gave no value.

use std::fmt;
use std::time::Duration;

use macadam_core::names::PluginRef;
use macadam_core::violation::{Violation, join};

/// Why a call into a component gave no value: which plugin, and how it ended.
#[derive(Debug, thiserror::Error)]
#[error("{plugin} {failure}")]
pub struct CallError {
    plugin: PluginRef,
    failure: CallFailure,
}

impl CallError {
    pub(crate) fn new(plugin: PluginRef, failure: CallFailure) -> Self {
        Self { plugin, failure }
    }

    /// Which version was called.
    #[must_use]
    pub fn plugin(&self) -> &PluginRef {
        &self.plugin
    }

    /// How the call ended.
    #[must_use]
    pub fn failure(&self) -> &CallFailure {
        &self.failure
    }

    /// Whether the same call may succeed later without anyone changing anything.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.failure,
            CallFailure::Overloaded { .. }
                | CallFailure::DeadlineExceeded { .. }
                | CallFailure::Plugin(PluginError::Unavailable { .. })
        )
    }
}

/// How a call ended that gave no value.
#[derive(Debug, thiserror::Error)]
pub enum CallFailure {
    /// The component answered with an error of its own.
    #[error(transparent)]
    Plugin(PluginError),
    /// It burned all its fuel.
    #[error("used its fuel budget of {budget}; raise `limits.fuel` or make the call cheaper")]
    OutOfFuel {
        /// The budget.
        budget: u64,
    },
    /// It took too long, in its own work or waiting for a host call.
    #[error("took longer than {} ms; raise `limits.deadline-ms` or make the call quicker", deadline.as_millis())]
    DeadlineExceeded {
        /// The time it had.
        deadline: Duration,
    },
    /// It asked for more memory than it may have.
    #[error("asked for more than {limit} bytes of memory; raise `limits.memory-bytes` or use less")]
    MemoryLimit {
        /// The bytes it may have.
        limit: u64,
    },
    /// It asked for a larger table than it may have.
    #[error("asked for a table of more than {limit} elements")]
    TableLimit {
        /// The elements it may have.
        limit: usize,
    },
    /// It broke a rule of WebAssembly, or gave up by itself as a panic does.
    #[error("trapped: {code}{backtrace}")]
    Trap {
        /// Which rule, in the words of the WebAssembly specification.
        code: TrapCode,
        /// Where.
        backtrace: GuestBacktrace,
    },
    /// Its answer, or what it passed to one host call, is too large.
    #[error("gave more than {limit} bytes in one answer; raise `limits.output-bytes` or answer with less")]
    OutputTooLarge {
        /// The bytes an answer may have.
        limit: u64,
    },
    /// Its answer breaks the contract.
    #[error("gave an invalid answer: {reason}")]
    InvalidOutput {
        /// What is wrong with it.
        reason: String,
    },
    /// It asked about a request or its context at a time when there is none.
    #[error("asked for the {interface} when there is none; ask only while evaluating or estimating")]
    NothingAsked {
        /// Which interface it asked.
        interface: &'static str,
    },
    /// It used something that it was not granted.
    #[error("used `{name}`, which it was not granted; grant it in the host's configuration if it should have it")]
    CapabilityDenied {
        /// Such as `sql:main`.
        name: String,
    },
    /// No room, after waiting.
    #[error("has no room for another call now; try again in {} ms", retry_after.as_millis())]
    Overloaded {
        /// When a retry has a fair chance.
        retry_after: Duration,
    },
    /// The sandbox itself failed; nothing the component did.
    #[error("could not be run: {0}")]
    Host(String),
}

impl CallFailure {
    /// Whether it is an answer all the same: the component has looked at what it was asked, and refuses it.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Plugin(PluginError::Invalid(_)))
    }

    /// The failure's word, for metrics and problem details.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Plugin(PluginError::Invalid(_)) => "invalid",
            Self::Plugin(PluginError::Unavailable { .. }) => "unavailable",
            Self::Plugin(PluginError::Failed(_)) => "failed",
            Self::OutOfFuel { .. } => "out-of-fuel",
            Self::DeadlineExceeded { .. } => "deadline-exceeded",
            Self::MemoryLimit { .. } => "memory-limit",
            Self::TableLimit { .. } => "table-limit",
            Self::Trap { .. } => "trap",
            Self::OutputTooLarge { .. } => "output-too-large",
            Self::InvalidOutput { .. } => "invalid-output",
            Self::NothingAsked { .. } => "nothing-asked",
            Self::CapabilityDenied { .. } => "capability-denied",
            Self::Overloaded { .. } => "overloaded",
            Self::Host(_) => "host",
        }
    }
}

/// An error that a component answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginError {
    /// The input is wrong.
    Invalid(Vec<Violation>),
    /// Something it depends on is not available now.
    Unavailable {
        /// What.
        message: String,
        /// When a retry has a fair chance.
        retry_after: Option<Duration>,
    },
    /// It cannot be done.
    Failed(String),
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(violations) => write!(f, "refused its input: {}", join(violations)),
            Self::Unavailable { message, .. } => write!(f, "is not available: {message}"),
            Self::Failed(message) => write!(f, "failed: {message}"),
        }
    }
}

impl std::error::Error for PluginError {}

/// A trap's code, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrapCode(pub(crate) wasmtime::Trap);

impl TrapCode {
    /// Whether the stack ran out.
    #[must_use]
    pub fn is_stack_overflow(self) -> bool {
        self.0 == wasmtime::Trap::StackOverflow
    }

    /// Whether the component gave up by itself, as a panic does.
    #[must_use]
    pub fn is_unreachable(self) -> bool {
        self.0 == wasmtime::Trap::UnreachableCodeReached
    }
}

impl fmt::Display for TrapCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The functions a trap went through, innermost first. It holds names only: never values, which may be secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuestBacktrace(pub Vec<String>);

impl fmt::Display for GuestBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            write!(f, "{}{name}", if index == 0 { ", in " } else { ", from " })?;
        }
        Ok(())
    }
}

/// Why a component was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are no valid component.
    #[error("{plugin} is not a valid component: {reason}")]
    Malformed {
        /// Which.
        plugin: PluginRef,
        /// What is wrong.
        reason: String,
    },
    /// It needs more at the start than any call may have.
    #[error("{plugin} needs {needed} {what} to start, more than the {limit} that it may have")]
    TooLarge {
        /// Which.
        plugin: PluginRef,
        /// Of what.
        what: &'static str,
        /// How much.
        needed: u64,
        /// How much it may have.
        limit: u64,
    },
    /// It does not compile, or not within the bounds of time and memory.
    #[error("{plugin} could not be compiled: {reason}")]
    Compile {
        /// Which.
        plugin: PluginRef,
        /// Why.
        reason: String,
    },
    /// It imports what its kind may not have, or does not export what its kind must.
    #[error("{plugin} does not fit its kind: {reason}")]
    Contract {
        /// Which.
        plugin: PluginRef,
        /// What is missing or too much.
        reason: String,
    },
    /// The host's own storage or engine failed.
    #[error("{plugin} could not be loaded: {reason}")]
    Host {
        /// Which.
        plugin: PluginRef,
        /// Why.
        reason: String,
    },
}
