//! Lines for the people who run the host. Anyone who reads the host's logs reads them: never log a secret.

use std::fmt::Display;

pub use crate::bindings::macadam::plugin::log::Level;

use super::imports;

/// Writes one line at a level.
pub fn write(level: Level, message: impl Display) {
    imports::log::write(level, &message.to_string());
}

/// What helps to find an error.
pub fn debug(message: impl Display) {
    write(Level::Debug, message);
}

/// What happened.
pub fn info(message: impl Display) {
    write(Level::Info, message);
}

/// What may be wrong.
pub fn warn(message: impl Display) {
    write(Level::Warn, message);
}

/// What is wrong.
pub fn error(message: impl Display) {
    write(Level::Error, message);
}
