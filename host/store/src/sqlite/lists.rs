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
    use macadam_core::lifecycle::{RequestState, ResourceState};
    use macadam_core::names::TeamId;
    use macadam_core::selector::Selector;

    use super::super::SqliteStore;
    use super::*;
    use crate::{PageRequest, RequestFilter, ResourceFilter, ResourceId, lists};

    fn selectors() -> Vec<Selector> {
        let all = ["a=b", "a", "a=b,c in (d,e)", "a!=b,!c", "a=b,a!=c,d"];
        all.iter().map(|selector| selector.parse().unwrap()).collect()
    }

    /// Each filter that there is for resources, alone and with each other one.
    fn resource_filters() -> Vec<ResourceFilter> {
        let teams = Some(vec!["shop".parse().unwrap(), "web".parse().unwrap()]);
        let mut all = vec![ResourceFilter::default()];
        let mut with = |change: &dyn Fn(&mut ResourceFilter)| {
            let mut changed = all.clone();
            changed.iter_mut().for_each(change);
            all.append(&mut changed);
        };
        with(&|filter: &mut ResourceFilter| filter.teams = teams.clone());
        with(&|filter: &mut ResourceFilter| filter.environment = Some("dev".parse().unwrap()));
        with(&|filter: &mut ResourceFilter| filter.resource_type = Some("bucket".parse().unwrap()));
        with(&|filter: &mut ResourceFilter| filter.namespace = Some("shop".parse().unwrap()));
        with(&|filter: &mut ResourceFilter| filter.state = Some(ResourceState::Ready));
        with(&|filter: &mut ResourceFilter| filter.include_gone = true);
        let some = all.iter().filter(|filter| filter.namespace.is_none());
        let some: Vec<_> = some.cloned().collect();
        for selector in selectors() {
            all.extend(some.iter().cloned().map(|filter| ResourceFilter { selector: selector.clone(), ..filter }));
        }
        all
    }

    async fn plan(store: &SqliteStore, sql: &str, list: &List) -> Vec<String> {
        let mut reader = store.read().await.unwrap();
        let rows = query(format!("EXPLAIN QUERY PLAN {sql}"), list).fetch_all(&mut *reader).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.iter().map(|row| row.try_get::<String, _>("detail").unwrap()).collect()
    }

    /// SQLite goes an index for every way of a list, and sorts nothing.
    async fn goes_by_an_index(store: &SqliteStore, list: &List) {
        let pages = list.ways().map(|way| list.page(Dialect::Sqlite, way, 50));
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
        for filter in resource_filters() {
            let after = ResourceId::new(jiff::Timestamp::UNIX_EPOCH, [0; 10]);
            for page in [PageRequest::first(50), PageRequest::after(after, 50)] {
                goes_by_an_index(&store, &lists::resources(&filter, page).unwrap()).await;
            }
        }
        let team: TeamId = "shop".parse().unwrap();
        for selector in [vec![Selector::default()], selectors()].concat() {
            for state in [None, Some(RequestState::Failed)] {
                for team in [None, Some(team.clone())] {
                    let filter = RequestFilter { team, state, selector: selector.clone(), ..RequestFilter::default() };
                    goes_by_an_index(&store, &lists::requests(&filter, PageRequest::first(50)).unwrap()).await;
                }
            }
        }
    }
}
