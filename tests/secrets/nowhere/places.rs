//! Whatever can be read of a host: by its API, on its disk and in its database.

use std::path::Path;

use macadam_tests::postgres::Postgres;
use macadam_tests::server::Server;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use super::told::{Told, items};
use crate::leaks::Output;

/// Whatever can be read.
pub(super) fn read(server: &Server, told: &mut Told) {
    for person in ["dana", "amir", "ada"] {
        let header = server.person(person).authorization();
        for path in [
            "audit?limit=200",
            "audit/heads",
            "audit/key",
            "events?limit=200",
            "decisions",
            "requests",
            "resources",
            "jobs",
            "schedules",
            "webhooks",
            "service-tokens",
            "bindings",
            "plugins",
            "teams",
            "whoami",
            "namespaces",
            "resource-types",
            "access/policies",
            "access/matrix",
            "openapi.json",
            "sign-in",
        ] {
            told.ask(server, &format!("GET /api/v1/{path}"), &[&header], "");
        }
        for path in ["/readyz", "/healthz", "/metrics"] {
            told.ask(server, &format!("GET {path}"), &[&header], "");
        }
        told.ask(server, "GET /api/v1/events?after=0", &[&header, "accept: text/event-stream"], "");
    }
    let ada = server.person("ada");
    for decision in items(server, "ada", "/api/v1/decisions") {
        told.ask(server, &format!("GET /api/v1/decisions/{}", decision["seq"]), &[&ada.authorization()], "");
    }
    for job in items(server, "ada", "/api/v1/jobs") {
        told.ask(server, &format!("GET /api/v1/jobs/{}", job["id"].as_str().unwrap()), &[&ada.authorization()], "");
    }
    let exported = server.data().join("export.jsonl");
    let ran = server.cli("ada", &["audit", "export", "-o", exported.to_str().unwrap()]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    told.ran(&ran);
}

/// What is on the disk, but for what an administrator wrote.
pub(super) fn files(told: &mut Told, folder: &Path, name: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, file) = (entry.path(), format!("{name}{}", entry.file_name().to_string_lossy()));
        if path.is_symlink() || file == "registry" {
            continue;
        }
        if path.is_dir() {
            files(told, &path, &format!("{file}/"));
        } else {
            told.outputs.push(Output::new(format!("file {file}"), std::fs::read(path).unwrap()));
        }
    }
}

/// Every table of the hosts' database, as text.
pub(super) async fn tables(told: &mut Told, postgres: &Postgres) {
    let url = postgres.superuser_url().replace("/postgres", "/kept");
    let mut connection = sqlx::postgres::PgConnection::connect(&url).await.unwrap();
    let mut rows = async |query: String| -> Vec<String> {
        let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    };
    let names = rows("select tablename::text from pg_tables where schemaname = 'public'".to_owned()).await;
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let text = rows(format!("select t::text from {name} t")).await.join("\n");
        told.outputs.push(Output::new(format!("table {name}"), text));
    }
}
