//! Rows that go to the database together.
//!
//! A connection has a thread of its own. Whatever is sent to it wakes that thread, and its answer wakes whoever waits for it,
//! which takes longer than writing a row does. SQLite takes several statements as one text and does one after the other, up
//! to the first that fails; whoever runs them leaves the transaction then.

use sqlx::{Encode, QueryBuilder, Sqlite, Type};

use super::{Conn, Result};
use crate::row::all_rows;

/// Rows to be written, in their order.
#[derive(Default)]
pub(super) struct Writes {
    statements: QueryBuilder<Sqlite>,
    rows: u64,
}

/// A row that is given its values.
#[must_use = "a row has to be ended"]
pub(super) struct Row<'w> {
    statements: &'w mut QueryBuilder<Sqlite>,
    begun: bool,
}

impl Writes {
    /// Begins a row of a table, which is named with its columns. They get their values in this order.
    pub(super) fn row(&mut self, table: &'static str) -> Row<'_> {
        self.rows += 1;
        self.statements.push("INSERT INTO ").push(table).push(" VALUES (");
        Row { statements: &mut self.statements, begun: false }
    }

    /// Writes them, in one trip.
    pub(super) async fn run(mut self, conn: &mut Conn) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let written = self.statements.build().execute(conn).await?;
        all_rows("rows", self.rows, written.rows_affected())
    }
}

impl Row<'_> {
    /// The next column's value.
    pub(super) fn set<'t, T>(mut self, value: T) -> Self
    where
        T: Encode<'t, Sqlite> + Type<Sqlite>,
    {
        if self.begun {
            self.statements.push(", ");
        }
        self.statements.push_bind(value);
        self.begun = true;
        self
    }

    /// Ends the row.
    pub(super) fn end(self) {
        self.statements.push(");");
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;

    async fn database() -> Conn {
        let mut conn = Conn::connect("sqlite::memory:").await.unwrap();
        let tables = "CREATE TABLE a (x TEXT NOT NULL) STRICT;
                      CREATE TABLE b (x INTEGER PRIMARY KEY, y TEXT) STRICT;
                      CREATE TABLE seen (x INTEGER) STRICT;
                      CREATE TRIGGER b_is_seen AFTER INSERT ON b BEGIN INSERT INTO seen VALUES (NEW.x); END;";
        sqlx::raw_sql(tables).execute(&mut conn).await.unwrap();
        conn
    }

    async fn count(conn: &mut Conn) -> i64 {
        let query = "SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b) + (SELECT count(*) FROM seen)";
        sqlx::query_scalar(query).fetch_one(conn).await.unwrap()
    }

    #[tokio::test]
    async fn rows_of_several_tables_get_each_their_own_values_also_the_second_time() {
        let mut conn = database().await;
        for turn in [0_i64, 10] {
            let mut writes = Writes::default();
            writes.row("a (x)").set("first; and not the end").end();
            writes.row("b (x, y)").set(turn + 1).set(None::<&str>).end();
            writes.row("b (x, y)").set(turn + 2).set("?").end();
            writes.run(&mut conn).await.unwrap();
        }
        assert_eq!(count(&mut conn).await, 2 + 4 + 4);
        let rows: Vec<(i64, Option<String>)> =
            sqlx::query_as("SELECT x, y FROM b ORDER BY x").fetch_all(&mut conn).await.unwrap();
        let mark = || Some("?".to_owned());
        assert_eq!(rows, [(1, None), (2, mark()), (11, None), (12, mark())]);
        Writes::default().run(&mut conn).await.unwrap();
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_written_ends_it_there_and_the_transaction_with_it() {
        let mut conn = database().await;
        let mut tx = conn.begin().await.unwrap();
        let mut writes = Writes::default();
        writes.row("b (x, y)").set(1).set("there").end();
        writes.row("a (x)").set(None::<&str>).end();
        writes.row("b (x, y)").set(2).set("not reached").end();
        assert!(writes.run(&mut tx).await.is_err(), "a column that must not be empty is");
        assert_eq!(count(&mut tx).await, 2, "what came after it is not done");
        tx.rollback().await.unwrap();
        assert_eq!(count(&mut conn).await, 0, "and what came before it goes with the transaction");
    }
}
