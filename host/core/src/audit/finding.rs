//! What is found, named: which stream, which entry, what.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

/// Something that was done to the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stream; null for what is only known by its number among all entries.
    pub stream: Option<String>,
    /// The place in the stream, or without one the number among all entries.
    pub place: u64,
    /// The number among all entries, where an entry is there to have one.
    pub seq: Option<u64>,
    /// What.
    #[serde(flatten)]
    pub wrong: Wrong,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "wrong")]
pub enum Wrong {
    /// Its fields are not those that were hashed.
    Changed,
    /// It is bound to another entry than the one before it.
    Detached,
    /// It, and maybe some after it, are not there.
    Missing {
        /// How many.
        entries: u64,
    },
    /// An entry is where it does not belong.
    Misplaced,
    /// It says that it is hashed in a way that it cannot be.
    Version {
        /// The version that it names.
        version: u32,
    },
    /// The stream ended later when its head was kept.
    Cut {
        /// Where it ended then.
        kept: u64,
        /// When that was.
        at: Timestamp,
    },
    /// The heads that an export closes with do not reach it, so they say nothing of it.
    Unclosed {
        /// Where they end the stream; zero when they do not name it.
        closed: u64,
        /// When they are of.
        at: Timestamp,
    },
    /// The chain is whole and is not the one whose head was kept.
    Rewritten {
        /// When the head was kept.
        at: Timestamp,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stream {
            Some(stream) => write!(f, "stream {stream}, entry {}", self.place)?,
            None => write!(f, "number {}", self.place)?,
        }
        match self.seq.filter(|_| self.stream.is_some()) {
            Some(seq) => write!(f, " (number {seq}): {}", self.wrong),
            None => write!(f, ": {}", self.wrong),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("it was changed after it was written"),
            Self::Detached => {
                f.write_str("it does not follow the entry before it; one of the two was replaced, or one was inserted")
            }
            Self::Missing { entries: 1 } => f.write_str("it is missing"),
            Self::Missing { entries } => write!(f, "it is missing, with those after it {entries} entries"),
            Self::Misplaced => f.write_str("it is not in its place; it was inserted, repeated or moved"),
            Self::Version { version } => write!(f, "it says that its hash is of version {version}, which it cannot be"),
            Self::Cut { kept, at } => {
                write!(f, "the stream was cut before it; at {at} its last entry was {kept}")
            }
            Self::Unclosed { closed: 0, at } => {
                write!(f, "nothing vouches for it; the heads of {at} that close the export do not name its stream")
            }
            Self::Unclosed { closed, at } => {
                write!(f, "nothing vouches for it; the heads of {at} that close the export end with entry {closed}")
            }
            Self::Rewritten { at } => {
                write!(f, "the chain was rewritten up to it or before; its hash is not the one that was kept at {at}")
            }
        }
    }
}
