//! Why a `plugin.toml` is refused.

use macadam_core::kind::PluginKind;

use super::Capability;
use super::fields::FIELDS;
use crate::nearest::hint;

/// Why a text is not a plugin's manifest: which field, what is wrong with it, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The text is not TOML.
    #[error("plugin.toml is not TOML at line {line}, column {column}: {reason}")]
    Syntax {
        /// Counted from one.
        line: usize,
        /// Counted from one, in characters.
        column: usize,
        /// In the parser's words.
        reason: String,
    },
    /// A field that no manifest has.
    #[error("plugin.toml has a field `{field}` that is not known{}; the fields are {}", hint(*nearest), names())]
    UnknownField {
        /// Its name.
        field: String,
        /// The field that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A field that every manifest needs.
    #[error("plugin.toml has no `{field}`; write {remedy}")]
    Missing {
        /// Its name.
        field: &'static str,
        /// What to write.
        remedy: &'static str,
    },
    /// A field that does not hold what it should.
    #[error("`{field}` in plugin.toml is not valid: {reason}; write {remedy}")]
    Invalid {
        /// Its name, with a dot before the part that is wrong.
        field: String,
        /// What is wrong.
        reason: String,
        /// What to write.
        remedy: &'static str,
    },
    /// A plugin that is a pure function asks for authority.
    #[error("`capabilities` in plugin.toml asks for `{capability}`, but a plugin of kind {kind} has none; remove it")]
    NotForThisKind {
        /// What it asks for.
        capability: Capability,
        /// What it is.
        kind: PluginKind,
    },
}

impl ManifestError {
    /// The field that it is about, with a dot before a part of it; empty when it is the text as a whole.
    #[must_use]
    pub fn field(&self) -> &str {
        match self {
            Self::Syntax { .. } => "",
            Self::UnknownField { field, .. } | Self::Invalid { field, .. } => field,
            Self::Missing { field, .. } => field,
            Self::NotForThisKind { .. } => "capabilities",
        }
    }
}

fn names() -> String {
    FIELDS.iter().map(|field| format!("`{}`", field.name)).collect::<Vec<_>>().join(", ")
}
