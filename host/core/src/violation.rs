//! Violations: what is wrong with an input, said so that the person who wrote it can mend it.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Violation {
    /// A JSON Pointer (RFC 6901) into the request's document; empty when it concerns the whole.
    #[serde(rename = "field")]
    pub path: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl Violation {
    /// A violation at a place.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// Writes violations as one line, for errors and logs.
#[must_use]
pub fn join(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
