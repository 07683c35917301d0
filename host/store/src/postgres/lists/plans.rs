//! What PostgreSQL makes of lists: the plans that a statement has which is kept prepared, where one team has half of everything
//! and a hundred others share the rest.
//!
//! Such a plan is made for the average of all teams, so it expects a handful of rows where there are thousands.

use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use super::super::{Conn, PostgresSettings, PostgresStore};
use crate::lists::{Dialect, List, Way, every};

#[path = "../../../../../tests/src/postgres.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests need more of it, and from elsewhere")]
mod server;

/// Ten thousand resources, each with a request and three tags. Triggers would keep the tags one by one. What looks after
/// tables in the background could see to these at any moment, or not at all, and with that change what a plan costs.
const FILLED: &str = "
ALTER TABLE resources SET (autovacuum_enabled = off);
ALTER TABLE requests SET (autovacuum_enabled = off);
ALTER TABLE resource_tags SET (autovacuum_enabled = off);
ALTER TABLE request_tags SET (autovacuum_enabled = off);
ALTER TABLE resources DISABLE TRIGGER USER;
ALTER TABLE requests DISABLE TRIGGER USER;

INSERT INTO teams (name, document) SELECT 'team-' || n, '{}' FROM generate_series(0, 100) AS n;
INSERT INTO environments (name, document) SELECT name, '{}' FROM unnest(ARRAY['dev', 'stage', 'prod', 'rare']) AS name;

INSERT INTO resources (id, namespace, environment, type, name, team, state, desired, provider, monthly, outputs, revision,
                       created_at, updated_at)
SELECT '018bcfe5-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), team,
       CASE WHEN n % 1000 = 998 THEN 'rare' ELSE (ARRAY['prod', 'stage', 'dev'])[n % 3 + 1] END,
       CASE WHEN n % 1000 = 996 THEN 'rare' ELSE (ARRAY['database', 'cache', 'bucket'])[n % 3 + 1] END,
       'n' || n, team, CASE WHEN n % 10 = 7 THEN 'deleted' ELSE 'ready' END,
       json_build_object('spec', repeat('x', 300), 'tags', json_build_object(
           'owner', 'person-' || n % 50, 'team', team, 'tier', CASE WHEN n % 10 = 0 THEN 'gold' ELSE 'plain' END))::text,
       '{}', '{}', '[]', 1, now(), now()
FROM (SELECT n, CASE WHEN n % 2 = 0 THEN 'team-0' ELSE 'team-' || 1 + n / 2 % 100 END AS team
      FROM generate_series(0, 9999) AS n) AS numbers;

INSERT INTO requests (id, action, state, team, person, actor, resource_id, resource_key, document, decision, digest, needs,
                      created_at, updated_at)
SELECT replace(id, '-8000-', '-9000-'), 'create', CASE WHEN name LIKE '%999' THEN 'failed' ELSE 'succeeded' END, team, 'ana',
       '{}', id, 'a key', desired, '{}', 'a digest', '[]', now(), now()
FROM resources;

INSERT INTO resource_tags (id, team, key, value, gone) SELECT id, team, key, value, gone FROM tags_of_resources;
INSERT INTO request_tags (id, team, key, value) SELECT id, team, key, value FROM tags_of_requests;
";

const LOOKED_AFTER: &str = "VACUUM ANALYZE resources, requests, resource_tags, request_tags";

/// The server: one of the test's own, or the one that it is given.
struct Ground {
    url: String,
    _own: Option<server::Postgres>,
}

impl Ground {
    async fn prepare() -> Self {
        if let Ok(url) = std::env::var("MACADAM_TEST_POSTGRES") {
            return Self { url, _own: None };
        }
        let own = server::Postgres::start().await;
        Self { url: own.superuser_url(), _own: Some(own) }
    }
}

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// A scan by which a plan goes a way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Scan {
    /// By which index, or else how.
    by: String,
    /// Whether what it finds is sorted, and so read to its end, before a page of it is taken.
    sorted: bool,
}

impl Scan {
    /// Those of a plan.
    fn all(plan: &Value, sorted: bool) -> Vec<Self> {
        let text = |name: &str| plan.get(name).and_then(Value::as_str).unwrap_or_default();
        let node = text("Node Type");
        let sorted = node != "Limit" && (sorted || node.ends_with("Sort"));
        // PostgreSQL numbers names that are given more than once.
        let alias = text("Alias");
        let goes = plan.get("Relation Name").is_some() && (alias == "way" || alias.starts_with("way_"));
        let by = if node.starts_with("Index") { text("Index Name") } else { node };
        let here = goes.then(|| Self { by: by.to_owned(), sorted });
        let below = plan.get("Plans").and_then(Value::as_array).into_iter().flatten();
        below.flat_map(|plan| Self::all(plan, sorted)).chain(here).collect()
    }

    /// What there should be for a way.
    fn by(index: &str) -> Self {
        let index = if index == "sqlite_autoindex_requests_1" { "requests_pkey" } else { index };
        Self { by: index.to_owned(), sorted: false }
    }
}

/// The plan of a statement that is kept prepared.
async fn plan(conn: &mut Conn, list: &List, sql: &str) -> Value {
    let values: Vec<String> = list.values(sql).map(|value| format!("'{value}'")).collect();
    let (types, values) = (vec!["text"; values.len()].join(", "), values.join(", "));
    let statements = [
        format!("PREPARE list ({types}) AS {sql}"),
        format!("EXPLAIN (FORMAT JSON) EXECUTE list ({values})"),
        "DEALLOCATE list".to_owned(),
    ];
    let mut told = Vec::new();
    for statement in statements {
        let rows = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(&mut *conn).await;
        told.extend(rows.unwrap_or_else(|error| panic!("{sql}: {error}")));
    }
    let plans: Value = serde_json::from_str(&told[0].try_get_unchecked::<String, _>(0).unwrap()).unwrap();
    plans[0]["Plan"].clone()
}

/// What a database makes of lists other than by the indexes of their ways.
async fn strays(store: &PostgresStore) -> Vec<String> {
    let mut conn = store.read().await.unwrap();
    sqlx::raw_sql("SET plan_cache_mode = force_generic_plan").execute(&mut *conn).await.unwrap();
    let mut strays = Vec::new();
    for list in every::kind() {
        let mut asked: Vec<(String, Vec<&str>)> = Vec::new();
        for way in list.ways() {
            asked.push((list.page(Dialect::Postgres, way, every::LIMIT), way.indexes().collect()));
        }
        if let Some(probe) = list.probe(Dialect::Postgres) {
            asked.push((probe, list.ways().flat_map(Way::indexes).collect()));
        }
        for (sql, indexes) in asked {
            let mut scans = Scan::all(&plan(&mut conn, &list, &sql).await, false);
            let mut wanted: Vec<Scan> = indexes.into_iter().map(Scan::by).collect();
            scans.sort();
            wanted.sort();
            if scans != wanted {
                strays.push(format!("{sql}: {scans:?} instead of {wanted:?}"));
            }
        }
    }
    strays
}

#[tokio::test]
async fn no_list_is_sorted_or_goes_through_everything_that_a_large_team_has() {
    let (ground, name) = (Ground::prepare().await, format!("macadam_plans_{}", std::process::id()));
    let options: PgConnectOptions = ground.url.parse().unwrap();
    let url = options.database(&name).to_url_lossy().to_string();
    // A run before this one that failed may have left one, and processes get their numbers again.
    run(&ground.url, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    run(&ground.url, &format!("CREATE DATABASE {name} TEMPLATE template0")).await;
    let store = PostgresStore::open(&PostgresSettings::new(&url).unwrap()).await.unwrap();
    run(&url, FILLED).await;
    run(&url, LOOKED_AFTER).await;
    let strays = strays(&store).await;
    store.close().await;
    run(&ground.url, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    assert!(strays.is_empty(), "{} plans are others, such as {}", strays.len(), strays[0]);
}
