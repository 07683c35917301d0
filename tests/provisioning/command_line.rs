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
    let database = "payments/dev/postgres-database/orders";
    for (looked, words) in [
        (vec!["team", "list"], ["payments", "500"]),
        (vec!["environment", "list"], ["dev", "development"]),
        (vec!["resource", "types"], ["postgres-database", "macadam/postgres-database@"]),
        (vec!["resource", "transitions", database], ["creating", "ready"]),
    ] {
        let shown = server.cli("dana", &looked);
        assert!(shown.status.success() && words.iter().all(|word| said(&shown).contains(word)), "{}", said(&shown));
    }
    let deleted = server.cli("dana", &["resource", "delete", database, "--wait"]);
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

/// Runs a command that must succeed, and gives what it wrote to standard output and standard error.
fn written(server: &Server, arguments: &[&str]) -> (String, String) {
    let output = server.cli("dana", arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_was_generated_can_be_used_as_it_is_or_says_what_is_to_be_filled_in() {
    let postgres = Postgres::start().await;
    let server = Server::start(&Setup::with_postgres(&postgres));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str| directory.path().join(name).display().to_string();

    let spec = file("spec.json");
    let generate = ["generate", "resource", "postgres-database", "--set", "connection_limit=7", "--out", &spec];
    let (_, open) = written(&server, &generate);
    assert_eq!(open, "", "everything else has a default");
    let again = server.cli("dana", &generate);
    assert!(!again.status.success() && said(&again).contains("spec.json"), "a file is not written over: {again:?}");
    let create = ["resource", "create", "postgres-database", "orders", "--env", "dev", "--tag", "owner=payments"];
    written(&server, &[create.as_slice(), &["--spec", &spec, "--wait"]].concat());
    let (made, _) = written(&server, &["resource", "get", "payments/dev/postgres-database/orders", "--output", "json"]);
    let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
    assert_eq!(made["spec"], serde_json::json!({"storage_gb": 10, "connection_limit": 7}));

    let params = file("params.json");
    let (_, open) = written(&server, &["generate", "project", "rest-api", "--out", &params]);
    assert!(open.contains("to be filled in: /owner"), "{open}");
    let known = ["--param", "owner=payments", "--param", "description=Orders", "--archive", &file("orders.tar.gz")]
        .map(str::to_owned);
    let scaffold = ["scaffold", "rest-api", "orders", "--params", &params, "--tag", "owner=payments"];
    written(&server, &scaffold.into_iter().chain(known.iter().map(String::as_str)).collect::<Vec<_>>());

    let (settings, _) = written(&server, &["generate", "settings", "macadam/cost-threshold@dev"]);
    let settings: serde_json::Value = serde_json::from_str(&settings).expect("JSON");
    assert_eq!(settings["threshold"], "500", "what the plugin brings along is in it");
    let wrong = server.cli("dana", &["generate", "resource", "postgres-database", "--set", "storage_gb=0"]);
    assert!(!wrong.status.success() && said(&wrong).contains("/values/storage_gb"), "{}", said(&wrong));
}
