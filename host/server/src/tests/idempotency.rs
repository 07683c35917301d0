//! Requests that come again under their key.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, header};
use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_store::{KeyState, KeyedRequest, PageRequest};
use serde_json::{Value, json};

use super::host::{Answer, Host, request_as};

const HOOKS: &str = "/api/v1/webhooks";
const URL: &str = "https://hooks.example/T0";

impl Host {
    async fn keyed(&self, person: &str, method: Method, path: &str, key: &str, body: &Value) -> Answer {
        let request = request_as(person, method, path).header("idempotency-key", key);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn hook(&self, person: &str, key: &str, description: &str) -> Answer {
        self.keyed(person, Method::POST, HOOKS, key, &json!({"url": URL, "description": description})).await
    }

    async fn hooks(&self) -> usize {
        self.store.webhooks(None, PageRequest::first(10)).await.unwrap().len()
    }
}

#[tokio::test]
async fn the_same_request_under_the_same_key_is_done_once_and_answered_the_same() {
    let host = Host::start().await;
    let (first, again) = (host.hook("dana", "k1", "a").await, host.hook("dana", "k1", "a").await);
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.body, again.body, "the very same body, with the secret that is shown once");
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!(host.hooks().await, 1, "one webhook was made");
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"), "an answer has an id of its own");
}

#[tokio::test]
async fn a_key_that_was_used_for_another_body_route_or_condition_is_refused_by_the_headers_name() {
    let host = Host::start().await;
    let made = host.hook("dana", "k1", "a").await.json();
    let rotate = format!("{HOOKS}/{}/rotate", made["id"].as_str().unwrap());
    for answer in [
        host.hook("dana", "k1", "b").await,
        host.keyed("dana", Method::POST, &rotate, "k1", &json!({"url": URL, "description": "a"})).await,
    ] {
        let problem = answer.is_problem("invalid", 422);
        assert_eq!(problem["violations"][0]["field"], "Idempotency-Key", "{problem}");
    }
    assert_eq!(host.hook("olga", "k1", "b").await.status, 201, "olga's key is another");
    assert_eq!(host.hooks().await, 2, "one of each");
}

#[tokio::test]
async fn a_secret_that_is_shown_once_is_not_kept_in_the_clear() {
    let host = Host::start().await;
    let secret = host.hook("dana", "k1", "a").await.json()["secret"].as_str().unwrap().to_owned();
    let request = KeyedRequest {
        caller: "dana".parse().unwrap(),
        key: "k1".to_owned(),
        asked: Digest::of(b"something else"),
        holder: String::new(),
        until: Timestamp::now(),
    };
    let found = host.store.take_key(&request, Timestamp::now()).await.unwrap();
    assert_eq!(found, KeyState::UsedForAnother, "the answer is under the key");
    let file = std::fs::read(host.database()).unwrap();
    let log = std::fs::read(host.database().with_extension("db-wal")).unwrap_or_default();
    for bytes in [file, log] {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "the secret is in the database");
    }
}

#[tokio::test]
async fn a_refusal_is_given_again_as_well_and_a_question_is_asked_again() {
    let host = Host::start().await;
    let wrong = json!({"url": "nonsense"});
    let first = host.keyed("dana", Method::POST, HOOKS, "k1", &wrong).await;
    let again = host.keyed("dana", Method::POST, HOOKS, "k1", &wrong).await;
    first.is_problem("invalid", 422);
    assert_eq!((first.body, again.header("idempotent-replayed")), (again.body.clone(), "true"));
    for _ in 0..2 {
        let read = request_as("dana", Method::GET, "/api/v1/whoami").header("idempotency-key", "k1");
        let read = host.send(read.body(Body::empty()).unwrap()).await;
        assert_eq!((read.status.as_u16(), read.header("idempotent-replayed")), (200, ""), "a key means nothing here");
    }
}

#[tokio::test]
async fn what_is_under_way_is_told_to_wait_and_what_was_interrupted_to_look() {
    let host = Host::start().await;
    // Takes the key as the server does, and never answers.
    let body = json!({"url": URL, "description": "a"});
    let held = |key: &str, seconds: i64| KeyedRequest {
        caller: "dana".parse().unwrap(),
        key: key.to_owned(),
        asked: asked(&body),
        holder: "another host".to_owned(),
        until: Timestamp::now() + jiff::SignedDuration::from_secs(seconds),
    };
    host.store.take_key(&held("busy", 60), Timestamp::now()).await.unwrap();
    host.store.take_key(&held("dead", -1), Timestamp::now()).await.unwrap();
    let busy = host.hook("dana", "busy", "a").await;
    assert!(busy.is_problem("conflict", 409)["detail"].as_str().unwrap().contains("under way"));
    assert_eq!(busy.header("retry-after"), "1");
    let dead = host.hook("dana", "dead", "a").await;
    assert!(dead.is_problem("conflict", 409)["detail"].as_str().unwrap().contains("new key"));
    assert_eq!(
        (dead.header("retry-after"), host.hooks().await),
        ("", 0),
        "waiting would not help, and nothing is done"
    );
}

/// The digest of a request for a webhook of dana's, as `idempotency::asked` has it.
fn asked(body: &Value) -> Digest {
    let body = Digest::of(body.to_string().as_bytes());
    Digest::of_json(&json!([["payments", null], ["POST", "/webhooks", null], body])).unwrap()
}

#[tokio::test]
async fn what_a_client_hangs_up_on_is_done_to_its_end() {
    let host = Host::start().await;
    let cut = tokio::time::timeout(Duration::from_millis(1), host.hook("dana", "cut", "a"));
    drop(cut.await);
    for _ in 0..100 {
        let again = host.hook("dana", "cut", "a").await;
        if again.status == 201 {
            assert!(host.hooks().await == 1, "who hung up and came again has one webhook");
            return;
        }
        again.is_problem("conflict", 409);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a request whose client hung up is not done");
}

#[tokio::test]
async fn the_header_is_in_the_document_of_every_post() {
    let document = crate::document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(post) = item.get("post") else { continue };
        let parameters = post["parameters"].as_array().unwrap();
        let header = parameters.iter().find(|parameter| parameter["name"] == "Idempotency-Key");
        assert_eq!(header.unwrap_or_else(|| panic!("POST {path}"))["schema"]["maxLength"], 255);
    }
}
