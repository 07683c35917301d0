//! Requests that come again under their key.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, header};
use jiff::{SignedDuration, Timestamp};
use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_store::{By, HeldKey, KeyState, KeyedRequest, NewNamespace, PageRequest, SignaturePolicy};
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
async fn a_package_that_comes_again_with_a_signature_is_another_request() {
    let host = Host::start().await;
    let publish = async |signature: Option<&str>| {
        let request = request_as("ada", Method::POST, "/api/v1/plugins").header("idempotency-key", "k1");
        let request = match signature {
            Some(signature) => request.header("macadam-signature", signature),
            None => request,
        };
        host.send(request.body(Body::from("no package")).unwrap()).await
    };
    publish(None).await.is_problem("invalid", 422);
    assert_eq!(publish(None).await.header("idempotent-replayed"), "true", "the same is answered the same");
    let signed = publish(Some("e30=")).await;
    let problem = signed.is_problem("invalid", 422);
    assert_eq!(problem["violations"][0]["field"], "Idempotency-Key", "not the old refusal: {problem}");
    assert_eq!(signed.header("idempotent-replayed"), "");
}

#[tokio::test]
async fn a_secret_that_is_shown_once_is_not_kept_in_the_clear() {
    let host = Host::start().await;
    let secret = host.hook("dana", "k1", "a").await.json()["secret"].as_str().unwrap().to_owned();
    let request = KeyedRequest { asked: Digest::of(b"something else"), ..held("k1", "/webhooks", &json!({})) };
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

/// A key of dana's for a POST, as the server takes it, by another host that was heard of a moment ago.
fn held(key: &str, path: &str, body: &Value) -> KeyedRequest {
    KeyedRequest {
        held: HeldKey { caller: "dana".parse().unwrap(), key: key.to_owned(), holder: "another host".to_owned() },
        asked: asked("payments", "POST", path, body),
        until: Timestamp::now() + SignedDuration::from_secs(60),
    }
}

/// The digest of what somebody of a team asks for, as `idempotency::asked` has it.
fn asked(team: &str, method: &str, path: &str, body: &Value) -> Digest {
    let body = Digest::of(body.to_string().as_bytes());
    Digest::of_json(&json!([[team, null], [method, path, null], body])).unwrap()
}

impl Host {
    /// Another host takes a key.
    async fn hold(&self, request: &KeyedRequest) {
        assert_eq!(self.store.take_key(request, Timestamp::now()).await.unwrap(), KeyState::Taken);
    }

    /// The other host is not heard of any more.
    async fn dies(&self, request: &KeyedRequest) {
        assert!(self.store.renew_key(&request.held, Timestamp::UNIX_EPOCH).await.unwrap());
    }
}

#[tokio::test]
async fn what_is_under_way_is_told_to_wait_and_is_done_by_the_next_when_its_host_dies() {
    let host = Host::start().await;
    let other = held("k1", "/webhooks", &json!({"url": URL, "description": "a"}));
    host.hold(&other).await;
    let busy = host.hook("dana", "k1", "a").await;
    assert!(busy.is_problem("conflict", 409)["detail"].as_str().unwrap().contains("under way"));
    assert_eq!((busy.header("retry-after"), host.hooks().await), ("1", 0));
    host.dies(&other).await;
    let (done, again) = (host.hook("dana", "k1", "a").await, host.hook("dana", "k1", "a").await);
    assert_eq!((done.status.as_u16(), done.header("idempotent-replayed")), (201, ""), "nothing had been done");
    assert_eq!((again.body, host.hooks().await), (done.body, 1));
}

#[tokio::test]
async fn a_request_that_a_host_took_and_could_not_answer_is_answered_by_the_next_and_not_taken_twice() {
    let host = Host::start().await;
    let wish = json!({"environment": "dev", "type": "database", "name": "orders", "spec": {"size": 1}});
    let other = held("k1", "/resources", &wish);
    host.hold(&other).await;
    let request = host.dana_has_asked_under(&other.held, "orders").await;
    host.dies(&other).await;
    let ask = async || host.keyed("dana", Method::POST, "/api/v1/resources", "k1", &wish).await;
    let (first, again) = (ask().await, ask().await);
    assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (202, "true"));
    let answer = first.json();
    assert_eq!(answer["request"], json!(request));
    assert_eq!((&answer["state"], &answer["decision"]), (&json!("queued"), &json!({"outcome": "allowed"})));
    assert_eq!(first.header("location"), format!("/api/v1/requests/{request}"));
    assert_eq!((again.status, again.body), (first.status, first.body), "what was made up is kept");
    assert_eq!(host.get_as("dana", "/api/v1/requests").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn of_a_change_whose_answer_is_lost_for_ever_what_was_done_is_named() {
    let host = Host::start().await;
    let wish = json!({"team": "platform", "signatures": "optional"});
    let ada = KeyedRequest { asked: asked("platform", "PUT", "/namespaces/acme", &wish), ..held("k1", "", &wish) };
    let other = KeyedRequest { held: HeldKey { caller: "ada".parse().unwrap(), ..ada.held }, ..ada };
    host.hold(&other).await;
    let origin = Origin { held: Some(other.held.clone()), ..Origin::NONE };
    let (by, now) = (By::person(&other.held.caller, &origin), Timestamp::now());
    let team = "platform".parse().unwrap();
    let acme = NewNamespace { name: "acme".parse().unwrap(), team, signatures: SignaturePolicy::Optional };
    host.store.put_namespace(&acme, by, now).await.unwrap();
    host.dies(&other).await;
    for _ in 0..2 {
        let answer = host.keyed("ada", Method::PUT, "/api/v1/namespaces/acme", "k1", &wish).await;
        let problem = answer.is_problem("conflict", 409);
        assert_eq!((&problem["effect"], answer.header("idempotent-replayed")), (&json!("namespaces/acme"), "true"));
        assert!(problem["detail"].as_str().unwrap().contains("was done"), "{problem}");
    }
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
