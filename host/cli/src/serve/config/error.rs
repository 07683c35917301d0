//! A file of the administrator's as it is read, and what is said when it cannot be used: where, what is wrong, and what to
//! write instead.

use std::path::{Path, PathBuf};

use macadam_core::misread::without_value;
use macadam_core::names::ScheduleName;

/// Why a file of the administrator's cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::serve) enum ConfigError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}; check that it is there and readable", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{}, line {line}: {}{reason}", path.display(), of(key))]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
        /// Which key, as far as one was reached.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// Nothing of this name is done by the clock.
    #[error("{}: there is no schedule `{name}`; there are {known}", path.display())]
    UnknownSchedule {
        /// Which file.
        path: PathBuf,
        /// The name.
        name: ScheduleName,
        /// Those there are.
        known: String,
    },
    /// A value is outside of what makes sense.
    #[error("{}: `{key}` is {value}; {remedy}", path.display())]
    OutOfRange {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: &'static str,
        /// What it says.
        value: u64,
        /// What to write.
        remedy: &'static str,
    },
}

fn of(key: &str) -> String {
    if key.is_empty() || key == "." { String::new() } else { format!("`{key}`: ") }
}

/// Reads a TOML file; an error names the file, the line and the key, and never repeats the line or the value, which may
/// hold a password.
pub(in crate::serve) fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let io = |source| ConfigError::Io { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(io)?;
    let wrong = |key: String, error: &toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        ConfigError::Wrong { path: path.to_owned(), line, key, reason: without_value(error.message()) }
    };
    let document = toml::Deserializer::parse(&text).map_err(|error| wrong(String::new(), &error))?;
    serde_path_to_error::deserialize(document).map_err(|error| wrong(error.path().to_string(), error.inner()))
}
