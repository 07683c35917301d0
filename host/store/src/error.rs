//! What can go wrong with the store itself, whatever was asked of it. Each use case has its own error beside it for
//! what a caller can do about; this one is what is left when nobody can but an operator.

use std::error::Error;
use std::fmt;

/// The store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened or brought to this version.
    #[error(
        "the database {place} cannot be opened: {source}; check that its folder exists and that it is not newer \
             than this program"
    )]
    Open {
        /// Where it is.
        place: String,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database refused or did not answer in time; nothing was changed.
    #[error("the database did not do as asked: {0}; try again, and look at its disk if it stays so")]
    Database(#[source] Box<dyn Error + Send + Sync>),
    /// A stored value is not what this program writes.
    #[error("the stored {what} cannot be read: {detail}; somebody else has written to the database, restore a backup")]
    Corrupt {
        /// Which value.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A value that was handed in cannot be written as JSON.
    #[error("{what} cannot be written as JSON: {source}; mend the caller")]
    Unwritable {
        /// Which value.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

impl StoreError {
    pub(crate) fn corrupt(what: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self::Corrupt { what: what.into(), detail: detail.to_string() }
    }

    pub(crate) fn database(error: sqlx::Error) -> Self {
        Self::Database(Box::new(error))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { index, source } => Self::corrupt(format!("column {index}"), source),
            other => Self::database(other),
        }
    }
}
