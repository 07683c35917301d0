//! The audit log of a real server, and somebody with a shell on its database: whatever they do is found and named, by the
//! command line, on the server and on an export without one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail as tests do"
)]

mod exports;
mod reading;
mod tampering;

use std::process::Output;

use macadam_tests::server::{Server, Setup};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

/// Exit code of `audit verify` when something was done to the log.
const TAMPERED: i32 = 6;

/// A server with some history, whose ada is an auditor.
fn server(config: &str) -> Server {
    let setup = Setup::without_postgres();
    let mut server = Server::prepare(&Setup { config: format!("{config}\n{}", setup.config), ..setup });
    server.launch();
    server.stop();
    let people = server.data().join("people.toml");
    let text = std::fs::read_to_string(&people).unwrap();
    let auditor = text.replace(r#"roles = ["platform-admin"]"#, r#"roles = ["platform-admin", "auditor"]"#);
    assert_ne!(text, auditor, "ada administers");
    std::fs::write(&people, auditor).unwrap();
    server.launch();
    for name in ["one", "two"] {
        let answer = server.person("dana").post("/api/v1/resources", &directory(name));
        assert_eq!(server.person("dana").wait_for(&answer.request()), "succeeded");
    }
    server
}

fn directory(name: &str) -> Value {
    json!({
        "environment": "dev", "type": "local-directory", "name": name, "spec": {"quota_mb": 64},
        "tags": {"owner": "payments"},
    })
}

/// Runs statements on the database, as somebody who knows to remove the guards first.
fn tamper(server: &Server, statements: &str) {
    with_store(server, async |mut store| {
        let guards = "DROP TRIGGER IF EXISTS audit_is_not_changed; DROP TRIGGER IF EXISTS audit_is_not_cut";
        sqlx::raw_sql(guards).execute(&mut store).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut store).await.unwrap();
    });
}

fn with_store<T>(server: &Server, work: impl AsyncFnOnce(SqliteConnection) -> T) -> T {
    let options = SqliteConnectOptions::new().filename(server.data().join("macadam.db"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { work(options.connect().await.unwrap()).await })
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What a command says that must work.
fn works(server: &Server, person: &str, arguments: &[&str]) -> String {
    let output = server.cli(person, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// A file of the test's own in the data directory.
fn file(server: &Server, name: &str) -> String {
    server.data().join(name).display().to_string()
}
