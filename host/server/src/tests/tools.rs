//! Tools for people who write plugins and pipelines.

use axum::body::Body;
use axum::http::{Method, header};
use macadam_core::digest::Digest;
use serde_json::json;

use super::host::{Answer, Host, request_as};

const GOOD: &str = r#"
name = "acme/costs"
version = "1.2.3"
kind = "approval-policy"
contract = "0.2.0"
summary = "Says what is too dear"
license = "Apache-2.0"
"#;

async fn check(host: &Host, text: &str) -> Answer {
    let request = request_as("dana", Method::POST, "/api/v1/tools/validate/manifest");
    host.send(request.header(header::CONTENT_TYPE, "application/toml").body(Body::from(text.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_manifest_is_looked_over_whole_and_everything_wrong_is_named() {
    let host = Host::start().await;
    let good = check(&host, GOOD).await.json();
    assert_eq!((&good["valid"], &good["manifest"]["name"]), (&json!(true), &json!("acme/costs")), "{good}");
    let bad = GOOD.replace("1.2.3", "one").replace("license", "licence").replace("Apache-2.0", "mine");
    let bad = check(&host, &bad).await.json();
    let fields: Vec<_> =
        bad["violations"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(
        (&bad["valid"], fields.as_slice()),
        (&json!(false), ["/version", "/license", "/licence"].as_slice()),
        "{bad}"
    );
    let broken = check(&host, "name = ").await.json();
    assert_eq!(broken["violations"][0]["field"], "", "{broken}");
}

#[tokio::test]
async fn the_running_program_can_be_downloaded_and_is_what_its_headers_say() {
    let host = Host::start().await;
    let path = "/api/v1/tools/cli/download";
    let program = host.get_as("dana", path).await;
    let digest = Digest::of(&program.body);
    assert_eq!((program.status.as_u16(), program.header(header::ETAG)), (200, format!("\"{digest}\"").as_str()));
    assert!(program.header("repr-digest").starts_with("sha-256=:"));
    let again = request_as("dana", Method::GET, path).header(header::IF_NONE_MATCH, program.header(header::ETAG));
    let again = host.send(again.body(Body::empty()).unwrap()).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    let other = host.get_as("dana", &format!("{path}?os=plan9")).await.is_problem("not-found", 404);
    assert_eq!(other["available"][0]["os"], std::env::consts::OS, "what there is is named: {other}");
}

async fn config(host: &Host, wanted: serde_json::Value) -> Answer {
    host.post_as("dana", "/api/v1/tools/generate/config", &wanted).await
}

#[tokio::test]
async fn a_manifest_is_made_that_is_found_good() {
    let host = Host::start().await;
    let made = config(&host, json!({"for": "manifest", "name": "acme/gate", "kind": "approval-policy"})).await.json();
    assert_eq!((&made["syntax"], &made["complete"]), (&json!("toml"), &json!(true)));
    let checked = check(&host, made["content"].as_str().unwrap()).await.json();
    assert_eq!((&checked["valid"], &checked["manifest"]["name"]), (&json!(true), &json!("acme/gate")), "{checked}");
}

#[tokio::test]
async fn a_document_for_what_there_is_not_is_refused_with_what_is_wrong() {
    let host = Host::start().await;
    let none = config(&host, json!({"for": "resource", "type": "moon"})).await.is_problem("not-found", 404);
    assert!(none["detail"].as_str().unwrap().contains("no resource type moon"), "{none}");
    config(&host, json!({"for": "project", "template": "moon"})).await.is_problem("not-found", 404);
    config(&host, json!({"for": "settings", "plugin": "acme/moon"})).await.is_problem("not-found", 404);
    let query = config(&host, json!({"for": "settings", "plugin": "not a name"})).await.is_problem("invalid", 422);
    assert_eq!(query["violations"][0]["field"], "/plugin", "{query}");
    for (wrong, field) in [
        (json!({}), "/for"),
        (json!({"for": "lunch"}), "/for"),
        (json!({"for": "resource"}), "/type"),
        (json!({"for": "resource", "type": "a", "b": 1}), "/b"),
        (json!({"for": "resource", "type": "a", "values": 1}), "/values"),
        (json!({"for": "project", "template": "Not A Name"}), "/template"),
        (json!({"for": "settings", "plugin": 1}), "/plugin"),
        (json!({"for": "manifest", "name": "gate", "kind": "provider"}), "/name"),
        (json!({"for": "manifest", "name": "acme/gate", "kind": "lunch"}), "/kind"),
    ] {
        let problem = config(&host, wrong.clone()).await.is_problem("invalid", 422);
        assert_eq!(problem["violations"][0]["field"], field, "{wrong}: {problem}");
    }
}
