//! The same story by the command line.

use std::process::Output;

use macadam_tests::postgres::Postgres;
use macadam_tests::server::{Server, Setup};

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_previewed_made_listed_and_deleted_by_command() {
    let postgres = Postgres::start().await;
    let server = Server::start(&Setup::with_postgres(&postgres));
    let create = ["postgres-database", "orders", "--env", "dev", "--set", "storage_gb=10", "--tag", "owner=payments"];

    let shown = server.cli("dana", &[&["preview"], create.as_slice()].concat());
    assert!(shown.status.success(), "{}", said(&shown));
    for word in ["storage", "cost-threshold", "allow", "create"] {
        assert!(said(&shown).contains(word), "the preview shows {word}: {}", said(&shown));
    }
    let made = server.cli("dana", &[&["resource", "create"], create.as_slice(), &["--wait"]].concat());
    assert!(made.status.success(), "{}", said(&made));
    assert_eq!(postgres.databases().await.len(), 1);
    let listed = server.cli("dana", &["resource", "list", "--output", "json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON on standard output");
    assert!(listed.to_string().contains("orders"), "{listed}");
    let deleted = server.cli("dana", &["resource", "delete", "payments/dev/postgres-database/orders", "--wait"]);
    assert!(deleted.status.success(), "{}", said(&deleted));
    assert_eq!(postgres.databases().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_and_a_wait_have_exit_codes_of_their_own() {
    let postgres = Postgres::start().await;
    let server = Server::start(&Setup::with_postgres(&postgres));
    let denied = server.cli("dana", &["resource", "create", "postgres-database", "orders", "--env", "dev"]);
    assert_eq!(denied.status.code(), Some(3), "{}", said(&denied));
    assert!(said(&denied).contains("owner"), "the missing tag is named: {}", said(&denied));
    let waits = ["resource", "create", "postgres-database", "orders", "--env", "prod", "--tag", "owner=payments"];
    let pending = server.cli("dana", &waits);
    assert_eq!(pending.status.code(), Some(4), "{}", said(&pending));
    let requests = server.cli("amir", &["request", "list", "--output", "json"]);
    let requests: serde_json::Value = serde_json::from_slice(&requests.stdout).expect("JSON");
    let waiting = requests["items"].as_array().and_then(|all| {
        let pending = |request: &&serde_json::Value| request["state"] == "pending-approval";
        all.iter().find(pending).and_then(|request| request["id"].as_str())
    });
    let approved = server.cli("amir", &["request", "approve", waiting.expect("the request is listed")]);
    assert!(approved.status.success(), "{}", said(&approved));
    server.person("dana").wait_for(waiting.expect("it"));
    assert_eq!(postgres.databases().await.len(), 1);
}
