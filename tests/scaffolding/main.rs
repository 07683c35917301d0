//! The golden path with the real parts: the same bytes every time, and a project that builds and passes its own tests.
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

use std::path::Path;
use std::process::Command;

use macadam_tests::server::{Answer, Server, Setup};
use serde_json::{Value, json};

fn wish(name: &str, features: &[&str]) -> Value {
    json!({
        "template": "rest-api", "name": name, "features": features,
        "parameters": {"description": "Takes orders & keeps \"them\"", "owner": "payments"},
        "tags": {"owner": "payments"},
    })
}

fn scaffold(server: &Server, features: &[&str]) -> Answer {
    let made = server.person("dana").post("/api/v1/scaffolds", &wish("orders", features));
    assert_eq!(made.status, 201, "{made:?}\n{}", server.log());
    made
}

#[test]
fn the_same_request_gives_the_same_archive_on_every_run_and_after_a_restart() {
    let mut server = Server::start(&Setup::without_postgres());
    let first = scaffold(&server, &["observability"]);
    let second = scaffold(&server, &["observability"]);
    assert_eq!(first.body["archive"], second.body["archive"], "the digest is the same");
    server.stop();
    server.launch();
    let third = scaffold(&server, &["observability"]);
    assert_eq!(first.body["archive"], third.body["archive"], "also after a restart");
    let other = scaffold(&server, &["health-checks"]);
    assert_ne!(first.body["archive"], other.body["archive"], "and another request gives another archive");
    let id = third.body["id"].as_str().expect("an id");
    let bytes = server.person("dana").download(&format!("/api/v1/scaffolds/{id}/archive"));
    let digest = macadam_core::digest::Digest::of(&bytes).to_string();
    assert_eq!(third.body["archive"], digest, "what is downloaded is what was promised");
}

#[test]
fn a_wrong_parameter_is_named() {
    let server = Server::start(&Setup::without_postgres());
    let mut bad = wish("orders", &["teleport"]);
    bad["parameters"]["port"] = json!(80);
    let refused = server.person("dana").post("/api/v1/scaffolds", &bad);
    assert_eq!(refused.status, 422, "{refused:?}");
    let text = refused.body.to_string();
    assert!(text.contains("/parameters/port") && text.contains("/features/0"), "both are named: {text}");
}

#[test]
fn the_generated_project_installs_builds_and_passes_its_own_tests() {
    if !works("npm", &["--version"]) {
        macadam_tests::skipped("npm is not installed, so the generated project is not built");
        return;
    }
    let server = Server::start(&Setup::without_postgres());
    let folder = tempfile::tempdir().expect("a temporary directory");
    for features in [&["observability", "health-checks"][..], &[]] {
        let project = folder.path().join(format!("orders-{}", features.len()));
        let mut command = vec!["scaffold", "rest-api", "orders", "--dir", project.to_str().expect("a path")];
        command.extend(["--param", "description=Takes orders", "--param", "owner=payments", "--tag", "owner=payments"]);
        for feature in features {
            command.extend(["--feature", feature]);
        }
        if features.is_empty() {
            command.push("--no-features");
        }
        let made = server.cli("dana", &command);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for step in [&["ci", "--no-audit", "--no-fund"][..], &["run", "build"], &["run", "typecheck"], &["test"]] {
            run(&project, "npm", step);
        }
        if works("terraform", &["version"]) {
            run(&project.join("terraform"), "terraform", &["init", "-backend=false", "-input=false"]);
            run(&project.join("terraform"), "terraform", &["validate"]);
            run(&project.join("terraform"), "terraform", &["fmt", "-check"]);
        }
    }
}

fn works(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_remove("TF_CLI_CONFIG_FILE")
        .env("CHECKPOINT_DISABLE", "1")
        .output()
        .expect("the program runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?} failed:\n{said}");
}
