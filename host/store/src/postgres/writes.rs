//! Rows that go to the database together.
//!
//! Each statement is a trip to the server and back. Rows of several tables are one statement when each is written by a part
//! of it (`WITH … AS (INSERT …)`): all parts are done, references and triggers are looked after when all are, and the first
//! that fails ends the statement. The parts see nothing of each other, so a row is given values, and nothing that is to be
//! looked up in another row of the same statement.

use sqlx::{Encode, Postgres, QueryBuilder, Type};

use super::{Conn, Result};

/// Rows to be written.
pub(super) struct Writes {
    statement: QueryBuilder<Postgres>,
    rows: usize,
}

/// A row that is given its values.
#[must_use = "a row has to be ended"]
pub(super) struct Row<'w> {
    statement: &'w mut QueryBuilder<Postgres>,
    begun: bool,
}

impl Writes {
    /// None so far.
    pub(super) fn new() -> Self {
        Self { statement: QueryBuilder::new("WITH "), rows: 0 }
    }

    /// Begins a row of a table, which is named with its columns. They get their values in this order.
    pub(super) fn row(&mut self, table: &'static str) -> Row<'_> {
        if self.rows > 0 {
            self.statement.push(", ");
        }
        self.rows += 1;
        self.statement.push(format_args!("row_{} AS (INSERT INTO {table} VALUES (", self.rows));
        Row { statement: &mut self.statement, begun: false }
    }

    /// Writes them, in one trip.
    pub(super) async fn run(mut self, conn: &mut Conn) -> Result<()> {
        if self.rows > 0 {
            self.statement.push(" SELECT 1").build().execute(conn).await?;
        }
        Ok(())
    }
}

impl Row<'_> {
    /// The next column's value.
    pub(super) fn set<'t, T>(mut self, value: T) -> Self
    where
        T: Encode<'t, Postgres> + Type<Postgres>,
    {
        if self.begun {
            self.statement.push(", ");
        }
        self.statement.push_bind(value);
        self.begun = true;
        self
    }

    /// Ends the row.
    pub(super) fn end(self) {
        self.statement.push("))");
    }
}
