//! What can go wrong with the store itself, whatever was asked of it. Each use case has its own error beside it for
//! what a caller can do about; this one is what is left when nobody can but an operator.

use std::error::Error;
use std::fmt;

use macadam_core::postgres_address;
use sqlx::error::DatabaseError;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteError;

/// The store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened or brought to this version.
    #[error(
        "the database {place} cannot be opened: {source}; check that its folder exists, that both may be written, and that \
             the disk has room"
    )]
    Open {
        /// Where it is.
        place: String,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// What is said to be the address of a database is none.
    #[error("the address of the database cannot be used: {reason}; write postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Address {
        /// What is wrong with it. Never the address itself, which may hold a password.
        reason: String,
    },
    /// The database's server cannot be reached, or lets nobody in.
    #[error(
        "the database {place} cannot be reached: {said}; check that the server runs, that the address is right, and \
             that this database and user are there and may be used from here"
    )]
    Unreachable {
        /// Where it is, without a password.
        place: String,
        /// What the system or the server said.
        said: Box<dyn Error + Send + Sync>,
    },
    /// The database's server is older than what this program needs.
    #[error("the server of {place} is PostgreSQL {version}; use PostgreSQL {least} or newer")]
    ServerTooOld {
        /// Where it is, without a password.
        place: String,
        /// What the server says that it is.
        version: String,
        /// The oldest that will do.
        least: i32,
    },
    /// The database cannot hold every text.
    #[error("the database {place} has the encoding {encoding}; make one with `ENCODING 'UTF8'`")]
    Encoding {
        /// Where it is, without a password.
        place: String,
        /// Its encoding.
        encoding: String,
    },
    /// This machine and the database's server do not have the same time.
    #[error(
        "the clock of this machine is {seconds} s {direction} that of the database {place}, and hosts would take work from \
             each other that is still under way; have both machines follow a time server (NTP)"
    )]
    Clock {
        /// Where it is, without a password.
        place: String,
        /// By how much, in seconds.
        seconds: i64,
        /// Which way: `ahead of` or `behind`.
        direction: &'static str,
    },
    /// A newer version of this program has changed the database's tables.
    #[error(
        "the database {place} is of a newer version of this program: its tables are at {found}, and this version knows \
             them up to {known}; start that version or a newer one"
    )]
    SchemaNewer {
        /// Where it is, without a password.
        place: String,
        /// The first migration that this program does not know.
        found: i64,
        /// The last that it knows.
        known: i64,
    },
    /// The database's tables could not be brought to this version. Each migration counts whole or not at all, so the next
    /// start goes on with the one that failed.
    #[error(
        "the tables of {place} cannot be brought to this version: {said}; the user must own the database, or may \
             create tables in its schema"
    )]
    Schema {
        /// Where it is, without a password.
        place: String,
        /// What the server said.
        said: Box<dyn Error + Send + Sync>,
    },
    /// The database refused or did not answer in time; nothing was changed.
    #[error("the database did not do as asked: {0}; try again, and look at its server or disk if it stays so")]
    Database(#[source] Box<dyn Error + Send + Sync>),
    /// The database is not there for now: it restarts, is cut off, or has no connection left. Whether a change that was
    /// under way counts is not known.
    #[error("the database does not answer for now; try again in a moment")]
    Away,
    /// Nothing can be written for now, and nothing was changed.
    #[error("nothing can be written, and nothing was changed: {0}")]
    Unwritten(Obstacle),
    /// Something was to be kept that is sealed under a key that counts no more. It would be in the way of nobody else,
    /// and open for nobody.
    #[error(
        "what was to be kept is sealed under a key that was replaced and is not in use any more, so nothing was changed; \
             give this host the key that replaced it, and restart it"
    )]
    KeyRetired,
    /// Another try at the same request has taken the idempotency key over meanwhile, so this one changed nothing.
    #[error(
        "another host has taken this request over, since this one was not heard of for too long, and nothing was changed \
             here; send it again under the same `Idempotency-Key` for the answer"
    )]
    KeyLost,
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

/// What keeps a database from being written, until an operator has seen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// No room is left.
    Full,
    /// It may only be read.
    ReadOnly,
    /// The disk does not do as the system asks.
    Disk,
    /// Somebody else has held it for too long.
    Busy,
}

impl Obstacle {
    /// The obstacle that a database reports, if it is one: SQLite's result codes (sqlite.org/rescode.html), the lowest
    /// byte of which says the kind, and PostgreSQL's states.
    fn of(error: &dyn DatabaseError) -> Option<Self> {
        let code = error.code()?;
        match &*code {
            "53100" => return Some(Self::Full),
            "25006" => return Some(Self::ReadOnly),
            "58030" => return Some(Self::Disk),
            // A lock was waited for in vain, or a statement took too long: somebody holds rows, such as a host that sleeps.
            "55P03" | "57014" => return Some(Self::Busy),
            _ => {}
        }
        error.try_downcast_ref::<SqliteError>()?;
        match code.parse::<u32>().ok()? & 0xff {
            13 => Some(Self::Full),
            8 => Some(Self::ReadOnly),
            10 | 14 => Some(Self::Disk),
            5 => Some(Self::Busy),
            _ => None,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the disk of the database is full; make room on it",
            Self::ReadOnly => "the database may only be read; let the host write its file and the folder it is in",
            Self::Disk => "the disk of the database fails; look at the system's log",
            Self::Busy => "another process has held the database for too long; end it, or let it finish",
        })
    }
}

impl StoreError {
    /// A database has seen a migration that is not among those that this program knows.
    pub(crate) fn newer(place: &str, found: i64, migrations: &Migrator) -> Self {
        let known = migrations.iter().map(|migration| migration.version).max().unwrap_or_default();
        Self::SchemaNewer { place: place.to_owned(), found, known }
    }

    /// Whether it is no failure of the host's own: the same may work later, or for somebody who does what the error says.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Away | Self::Unwritten(_) | Self::KeyLost | Self::KeyRetired)
    }

    pub(crate) fn corrupt(what: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self::Corrupt { what: what.into(), detail: detail.to_string() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let Some(obstacle) = error.as_database_error().and_then(Obstacle::of) {
            tracing::error!(%error, %obstacle, "the database cannot be written");
            return Self::Unwritten(obstacle);
        }
        if error.as_database_error().is_some_and(is_sealed_under_nothing) {
            tracing::error!(%error, "something is sealed under a key that is not in use");
            return Self::KeyRetired;
        }
        if is_away(&error) {
            tracing::warn!(%error, "the database does not answer");
            return Self::Away;
        }
        match error {
            sqlx::Error::ColumnDecode { index, source } => Self::corrupt(format!("column {index}"), source),
            other => Self::Database(told(other)),
        }
    }
}

/// What the driver says, unless that repeats a key.
pub(crate) fn told(error: impl Error + Send + Sync + 'static) -> Box<dyn Error + Send + Sync> {
    postgres_address::instead_of(&error.to_string()).map_or_else(|| error.into(), Into::into)
}

/// What PostgreSQL says while it ends, has crashed, or starts, when it has no connection left, and when it has ended a
/// connection whose host slept in the middle of a transaction (its manual, appendix A).
const AWAY: [&str; 5] = ["57P01", "57P02", "57P03", "53300", "25P03"];

fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // 08 is the class of connections that failed.
            AWAY.contains(&&*code) || code.len() == 5 && code.starts_with("08")
        }
        _ => false,
    }
}

/// Whether PostgreSQL refuses a sealed value since its key is none of those in use: the references of migration 17.
fn is_sealed_under_nothing(error: &dyn DatabaseError) -> bool {
    let refers = error.constraint().is_some_and(|name| name.ends_with("sealed_by_fkey"));
    refers && error.is_foreign_key_violation()
}
