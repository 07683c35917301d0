//! The life of a plugin's version with the real parts: published, activated, taken back, and kept apart from what others
//! may do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_errors_doc,
    reason = "tests fail by panicking, and say what they saw"
)]

mod activation;
mod contracts;
mod document;
mod publishing;
mod replay;
mod signatures;
mod trials;

use macadam_registry::{Package, Versioning, pack};
use macadam_tests::components::{component, contract_of};
use macadam_tests::server::{Answer, Person, Server, Setup};
use serde_json::{Value, json};

/// A policy of a version, whose code is one of the built components.
pub(crate) fn policy(name: &str, version: &str, code: &str) -> Package {
    policy_with(name, version, code, "")
}

/// The same, with default settings of its own, as TOML.
pub(crate) fn policy_with(name: &str, version: &str, code: &str, settings: &str) -> Package {
    let component = component(code);
    let contract = contract_of(&component);
    let manifest = format!(
        "name = \"{name}\"\nversion = \"{version}\"\nkind = \"approval-policy\"\ncontract = \"{contract}\"\n\
         summary = \"A policy of the tests.\"\nlicense = \"Apache-2.0\"\nauthors = [\"Tests\"]\n\
         [settings]\n{settings}\n"
    );
    pack(&manifest, &component, "A policy of the tests.", Versioning::AsWritten).expect("it can be packed")
}

/// A server with one estimator, one provider and no policy: requests need one to be allowed.
pub(crate) fn server() -> Server {
    let config = r#"
when-no-policy-applies = "allow"

[[plugins]]
plugin = "macadam/local-directory@dev"
grants = ["files:workspaces"]

[connections.files.workspaces]
path = "workspaces"
"#;
    Server::start(&Setup { config: config.to_owned(), ..Setup::default() })
}

/// Asks what would be decided about a directory in production.
pub(crate) fn preview(person: &Person<'_>) -> Answer {
    let wish = json!({"environment": "prod", "type": "local-directory", "name": "notes", "spec": {"quota_mb": 500}});
    person.post("/api/v1/preview", &wish)
}

/// The versions that answered.
pub(crate) fn answered(preview: &Answer) -> Vec<String> {
    let verdicts = preview.body["verdicts"].as_array().unwrap_or_else(|| panic!("no verdicts in {preview:?}"));
    verdicts.iter().map(|each| each["plugin"]["version"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Makes a binding say something.
pub(crate) fn bind(person: &Person<'_>, name: &str, binding: &Value, revision: Option<u64>) -> Answer {
    let wish = json!({"binding": binding, "revision": revision, "reason": "a test"});
    person.send("PUT", &format!("/api/v1/bindings/{name}"), Some(&wish))
}
