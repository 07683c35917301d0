//! The API's document judged by others: a validator of the OpenAPI project's Python community, and Schemathesis, which
//! makes requests up from the document and compares every answer with it.
//!
//! Both come from PyPI; `cargo xtask test conformance` installs them first.
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

use std::path::{Path, PathBuf};
use std::process::Command;

use macadam_tests::components::source_root;
use macadam_tests::contract::Contract;
use macadam_tests::server::{Server, Setup, binary};
use serde_json::Value;

/// What must hold for every answer, whatever was sent.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,unsupported_method,ignored_auth";

/// How long one person tries, in seconds, and how many requests an operation gets at most.
const SECONDS: &str = "40";
const EXAMPLES: &str = "25";

fn tool(name: &str) -> PathBuf {
    let tool = source_root().join("guests/target/conformance/venv/bin").join(name);
    assert!(tool.is_file(), "{name} is not installed; run `cargo xtask test conformance`, which does it first");
    tool
}

fn document(directory: &Path) -> PathBuf {
    let written = Command::new(binary()).args(["api", "document"]).output().expect("the command line runs");
    assert!(written.status.success(), "the document can be written without a server");
    let path = directory.join("openapi.json");
    std::fs::write(&path, written.stdout).expect("it can be kept");
    path
}

#[test]
fn the_document_is_valid_openapi() {
    let directory = tempfile::tempdir().unwrap();
    let judged = Command::new(tool("openapi-spec-validator")).arg(document(directory.path())).output().unwrap();
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "the validator has something against the document: {said}");
}

/// Has Schemathesis try every operation as one person.
fn try_as(person: &str) {
    let server = Server::start(&Setup::without_postgres());
    let directory = tempfile::tempdir().unwrap();
    let document = document(directory.path());
    let tried = Command::new(tool("schemathesis"))
        .current_dir(directory.path())
        .env("PYTHONPATH", source_root().join("tests/conformance"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .args(["run", &document.to_string_lossy(), "--url", &server.url("")])
        .args(["--header", &server.person(person).authorization()])
        .args(["--checks", CHECKS, "--max-examples", EXAMPLES, "--max-time", SECONDS, "--seed", "20261126"])
        .args(["--phases", "examples,coverage,fuzzing", "--no-shrink", "--continue-on-failure", "--warnings", "off"])
        .args(["--request-timeout", "30", "--no-color", "--report-json-path", "report.json"])
        .output()
        .expect("schemathesis runs");
    let said = String::from_utf8_lossy(&tried.stdout);
    assert!(tried.status.success(), "as {person}, code and document disagree:\n{said}\n{}", server.log());
    every_operation_was_tried(&document, &directory.path().join("report.json"));
}

/// Schemathesis has nothing against operations that it has not come to: a run that has tried one of them is a good one
/// to it. It counts those of which an answer was checked, and gives each its share of the time, so that it comes to all.
fn every_operation_was_tried(document: &Path, report: &Path) {
    let read = |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let operations = Contract::new(read(document)).operations().count();
    let report = read(report);
    let tried = &report["operations"];
    assert!(operations > 0, "the document has operations");
    assert_eq!(tried["tested"], operations, "every operation of the document is tried: {tried}");
}

#[test]
fn whatever_a_developer_sends_the_answer_is_one_that_the_document_has() {
    try_as("dana");
}

#[test]
fn whatever_an_approver_sends_the_answer_is_one_that_the_document_has() {
    try_as("amir");
}

#[test]
fn whatever_an_administrator_sends_the_answer_is_one_that_the_document_has() {
    try_as("ada");
}
