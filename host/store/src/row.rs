//! Columns to values and back, the same whichever database they come from. Whatever cannot be read is named as corrupt,
//! with its column.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use macadam_core::digest::Digest;
use serde::Serialize;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// A count as it is stored. The database's integers end at 2^63, where no count here gets.
pub(crate) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A value as JSON text.
pub(crate) fn json(what: &'static str, value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|source| StoreError::Unwritable { what, source })
}

/// The digest of a value, if there is one, for the audit log.
pub(crate) fn digest(what: &'static str, value: Option<impl Serialize>) -> Result<Option<Digest>> {
    let digest = value.map(|value| Digest::of_json(&value)).transpose();
    digest.map_err(|source| StoreError::Unwritable { what, source })
}

/// Makes sure that a change found the one row that it was for.
pub(crate) fn one_row(what: &'static str, changed: u64) -> Result<()> {
    all_rows(what, 1, changed)
}

/// Makes sure that a change was of as many rows as it was for.
pub(crate) fn all_rows(what: &'static str, meant: u64, changed: u64) -> Result<()> {
    if meant == changed {
        return Ok(());
    }
    Err(StoreError::corrupt(what, format_args!("a change was for {meant} row(s) and found {changed}")))
}

/// Typed access to a row's columns.
pub(crate) trait Columns {
    fn text(&self, column: &'static str) -> Result<String>;
    fn text_opt(&self, column: &'static str) -> Result<Option<String>>;
    fn bytes_opt(&self, column: &'static str) -> Result<Option<Vec<u8>>>;
    fn int(&self, column: &'static str) -> Result<i64>;
    fn int_opt(&self, column: &'static str) -> Result<Option<i64>>;
    fn time(&self, column: &'static str) -> Result<Timestamp>;
    fn time_opt(&self, column: &'static str) -> Result<Option<Timestamp>>;

    /// A text as it stands there, for what is to be shown also where somebody has written nonsense: what is no text has
    /// marks in it.
    fn as_it_stands(&self, column: &'static str) -> Result<Option<String>>;

    /// A moment, or the nearest one that there is to what somebody has written.
    fn nearest_time(&self, column: &'static str) -> Result<Timestamp>;

    fn count<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T> {
        let stored = self.int(column)?;
        T::try_from(stored).map_err(|_| StoreError::corrupt(column, format_args!("{stored} is out of range")))
    }

    /// A name, an id, a digest: whatever checks itself when it is read.
    fn parsed<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T> {
        to_parsed(column, &self.text(column)?)
    }

    fn parsed_opt<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<Option<T>> {
        self.text_opt(column)?.map(|text| to_parsed(column, &text)).transpose()
    }

    /// A variant of an enum, by its word.
    fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        to_word(column, &self.text(column)?)
    }

    fn word_opt<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        self.text_opt(column)?.map(|text| to_word(column, &text)).transpose()
    }

    fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        to_json(column, &self.text(column)?)
    }

    fn json_opt<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        self.text_opt(column)?.map(|text| to_json(column, &text)).transpose()
    }
}

/// The nearest moment to a number of microseconds since 1970.
pub(crate) fn nearest(micros: i64) -> Timestamp {
    let end = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(micros).unwrap_or(end)
}

fn to_parsed<T: FromStr<Err: Display>>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|error| StoreError::corrupt(column, error))
}

fn to_word<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T> {
    let words: StrDeserializer<'_, WordError> = text.into_deserializer();
    T::deserialize(words).map_err(|error| StoreError::corrupt(column, error))
}

fn to_json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(column, error))
}
