//! From a wish to a database that one can connect to, and back.

use macadam_tests::postgres::Postgres;
use macadam_tests::server::{Server, Setup, database};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

#[tokio::test(flavor = "multi_thread")]
async fn a_development_database_is_approved_at_once_and_really_exists_until_it_is_deleted() {
    let postgres = Postgres::start().await;
    let server = Server::start(&Setup::with_postgres(&postgres));
    let dana = server.person("dana");

    let taken = dana.request_database("dev", "orders", 10);
    assert_eq!((taken.status, taken.body["state"].as_str()), (202, Some("queued")), "{taken:?}");
    assert_eq!(dana.wait_for(&taken.request()), "succeeded", "{}", server.log());
    assert_eq!(postgres.databases().await.len(), 1, "the database is there");

    let path = "/api/v1/resources/payments/dev/postgres-database/orders";
    let shown = dana.get(path);
    assert_eq!(shown.body["state"], "ready", "{shown:?}");
    assert_eq!(shown.body["outputs"]["password"], json!({"secret": true}), "a secret is only named: {shown:?}");

    assert_eq!(dana.get(&format!("{path}/health")).body["health"], "healthy");

    let credentials = dana.get(&format!("{path}/credentials")).body["outputs"].clone();
    let text = |name: &str| credentials[name].as_str().unwrap_or_default().to_owned();
    let url = format!(
        "postgres://{}:{}@{}:{}/{}",
        text("username"),
        text("password"),
        text("host"),
        text("port"),
        text("database")
    );
    let mut owner = PgConnection::connect(&url).await.expect("the credentials open the database");
    sqlx::raw_sql("create table t (n int); insert into t values (1)")
        .execute(&mut owner)
        .await
        .expect("and it is theirs");
    owner.close().await.expect("the connection ends");
    assert!(!server.log().contains(&text("password")), "the password is in no log");

    let deleted = dana.send("DELETE", path, None);
    assert_eq!(deleted.status, 202, "{deleted:?}");
    assert_eq!(dana.wait_for(&deleted.request()), "succeeded", "{}", server.log());
    assert_eq!(postgres.databases().await, Vec::<String>::new(), "the database is gone");
    assert_eq!(postgres.roles().await, Vec::<String>::new(), "and so is its role");
    assert_eq!(dana.get(path).status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_cost_verdicts_and_plan_and_changes_nothing() {
    let postgres = Postgres::start().await;
    let server = Server::start(&Setup::with_postgres(&postgres));
    let dana = server.person("dana");
    let shown = dana.post("/api/v1/preview", &database("prod", "orders", 10));
    assert_eq!(shown.status, 200, "{shown:?}");
    assert_eq!(shown.body["outcome"], "approval-required", "{shown:?}");
    let lines = shown.body["cost"]["lines"].as_array().expect("cost lines");
    assert!(lines.iter().any(|line| line["name"].as_str().is_some_and(|name| name.contains("storage"))), "{lines:?}");
    let verdicts = shown.body["verdicts"].as_array().expect("verdicts");
    assert_eq!(verdicts.len(), 4, "every policy's verdict is shown: {verdicts:?}");
    assert!(
        verdicts.iter().any(|verdict| verdict["verdict"] == "require-approval" && verdict["reason"].is_string()),
        "with its reason: {verdicts:?}"
    );
    assert!(!shown.body["plan"]["steps"].as_array().expect("a plan").is_empty(), "{shown:?}");
    let again = dana.post("/api/v1/preview", &database("prod", "orders", 10));
    assert_eq!(shown.body["outcome"], again.body["outcome"]);
    assert_eq!(postgres.databases().await, Vec::<String>::new(), "nothing is made");
    assert_eq!(dana.get("/api/v1/requests").body["items"].as_array().map(Vec::len), Some(0), "nothing is recorded");
    assert_eq!(dana.get("/api/v1/resources").body["items"].as_array().map(Vec::len), Some(0), "nothing is reserved");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_time_is_up_a_database_is_removed() {
    let postgres = Postgres::start().await;
    let server = Server::start(&Setup::with_postgres(&postgres));
    let dana = server.person("dana");
    let mut wish = database("dev", "short", 10);
    wish["ttl_seconds"] = json!(3);
    let taken = dana.post("/api/v1/resources", &wish);
    assert_eq!(dana.wait_for(&taken.request()), "succeeded", "{}", server.log());
    assert_eq!(postgres.databases().await.len(), 1, "it is there for its time");
    let begin = std::time::Instant::now();
    while !postgres.databases().await.is_empty() {
        assert!(begin.elapsed().as_secs() < 60, "it is not removed: {}", server.log());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_changes_what_is_there_and_its_cost() {
    let postgres = Postgres::start().await;
    let server = Server::start(&Setup::with_postgres(&postgres));
    let dana = server.person("dana");
    let taken = dana.request_database("dev", "orders", 10);
    assert_eq!(dana.wait_for(&taken.request()), "succeeded", "{}", server.log());
    let path = "/api/v1/resources/payments/dev/postgres-database/orders";
    let before = dana.get(path);
    let change = json!({"spec": {"storage_gb": 20, "connection_limit": 7}});
    let changed = dana.send("PUT", path, Some(&change));
    assert_eq!(changed.status, 202, "{changed:?}");
    assert_eq!(dana.wait_for(&changed.request()), "succeeded", "{}", server.log());
    let after = dana.get(path);
    assert_eq!(after.body["spec"]["storage_gb"], 20, "{after:?}");
    assert_ne!(before.body["monthly_cost"], after.body["monthly_cost"], "more storage costs more");
    let limits = postgres.query("select datconnlimit::text from pg_database where datconnlimit = 7").await;
    assert_eq!(limits, ["7"], "the database itself was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_connection_is_refused_and_nothing_is_left_behind() {
    let postgres = Postgres::start().await;
    let mut setup = Setup::with_postgres(&postgres);
    setup.config = setup.config.replace(&postgres.provisioner_url(), &postgres.superuser_url());
    let server = Server::start(&setup);
    let dana = server.person("dana");
    let taken = dana.request_database("dev", "orders", 10);
    if taken.status == 202 {
        std::thread::sleep(std::time::Duration::from_secs(2));
        let shown = dana.get(&format!("/api/v1/requests/{}", taken.request()));
        assert_ne!(shown.body["state"], "succeeded", "{shown:?}");
        assert!(shown.body.to_string().contains("superuser"), "the reason is said: {shown:?}");
    } else {
        assert!(taken.body.to_string().contains("superuser"), "the reason is said: {taken:?}");
    }
    assert_eq!(postgres.databases().await, Vec::<String>::new());
}
