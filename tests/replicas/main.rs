//! Several hosts that share a PostgreSQL database, a place of blobs and a key, and nothing else: any of them serves any
//! request, what is changed through one is in force on all, and one that dies takes nothing with it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    reason = "tests fail by panicking, and say what they saw"
)]

mod blobs;
mod death;
mod exports;
mod keys;
mod plugins;
mod schedules;
mod start;
mod telling;

use std::time::{Duration, Instant};

use macadam_registry::{Package, Versioning, pack};
use macadam_tests::components::{component, contract_of};
use macadam_tests::server::{Answer, Person, Server};
use serde_json::{Value, json};

/// One provider, and requests that need no policy.
pub(crate) const CONFIG: &str = r#"
when-no-policy-applies = "allow"

[[plugins]]
plugin = "macadam/local-directory@dev"
grants = ["files:workspaces"]

[[plugins]]
plugin = "macadam/rest-api@dev"

[connections.files.workspaces]
path = "workspaces"
"#;

/// A policy of a version, whose code is one of the built components.
pub(crate) fn policy(version: &str, code: &str, settings: &str) -> Package {
    let component = component(code);
    let contract = contract_of(&component);
    let manifest = format!(
        "name = \"macadam/gate\"\nversion = \"{version}\"\nkind = \"approval-policy\"\ncontract = \"{contract}\"\n\
         summary = \"A policy of the tests.\"\nlicense = \"Apache-2.0\"\nauthors = [\"Tests\"]\n\
         [settings]\n{settings}\n"
    );
    pack(&manifest, &component, "A policy of the tests.", Versioning::AsWritten).expect("it can be packed")
}

/// Publishes a gate, as a member of the namespace's team.
pub(crate) fn publish(server: &Server, version: &str) {
    let published = server.person("amir").publish(policy(version, "production-gate", "").archive());
    assert_eq!(published.status, 201, "{published:?}");
}

/// Makes the binding `gate` say something.
pub(crate) fn bind(server: &Server, binding: &Value) -> Answer {
    let wish = json!({"binding": binding, "reason": "a test"});
    server.person("ada").send("PUT", "/api/v1/bindings/gate", Some(&wish))
}

/// Binds a version of the gate, which must be taken.
pub(crate) fn activate(server: &Server, version: &str) {
    let bound = bind(server, &json!({"plugin": format!("macadam/gate@{version}")}));
    assert_eq!(bound.status, 200, "a change is refused nowhere: {bound:?}\n{}", server.log());
}

/// A directory's document.
pub(crate) fn directory(environment: &str, name: &str) -> Value {
    json!({"environment": environment, "type": "local-directory", "name": name, "spec": {"quota_mb": 64}})
}

/// Asks what would be decided about a directory in production.
pub(crate) fn preview(person: &Person<'_>) -> Answer {
    person.post("/api/v1/preview", &directory("prod", "notes"))
}

/// The versions of the gate that answered; empty when none is bound.
pub(crate) fn answered(server: &Server) -> Vec<String> {
    let preview = preview(&server.person("dana"));
    assert_eq!(preview.status, 200, "no request fails while others change something: {preview:?}\n{}", server.log());
    let verdicts = preview.body["verdicts"].as_array().unwrap_or_else(|| panic!("no verdicts in {preview:?}"));
    verdicts.iter().map(|each| each["plugin"]["version"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Asks until something is so.
pub(crate) fn until<T>(what: &str, server: &Server, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{what} did not come\n{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until a host asks some versions of the gate.
pub(crate) fn asks(server: &Server, versions: &[&str]) {
    until(&format!("{versions:?}"), server, || (answered(server) == versions).then_some(()));
}
