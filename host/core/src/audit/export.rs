//! The lines of an export: an opening, entries, heads. One JSON document on each.
//!
//! ```text
//! {"opening": {"format": 1, "streams": null, "after": {…}}}
//! {"entry": {…}}
//! {"heads": {"statement": {…}, "key": "…", "signature": "…"}}
//! ```

use serde::{Deserialize, Serialize};

use super::{Entry, Heads, SignedHeads, Stream};

/// The version of the form.
pub const EXPORT_VERSION: u32 = 1;

/// What an export begins with. Nobody has signed it: it says how to read what follows, and not what has to be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The version of the form.
    pub format: u32,
    /// The streams that it holds, whole ones; null is all.
    pub streams: Option<Vec<Stream>>,
    /// Where the entries before it ended.
    pub after: Heads,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Line {
    /// The first.
    Opening(Opening),
    /// An entry.
    Entry(Box<Entry>),
    /// The last: where the streams ended.
    Heads(SignedHeads),
}

/// A line that is none.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is not what an export holds.
    #[error("it is no line of an export")]
    Unreadable(#[from] serde_json::Error),
    /// The export is of a newer program.
    #[error("the export is of the form {0}, and this program reads {EXPORT_VERSION}; use a newer one")]
    Newer(u32),
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// [`LineError`] says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, LineError> {
        match serde_json::from_str(text)? {
            Self::Opening(opening) if opening.format != EXPORT_VERSION => Err(LineError::Newer(opening.format)),
            line => Ok(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::chain;

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        let entry = Line::Entry(Box::new(chain(2).remove(1)));
        let text = serde_json::to_string(&entry).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(Line::read(&text).unwrap(), entry);
        let more = text.replacen(r#""seq""#, r#""note":"x","seq""#, 1);
        assert!(Line::read(&more).is_err(), "a field that no hash covers must not pass");
    }
}
