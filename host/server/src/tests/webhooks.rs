//! Webhooks as their owners meet them.

use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use macadam_core::audit::Origin;
use macadam_platform::vault::Sealer;
use macadam_store::{ByPerson, NewWebhookUrl, WebhookChange};
use serde_json::{Value, json};

use super::host::{Answer, Host};

const URL: &str = "https://hooks.example/T0/secret-path";

async fn made(host: &Host) -> Value {
    let answer = host.post_as("dana", "/api/v1/webhooks", &json!({"url": URL, "types": ["macadam.request."]})).await;
    assert_eq!(answer.status, 201, "{:?}", String::from_utf8_lossy(&answer.body));
    let webhook = answer.json();
    assert_eq!(answer.header("location"), format!("/api/v1/webhooks/{}", webhook["id"].as_str().unwrap()));
    webhook
}

fn path(webhook: &Value, more: &str) -> String {
    format!("/api/v1/webhooks/{}{more}", webhook["id"].as_str().unwrap())
}

async fn post(host: &Host, person: &str, path: &str) -> Answer {
    host.send_json(person, Method::POST, path, "").await
}

#[tokio::test]
async fn a_webhook_shows_its_secret_when_it_is_made_and_rotated_and_never_again() {
    let host = Host::start().await;
    let webhook = made(&host).await;
    let secret = webhook["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() > 40, "{secret}");
    assert_eq!((&webhook["team"], &webhook["state"]), (&json!("payments"), &json!("active")));
    let rotated = post(&host, "dana", &path(&webhook, "/rotate")).await.json();
    let second = rotated["secret"].as_str().unwrap().to_owned();
    assert_ne!(second, secret);
    assert!(rotated["previous_secret_until"].is_string(), "the one before counts as well for a while");
    for (person, path) in [
        ("dana", path(&webhook, "")),
        ("dana", "/api/v1/webhooks".to_owned()),
        ("ada", "/api/v1/events?limit=200".to_owned()),
        ("dana", path(&webhook, "/deliveries")),
    ] {
        let shown = String::from_utf8(host.get_as(person, &path).await.body).unwrap();
        assert!(!shown.contains(&secret) && !shown.contains(&second) && !shown.contains("whsec_"), "{path}: {shown}");
        assert!(!path.contains("events") || !shown.contains("secret-path"), "an address is often a secret: {shown}");
    }
}

#[tokio::test]
async fn a_webhook_is_its_teams_and_administrators_and_nobody_elses() {
    let host = Host::start().await;
    let webhook = made(&host).await;
    for person in ["olga", "amir"] {
        host.get_as(person, &path(&webhook, "")).await.is_problem("not-found", 404);
        for action in ["/rotate", "/enable", "/test"] {
            post(&host, person, &path(&webhook, action)).await.is_problem("not-found", 404);
        }
        host.get_as(person, &path(&webhook, "/deliveries")).await.is_problem("not-found", 404);
        host.send_json(person, Method::PUT, &path(&webhook, ""), "{}").await.is_problem("not-found", 404);
        host.send_json(person, Method::DELETE, &path(&webhook, ""), "").await.is_problem("not-found", 404);
        host.get_as(person, "/api/v1/webhooks?team=payments").await.is_problem("forbidden", 403);
        let wish = json!({"url": URL, "team": "payments"});
        host.post_as(person, "/api/v1/webhooks", &wish).await.is_problem("forbidden", 403);
    }
    assert_eq!(host.get_as("olga", "/api/v1/webhooks").await.json()["items"], json!([]));
    for person in ["dana", "ada"] {
        assert_eq!(host.get_as(person, &path(&webhook, "")).await.json()["url"], URL, "{person}");
        assert_eq!(host.get_as(person, "/api/v1/webhooks").await.json()["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_webhook_is_changed_in_what_is_said_and_stays_otherwise() {
    let host = Host::start().await;
    let webhook = made(&host).await;
    let put =
        async |body: Value| host.send_json("dana", Method::PUT, &path(&webhook, ""), &body.to_string()).await.json();
    let changed = put(json!({"description": "the chat", "subject": "requests/"})).await;
    assert_eq!((&changed["url"], &changed["types"]), (&json!(URL), &json!(["macadam.request."])));
    assert_eq!((&changed["description"], &changed["subject"]), (&json!("the chat"), &json!("requests/")));
    let changed = put(json!({"types": [], "subject": ""})).await;
    assert_eq!(
        (&changed["types"], &changed["subject"]),
        (&json!([]), &Value::Null),
        "an empty filter takes everything"
    );
    let gone = host.send_json("dana", Method::DELETE, &path(&webhook, ""), "").await;
    assert_eq!(gone.status, 204);
    host.get_as("dana", &path(&webhook, "")).await.is_problem("not-found", 404);
}

#[tokio::test]
async fn whom_a_webhook_may_not_call_and_what_it_cannot_take_is_refused_by_field() {
    let host = Host::start().await;
    for (body, field) in [
        (json!({"url": "http://hooks.example"}), "/url"),
        (json!({"url": "https://169.254.169.254/latest/meta-data"}), "/url"),
        (json!({"url": "https://10.0.0.1"}), "/url"),
        (json!({"url": "https://[::1]:8443/"}), "/url"),
        (json!({"url": "https://127.1.2.3"}), "/url"),
        (json!({"url": "https://2130706435"}), "/url"),
        (json!({"url": "https://u:p@hooks.example"}), "/url"),
        (json!({"url": "nonsense"}), "/url"),
        (json!({"url": URL, "types": ["macadam.", "request."]}), "/types/1"),
        (json!({"url": URL, "types": vec!["macadam."; 51]}), "/types"),
        (json!({"url": URL, "subject": "a\u{7}"}), "/subject"),
        (json!({"url": URL, "description": "x".repeat(201)}), "/description"),
        (json!({"url": URL, "secret": "mine"}), "/secret"),
        (json!({"types": []}), "/url"),
    ] {
        let problem = host.post_as("dana", "/api/v1/webhooks", &body).await.is_problem("invalid", 422);
        assert_eq!(problem["violations"][0]["field"], field, "{body}: {problem}");
    }
    let unknown = json!({"url": URL, "team": "nobody"});
    let problem = host.post_as("ada", "/api/v1/webhooks", &unknown).await.is_problem("invalid", 422);
    assert_eq!(problem["violations"][0]["field"], "/team");
    assert_eq!(host.get_as("ada", "/api/v1/webhooks").await.json()["items"], json!([]), "nothing was made");
    host.get_as("dana", "/api/v1/webhooks/x").await.is_problem("not-found", 404);
}

#[tokio::test]
async fn a_team_has_a_bounded_number_of_webhooks() {
    let host = Host::start().await;
    for _ in 0..20 {
        made(&host).await;
    }
    let problem = host.post_as("dana", "/api/v1/webhooks", &json!({"url": URL})).await.is_problem("conflict", 409);
    assert!(problem["detail"].as_str().unwrap().contains("delete one"), "{problem}");
}

#[tokio::test]
async fn a_test_says_what_came_of_it_and_is_kept() {
    let host = Host::start().await;
    // Nobody listens there.
    let wish = json!({"url": "http://127.0.0.1:1/hook"});
    let webhook = host.post_as("dana", "/api/v1/webhooks", &wish).await.json();
    let tried = post(&host, "dana", &path(&webhook, "/test")).await;
    assert_eq!(tried.status, 200, "that it did not arrive is an answer, and no failure of this host");
    let tried = tried.json();
    assert!(tried["error"].as_str().unwrap().contains("cannot be reached"), "{tried}");
    assert_eq!((&tried["type"], &tried["event"]), (&json!("macadam.webhook.test"), &Value::Null));
    let kept = host.get_as("dana", &path(&webhook, "/deliveries")).await.json();
    assert_eq!(kept["items"].as_array().unwrap().len(), 1);
    for field in ["id", "error", "status", "type"] {
        assert_eq!(kept["items"][0][field], tried[field]);
    }
    assert_eq!(host.get_as("dana", &path(&webhook, "")).await.json()["failures"], 0, "a test means nothing for it");
}

#[tokio::test]
async fn what_came_of_attempts_is_kept_for_a_week_and_then_forgotten_by_the_clock() {
    let host = Host::start().await;
    // Nobody listens there.
    let webhook = host.post_as("dana", "/api/v1/webhooks", &json!({"url": "http://127.0.0.1:1/hook"})).await.json();
    assert_eq!(post(&host, "dana", &path(&webhook, "/test")).await.status, 200);
    let now = Timestamp::now();
    for (days, said, left) in [(6, "0 attempts removed", 1), (8, "1 attempts removed", 0)] {
        let at = now + SignedDuration::from_hours(24 * days);
        assert_eq!(host.runs("webhook-history", at).await, said, "after {days} days");
        let kept = host.get_as("dana", &path(&webhook, "/deliveries")).await.json();
        assert_eq!(kept["items"].as_array().unwrap().len(), left, "after {days} days: {kept}");
    }
}

/// Gives a webhook an address that was sealed under a key which nobody has any more.
async fn loses_its_address(host: &Host, webhook: &Value) {
    let id = webhook["id"].as_str().unwrap().parse().unwrap();
    let lost = Sealer::new(&[8; 32]).seal("lost", URL.as_bytes()).unwrap();
    let url = NewWebhookUrl { url: lost, receiver: "https://hooks.example".to_owned() };
    let change = WebhookChange { url: Some(url), ..WebhookChange::default() };
    let by = ByPerson { person: &"dana".parse().unwrap(), origin: &Origin::NONE };
    host.store.change_webhook(id, &change, by, Timestamp::now()).await.unwrap();
}

#[tokio::test]
async fn a_webhook_whose_address_does_not_open_is_shown_without_it_and_mended_with_another() {
    let host = Host::start().await;
    let (webhook, whole) = (made(&host).await, made(&host).await);
    loses_its_address(&host, &webhook).await;
    assert_eq!(host.get_as("dana", &path(&webhook, "")).await.json()["url"], Value::Null);
    let listed = host.get_as("dana", "/api/v1/webhooks").await.json();
    let of = |webhook: &Value| {
        let items = listed["items"].as_array().unwrap();
        items.iter().find(|item| item["id"] == webhook["id"]).unwrap()["url"].clone()
    };
    assert_eq!((of(&webhook), of(&whole)), (Value::Null, json!(URL)), "the others are listed as ever");

    let put = async |body: Value| host.send_json("dana", Method::PUT, &path(&webhook, ""), &body.to_string()).await;
    let problem = put(json!({"description": "the chat"})).await.is_problem("conflict", 409);
    assert!(problem["detail"].as_str().unwrap().contains("give it another one"), "{problem}");
    assert_eq!(host.get_as("dana", &path(&webhook, "")).await.json()["description"], "", "nothing was changed");
    let tried = post(&host, "dana", &path(&webhook, "/test")).await.json();
    assert!(tried["error"].as_str().unwrap().contains("MACADAM_OTHER_MASTER_KEYS"), "{tried}");
    for action in ["/rotate", "/enable"] {
        assert_eq!(post(&host, "dana", &path(&webhook, action)).await.json()["url"], Value::Null, "{action}");
    }

    let mended = put(json!({"url": "https://other.example/hook"})).await.json();
    assert_eq!(
        (&mended["url"], &mended["types"]),
        (&json!("https://other.example/hook"), &json!(["macadam.request."]))
    );
    let changed = put(json!({"description": "the chat"})).await;
    assert_eq!(changed.status, 200, "from then on it is changed as any other");

    loses_its_address(&host, &webhook).await;
    let gone = host.send_json("dana", Method::DELETE, &path(&webhook, ""), "").await;
    assert_eq!(gone.status, 204, "it can be removed as well");
}
