//! Errors and violations: how a plugin says no.

use crate::bindings::macadam::plugin::types::Unavailability;
use crate::{Error, Violation};

impl Violation {
    /// A violation at a place: a JSON Pointer into the document at hand, empty when it concerns the whole. Put
    /// [`escaped`](Self::escaped) keys into it when they are not your own.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), code: None }
    }

    /// Says what kind of violation it is, such as `tag-missing`, so that people can look it up and reports can count
    /// it. Words of lower-case letters and digits, joined by `-` or `/`, at most 64 bytes; keep it the same in all
    /// versions.
    #[must_use]
    pub fn code(self, code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// A key as a part of a JSON Pointer: `~` becomes `~0` and `/` becomes `~1` (RFC 6901, section 3).
    #[must_use]
    pub fn escaped(key: &str) -> String {
        key.replace('~', "~0").replace('/', "~1")
    }
}

impl Error {
    /// The input is wrong at one place; the requester can mend it.
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation::new(path, message)])
    }

    /// Something is not available now; the host may try again when it sees fit.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable(Unavailability { message: message.into(), retry_after_ms: None })
    }

    /// It cannot be done, and trying again will not help.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}
