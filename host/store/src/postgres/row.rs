//! PostgreSQL's rows: what is particular about them. Times are `timestamptz`, and texts hold no NUL.

use std::borrow::Cow;

use jiff::Timestamp;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgQueryResult, PgRow, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Row, Type};

use super::Result;
use crate::row::nearest;
pub(super) use crate::row::{Columns, digest, int, json};

/// PostgreSQL's number for `timestamptz`, the same in every version.
const TIMESTAMPTZ: Oid = Oid(1184);

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// A moment as it is stored: to the microsecond, as on SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At(pub(super) Timestamp);

impl Type<Postgres> for At {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> std::result::Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(self.0.as_microsecond() - EPOCH, buffer)
    }
}

impl<'r> Decode<'r, Postgres> for At {
    fn decode(value: PgValueRef<'r>) -> std::result::Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => {
                let stored: i64 = Decode::<Postgres>::decode(value)?;
                let micros = stored.checked_add(EPOCH).ok_or("the moment is not in any calendar")?;
                Ok(Self(Timestamp::from_microsecond(micros)?))
            }
            // Only statements without parameters that are sent as plain text answer so, and none here does.
            PgValueFormat::Text => Err("a moment came as text".into()),
        }
    }
}

/// A text for people as it can be stored. PostgreSQL has no NUL in a text, and a plugin's message may have one: that
/// must not keep its failure from being recorded. JSON writes a NUL as an escape, and needs none of this.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{2400}")) } else { Cow::Borrowed(text) }
}

/// Makes sure that a change found the one row that it was for.
pub(super) fn one_row(what: &'static str, result: &PgQueryResult) -> Result<()> {
    crate::row::one_row(what, result.rows_affected())
}

impl Columns for PgRow {
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
        let At(stored) = self.try_get(column)?;
        Ok(stored)
    }

    fn time_opt(&self, column: &'static str) -> Result<Option<Timestamp>> {
        let stored: Option<At> = self.try_get(column)?;
        Ok(stored.map(|At(moment)| moment))
    }

    fn as_it_stands(&self, column: &'static str) -> Result<Option<String>> {
        // PostgreSQL looks at texts itself.
        self.text_opt(column)
    }

    fn nearest_time(&self, column: &'static str) -> Result<Timestamp> {
        // It has moments of before and after all that others have, and two that are infinite.
        let stored: i64 = self.try_get_unchecked(column)?;
        Ok(nearest(stored.saturating_add(EPOCH)))
    }
}

/// A column that is true or false.
pub(super) fn flag(row: &PgRow, column: &'static str) -> Result<bool> {
    Ok(row.try_get(column)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_in_a_text_for_people_is_shown_and_everything_else_stays() {
        assert_eq!(plain("out\0 of \0fuel"), "out\u{2400} of \u{2400}fuel");
        assert!(matches!(plain("naïve ☃"), Cow::Borrowed("naïve ☃")));
    }
}
