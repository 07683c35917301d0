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
mod audit;
mod contracts;
mod deprecation;
mod document;
mod kinds;
mod publishing;
mod quarantine;
mod replay;
mod signatures;
mod trials;

use std::time::{Duration, Instant};

use macadam_registry::{Package, Versioning, pack};
use macadam_tests::components::{component, contract_of, source_root};
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

/// A plugin that is shipped, in a version of the tests, with its manifest otherwise as it is or edited.
pub(crate) fn shipped(folder: &str, version: &str, edit: impl FnOnce(String) -> String) -> Package {
    let folder = source_root().join(folder);
    let code = folder.file_name().and_then(|name| name.to_str()).expect("a folder has a name").to_owned();
    let manifest = std::fs::read_to_string(folder.join("plugin.toml")).expect("a plugin has a manifest");
    let with_version = |line: &str| match line.starts_with("version = ") {
        true => format!("version = \"{version}\"\n"),
        false => format!("{line}\n"),
    };
    let manifest: String = manifest.lines().map(with_version).collect();
    pack(&edit(manifest), &component(&code), "A plugin of the tests.", Versioning::AsWritten).expect("it can be packed")
}

/// Publishes a package, as a member of the namespace's team or as an administrator.
pub(crate) fn publish(server: &Server, person: &str, package: &Package) {
    let published = server.person(person).publish(package.archive());
    assert_eq!(published.status, 201, "{published:?}");
}

/// Asks until something is so.
pub(crate) fn until<T>(what: &str, server: &Server, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} did not come\n{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The blob of a version's package is gone from the disk of a server that was stopped.
pub(crate) fn lose_package(server: &Server, plugin: &'static str, version: &str) {
    let index: String = audit::on_the_store(server, async |mut store| {
        let query = sqlx::query_scalar("SELECT document FROM package_indexes WHERE plugin = $1").bind(plugin);
        query.fetch_one(&mut store).await.unwrap()
    });
    let index: Value = serde_json::from_str(&index).unwrap();
    let release = index["releases"].as_array().unwrap().iter().find(|release| release["version"] == version).unwrap();
    let digits = release["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    std::fs::remove_file(server.data().join("blobs/sha256").join(&digits[..2]).join(digits)).unwrap();
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
