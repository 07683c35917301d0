//! Generators that attack the machine on which their project is unpacked.

use std::sync::Arc;

use macadam_core::kind::PluginKind;
use macadam_core::limits::Limits;
use macadam_core::project::{Answers, Project, ProjectError, ProjectLimits};
use macadam_runtime::CallFailure;
use macadam_runtime::clients::GeneratorClient;
use macadam_tests::components::component;
use macadam_tests::sandbox::TestSandbox;
use serde_json::{Value, json};

const ROOM: Limits =
    Limits { fuel: Limits::CAP.fuel, deadline_ms: 30_000, memory_bytes: 256 * 1024 * 1024, ..Limits::DEFAULT };

async fn generator(sandbox: &TestSandbox) -> GeneratorClient {
    let component = component("hostile-generator");
    let plugin = sandbox.load(PluginKind::TemplateGenerator, "hostile-generator", &component, ROOM).await.unwrap();
    sandbox.sandbox.generator(&plugin).unwrap()
}

/// What becomes of a project that the generator makes when told so.
async fn checked(client: &GeneratorClient, parameters: Value, settings: Value) -> Result<Project, ProjectError> {
    let answers = Arc::new(Answers { parameters, features: vec![] });
    let generated = client.generate(answers, settings.to_string().into()).await.outcome.unwrap();
    Project::check(generated.files, ProjectLimits::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_that_would_hurt_somewhere_is_refused() {
    let sandbox = TestSandbox::start();
    let client = generator(&sandbox).await;
    for path in [
        "../escape",
        "a/../../escape",
        "/etc/cron.d/x",
        "C:\\Windows\\x",
        "c:/x",
        "a\0b",
        "NUL",
        "aux.txt",
        "a\\..\\b",
        "dir/.",
        "",
        ".git/hooks/pre-commit",
        "a.",
        "x/\u{1}y",
    ] {
        let refused = checked(&client, json!({"paths": [path]}), json!({"act": "paths"})).await;
        assert!(matches!(refused, Err(ProjectError::BadPath { .. })), "{path:?} must be refused: {refused:?}");
    }
    let fine = checked(&client, json!({"paths": ["src/main.ts", "README.md"]}), json!({"act": "paths"})).await;
    assert_eq!(fine.unwrap().files().len(), 2, "and good paths are taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twins_that_are_one_file_on_some_systems_are_refused() {
    let sandbox = TestSandbox::start();
    let client = generator(&sandbox).await;
    let refused = checked(&client, json!({}), json!({"act": "twins"})).await;
    assert!(matches!(refused, Err(ProjectError::Collision { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_files_are_too_many() {
    let sandbox = TestSandbox::start();
    let client = generator(&sandbox).await;
    let refused = checked(&client, json!({}), json!({"act": "many-files"})).await;
    assert!(matches!(refused, Err(ProjectError::TooManyFiles { count: 10_000, .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_without_files_is_none() {
    let sandbox = TestSandbox::start();
    let client = generator(&sandbox).await;
    assert_eq!(checked(&client, json!({}), json!({"act": "empty"})).await, Err(ProjectError::Empty));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_beyond_the_output_limit_is_refused() {
    let sandbox = TestSandbox::start();
    let client = generator(&sandbox).await;
    let answers = Arc::new(Answers { parameters: json!({}), features: vec![] });
    let call = client.generate(answers, json!({"act": "huge-file"}).to_string().into()).await;
    let error = call.outcome.unwrap_err();
    assert!(matches!(error.failure(), CallFailure::OutputTooLarge { .. }), "it ended as: {error}");
}
