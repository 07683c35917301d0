//! SQLite's rows: what is particular about them. Times are integers.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::{SqliteQueryResult, SqliteRow};

use super::Result;
use crate::StoreError;
use crate::row::nearest;
pub(super) use crate::row::{Columns, digest, int, json};

/// A moment as it is stored: microseconds since 1970, which PostgreSQL keeps as well.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Makes sure that a change found the one row that it was for.
pub(super) fn one_row(what: &'static str, result: &SqliteQueryResult) -> Result<()> {
    crate::row::one_row(what, result.rows_affected())
}

impl Columns for SqliteRow {
    fn text(&self, column: &'static str) -> Result<String> {
        Ok(self.try_get(column)?)
    }

    fn text_opt(&self, column: &'static str) -> Result<Option<String>> {
        Ok(self.try_get(column)?)
    }

    fn bytes_opt(&self, column: &'static str) -> Result<Option<Vec<u8>>> {
        Ok(self.try_get(column)?)
    }

    fn int(&self, column: &'static str) -> Result<i64> {
        Ok(self.try_get(column)?)
    }

    fn int_opt(&self, column: &'static str) -> Result<Option<i64>> {
        Ok(self.try_get(column)?)
    }

    fn time(&self, column: &'static str) -> Result<Timestamp> {
        to_time(column, self.int(column)?)
    }

    fn time_opt(&self, column: &'static str) -> Result<Option<Timestamp>> {
        self.int_opt(column)?.map(|stored| to_time(column, stored)).transpose()
    }

    fn as_it_stands(&self, column: &'static str) -> Result<Option<String>> {
        // SQLite takes any bytes for a text.
        let bytes: Option<Vec<u8>> = self.try_get_unchecked(column)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn nearest_time(&self, column: &'static str) -> Result<Timestamp> {
        Ok(nearest(self.int(column)?))
    }
}

fn to_time(column: &'static str, stored: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(stored).map_err(|error| StoreError::corrupt(column, error))
}
