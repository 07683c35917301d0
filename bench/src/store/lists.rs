//! Lists over a thousand resources and over a hundred thousand: the whole of a request but the socket, in one thread.
//!
//! A page has fifty items in either. What a list may not do is look at more the more there is.

use anyhow::ensure;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use super::fill::{self, fill};
use super::place::{Kind, Place};
use crate::Effort;
use crate::figures::Report;
use crate::race::{Native, Race, Results};
use crate::whole::{self, MEMBERS_TOKEN, SMALL_TEAMS_TOKEN, TOKEN};

/// How many resources there are.
const FEW: usize = 1_000;
const MANY: usize = 100_000;

/// A list: the names of its figures over few and over many, who asks, for what, and how many items there are.
struct List {
    names: [[&'static str; 2]; 2],
    token: &'static str,
    path: fn(count: usize) -> String,
    items: usize,
}

/// The names of a figure on both databases, over few and over many.
macro_rules! names {
    ($word:literal) => {
        [
            [concat!("store/sqlite-", $word, "-1000"), concat!("store/sqlite-", $word, "-100000")],
            [concat!("store/postgres-", $word, "-1000"), concat!("store/postgres-", $word, "-100000")],
        ]
    };
}

const fn list(names: [[&'static str; 2]; 2], token: &'static str, items: usize, path: fn(usize) -> String) -> List {
    List { names, token, path, items }
}

static LISTS: [List; 32] = [
    list(names!("first-page"), TOKEN, 50, |_| "/api/v1/resources?limit=50".to_owned()),
    list(names!("deep-page"), TOKEN, 50, |count| after(count / 10 * 9)),
    list(names!("own-team"), MEMBERS_TOKEN, 50, |_| "/api/v1/resources?limit=50".to_owned()),
    list(names!("namespace"), TOKEN, 50, |_| "/api/v1/resources?namespace=team-7&limit=50".to_owned()),
    list(names!("namespace-deep"), TOKEN, 50, |count| format!("{}&namespace=team-7", after(count / 10 * 4))),
    list(names!("small-team"), SMALL_TEAMS_TOKEN, 20, |_| "/api/v1/resources?limit=50".to_owned()),
    list(names!("environment"), TOKEN, 50, |_| "/api/v1/resources?environment=prod&limit=50".to_owned()),
    list(names!("selector"), TOKEN, 50, |_| "/api/v1/resources?selector=tier%3Dgold&limit=50".to_owned()),
    list(names!("rare-label"), TOKEN, 20, |_| "/api/v1/resources?selector=rank%3Drare&limit=50".to_owned()),
    list(names!("label-of-one-in-100"), TOKEN, 10, |_| "/api/v1/resources?selector=rank%3Dhigh&limit=10".to_owned()),
    list(names!("own-team-label"), MEMBERS_TOKEN, 10, |_| "/api/v1/resources?selector=tier%3Dgold&limit=10".to_owned()),
    list(names!("rare-type"), TOKEN, 20, |_| "/api/v1/resources?type=rare-type&limit=50".to_owned()),
    list(names!("rare-environment"), TOKEN, 20, |_| "/api/v1/resources?environment=rare&limit=50".to_owned()),
    list(names!("few-of-a-state"), TOKEN, 20, |_| "/api/v1/resources?state=deleting&limit=50".to_owned()),
    list(names!("few-of-a-namespace"), TOKEN, 20, |_| {
        "/api/v1/resources?namespace=team-7&state=deleting&limit=50".to_owned()
    }),
    list(names!("requests"), TOKEN, 50, |_| "/api/v1/requests?limit=50".to_owned()),
    // And the one that the others are copies of.
    list(names!("requests-waiting"), TOKEN, 21, |_| "/api/v1/requests?state=pending-approval&limit=50".to_owned()),
    list(names!("requests-own-team"), MEMBERS_TOKEN, 50, |_| "/api/v1/requests?limit=50".to_owned()),
    list(names!("requests-waiting-own-team"), MEMBERS_TOKEN, 20, |_| {
        "/api/v1/requests?state=pending-approval&limit=50".to_owned()
    }),
    list(names!("requests-done-small-team"), SMALL_TEAMS_TOKEN, 20, |_| {
        "/api/v1/requests?state=succeeded&limit=50".to_owned()
    }),
    list(names!("requests-rare-label"), TOKEN, 20, |_| "/api/v1/requests?selector=rank%3Drare&limit=50".to_owned()),
    list(names!("requests-of-one"), TOKEN, 1, |count| format!("/api/v1/requests?resource={}", fill::id(count / 2))),
    list(names!("jobs"), TOKEN, 50, |_| "/api/v1/jobs?limit=50".to_owned()),
    list(names!("jobs-own-team"), MEMBERS_TOKEN, 50, |_| "/api/v1/jobs?limit=50".to_owned()),
    list(names!("jobs-small-team"), SMALL_TEAMS_TOKEN, 20, |_| "/api/v1/jobs?limit=50".to_owned()),
    list(names!("jobs-dead"), TOKEN, 20, |_| "/api/v1/jobs?state=dead&limit=50".to_owned()),
    list(names!("jobs-dead-own-team"), MEMBERS_TOKEN, 20, |_| "/api/v1/jobs?state=dead&limit=50".to_owned()),
    list(names!("jobs-rare-provider"), TOKEN, 20, |_| "/api/v1/jobs?provider=macadam%2Frare&limit=50".to_owned()),
    list(names!("audit-own-team"), MEMBERS_TOKEN, 50, |_| "/api/v1/audit?order=newest&limit=50".to_owned()),
    list(names!("audit-small-team"), SMALL_TEAMS_TOKEN, 20, |_| "/api/v1/audit?limit=50".to_owned()),
    list(names!("one"), TOKEN, 0, |_| "/api/v1/resources/team-9/dev/local-directory/r-9".to_owned()),
    // What a team has, a tenth of all resources here. Previews and requests read that as well.
    list(names!("standing"), MEMBERS_TOKEN, 1, |_| "/api/v1/teams".to_owned()),
];

fn after(number: usize) -> String {
    format!("/api/v1/resources?limit=50&after={}", fill::id(number))
}

struct Host {
    routes: Router,
    _data: TempDir,
}

/// Measures each list over both in turns.
pub(super) fn measure(kind: Kind, effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    let runtime = crate::decision::current_thread()?;
    let place = runtime.block_on(Place::start(kind))?;
    let few = runtime.block_on(host(&place, "few", FEW))?;
    let many = runtime.block_on(host(&place, "many", MANY))?;
    let mut race = Race::default();
    for list in &LISTS {
        let [name_of_few, name_of_many] = names_of(list, kind);
        for (name, host, count) in [(name_of_few, &few, FEW), (name_of_many, &many, MANY)] {
            let (runtime, path) = (&runtime, (list.path)(count));
            let items = ask(runtime, &host.routes, list.token, &path)?;
            // What is no list has no items, and is there.
            let items = items.get("items").and_then(Value::as_array).map_or(0, Vec::len);
            ensure!(items == list.items, "{name}: there are {items} items and not {}", list.items);
            race.enter(name, Native(move || ask_only(runtime, &host.routes, list.token, &path)));
        }
    }
    let results = race.run(effort.race)?;
    let mut slowest: f64 = 0.0;
    for list in &LISTS {
        slowest = slowest.max(growth(&results, names_of(list, kind), report).unwrap_or_default());
    }
    report.add(&format!("store/{}-list-growth", kind.word()), slowest, "x", None);
    Ok(())
}

/// Reports a list over few and over many, and says how much slower the second is.
fn growth(results: &Results, names: [&'static str; 2], report: &mut Report) -> Option<f64> {
    let [few, many] = names;
    results.report(few, None, report);
    results.report(many, Some(few), report);
    Some(report.value(many)? / report.value(few)?)
}

const fn names_of(list: &List, kind: Kind) -> [&'static str; 2] {
    let [sqlite, postgres] = list.names;
    match kind {
        Kind::Sqlite => sqlite,
        Kind::Postgres => postgres,
    }
}

async fn host(place: &Place, name: &str, count: usize) -> anyhow::Result<Host> {
    let (data, (store, raw)) = (tempfile::tempdir()?, place.database(name).await?);
    let packages = [whole::policy("macadam/bench-policy", "1.0.0")?, whole::provider()?];
    let platform =
        whole::host_on(store, data.path(), &packages, &whole::bindings("macadam/bench-policy@1.0.0")?).await?;
    fill(&platform, &raw, count).await?;
    Ok(Host { routes: whole::routes(data.path(), platform)?, _data: data })
}

fn ask(runtime: &Runtime, routes: &Router, token: &str, path: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&runtime.block_on(answer(routes, token, path))?)?)
}

fn ask_only(runtime: &Runtime, routes: &Router, token: &str, path: &str) -> anyhow::Result<()> {
    runtime.block_on(answer(routes, token, path)).map(drop)
}

async fn answer(routes: &Router, token: &str, path: &str) -> anyhow::Result<axum::body::Bytes> {
    let request = Request::builder().uri(path).header("authorization", format!("Bearer {token}"));
    let answer = routes.clone().oneshot(request.body(Body::empty())?).await?;
    ensure!(answer.status() == StatusCode::OK, "{path} answers {}", answer.status());
    Ok(axum::body::to_bytes(answer.into_body(), usize::MAX).await?)
}
