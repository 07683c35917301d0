//! Pages of lists on SQLite.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, Sqlite};

use super::{Conn, Result};
use crate::lists::{Dialect, List};

/// The longest query that a connection keeps prepared. Longer ones are of selectors with many values, hardly two alike.
const KEPT: usize = 4_096;

/// The rows of a page, by the way that meets the fewest.
pub(super) async fn page(conn: &mut Conn, list: &List, limit: u32) -> Result<Vec<SqliteRow>> {
    let ends = match list.probe(Dialect::Sqlite) {
        Some(probe) => ends(&query(probe, list).fetch_one(&mut *conn).await?)?,
        None => Vec::new(),
    };
    let page = list.page(Dialect::Sqlite, list.sparsest(&ends), limit);
    Ok(query(page, list).fetch_all(conn).await?)
}

fn ends(row: &SqliteRow) -> Result<Vec<Option<String>>> {
    let ends = (0..row.len()).map(|column| row.try_get::<Option<String>, _>(column));
    Ok(ends.collect::<sqlx::Result<_>>()?)
}

/// What is asked, which has nothing from outside in it: that is in the values.
fn query(sql: String, list: &List) -> Query<'static, Sqlite, SqliteArguments> {
    let (values, kept) = (list.values(&sql).cloned().collect::<Vec<_>>(), sql.len() <= KEPT);
    let query = sqlx::query(AssertSqlSafe(sql)).persistent(kept);
    values.into_iter().fold(query, Query::bind)
}

#[cfg(test)]
mod tests {
    use super::super::SqliteStore;
    use super::*;
    use crate::lists::every;

    async fn plan(store: &SqliteStore, sql: &str, list: &List) -> Vec<String> {
        let mut reader = store.read().await.unwrap();
        let rows = query(format!("EXPLAIN QUERY PLAN {sql}"), list).fetch_all(&mut *reader).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.iter().map(|row| row.try_get::<String, _>("detail").unwrap()).collect()
    }

    /// SQLite goes an index for every way of a list, and sorts nothing.
    async fn goes_by_an_index(store: &SqliteStore, list: &List) {
        let pages = list.ways().map(|way| list.page(Dialect::Sqlite, way, every::LIMIT));
        for sql in pages.chain(list.probe(Dialect::Sqlite)) {
            let plan = plan(store, &sql, list).await;
            let slow = plan.iter().find(|step| step.contains("TEMP B-TREE") || step.starts_with("SCAN way"));
            assert_eq!(slow, None, "{sql}: {plan:?}");
        }
    }

    #[tokio::test]
    async fn no_list_is_sorted_or_goes_through_everything() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("macadam.db")).await.unwrap();
        for list in every::kind() {
            goes_by_an_index(&store, &list).await;
        }
    }
}
