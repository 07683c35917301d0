//! Pages of lists on PostgreSQL.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres, Row as _};

use super::{Conn, Result};
use crate::lists::{Dialect, List};

/// The longest query that a connection keeps prepared. Longer ones are of selectors with many values, hardly two alike.
const KEPT: usize = 4_096;

/// The rows of a page, by the way that meets the fewest.
pub(super) async fn page(conn: &mut Conn, list: &List, limit: u32) -> Result<Vec<PgRow>> {
    let ends = match list.probe(Dialect::Postgres) {
        Some(probe) => ends(&query(probe, list).fetch_one(&mut *conn).await?)?,
        None => Vec::new(),
    };
    let page = list.page(Dialect::Postgres, list.sparsest(&ends), limit);
    Ok(query(page, list).fetch_all(conn).await?)
}

fn ends(row: &PgRow) -> Result<Vec<Option<String>>> {
    let ends = (0..row.len()).map(|column| row.try_get::<Option<String>, _>(column));
    Ok(ends.collect::<sqlx::Result<_>>()?)
}

/// What is asked, which has nothing from outside in it: that is in the values.
fn query(sql: String, list: &List) -> Query<'static, Postgres, PgArguments> {
    let (values, kept) = (list.values(&sql).cloned().collect::<Vec<_>>(), sql.len() <= KEPT);
    let query = sqlx::query(AssertSqlSafe(sql)).persistent(kept);
    values.into_iter().fold(query, Query::bind)
}

#[cfg(test)]
mod plans;
