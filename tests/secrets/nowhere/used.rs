//! Secrets where they belong: those of webhooks, services and databases, in work that is done and in work that fails.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use macadam_tests::receiver::Receiver;
use macadam_tests::server::{Server, database};
use serde_json::json;

use super::setup::{Around, BROKEN, Kept, MASTER, OTHER};
use super::told::{Told, items};
use crate::leaks::{Canary, Output};
use crate::until;

/// Where the credentials of the database are that is made.
const CREDENTIALS: &str = "/api/v1/resources/payments/dev/postgres-database/orders/credentials";

/// Webhooks: their secrets, and addresses with secrets in them, good and bad. Gives the secret that messages are signed
/// with.
pub(super) fn webhooks(server: &Server, told: &mut Told, receiver: &Receiver) -> String {
    const OWN: &[&str] = &["answer of /api/v1/webhooks"];
    let dana = server.person("dana");
    for secret in ["userinfo-93cc-hen", "path-94cc-hen", "fragment-95cc-hen", "away-96cc-hen"] {
        told.canaries.push(Canary::new("a webhook's address", secret).but_in(OWN));
    }
    let (header, media) = (dana.authorization(), "content-type: application/json");
    let port = receiver.port();
    for url in [
        format!("http://user:userinfo-93cc-hen@127.0.0.1:{port}/hook"),
        format!("http://127.0.0.1:{port}/hook#fragment-95cc-hen"),
        "http://10.1.2.3/path-94cc-hen".to_owned(),
        "ftp://127.0.0.1/path-94cc-hen".to_owned(),
        "path-94cc-hen".to_owned(),
    ] {
        let body = json!({"url": url, "types": ["macadam."]}).to_string();
        told.ask(server, "POST /api/v1/webhooks", &[&header, media], &body);
    }
    let mut signed = None;
    // One that takes everything, one that refuses, and one whose receiver is away.
    for (url, types) in [
        (receiver.url("/hook?key=path-94cc-hen"), "macadam."),
        (receiver.url("/nowhere/path-94cc-hen"), "macadam."),
        ("http://127.0.0.1:9/away-96cc-hen".to_owned(), "macadam."),
    ] {
        let made = dana.post("/api/v1/webhooks", &json!({"url": url, "types": [types]}));
        assert_eq!(made.status, 201, "{made:?}");
        let path = format!("/api/v1/webhooks/{}", made.body["id"].as_str().unwrap());
        let rotated = dana.post(&format!("{path}/rotate"), &json!({}));
        for shown in [&made, &rotated] {
            let secret = shown.body["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap();
            told.canary("a webhook's secret", secret);
            told.canaries.push(Canary::new("a webhook's secret, decoded", STANDARD.decode(secret).unwrap()));
        }
        told.ask(server, &format!("POST {path}/test"), &[&header, media], "{}");
        told.ask(server, &format!("GET {path}"), &[&header], "");
        told.ask(server, &format!("GET {path}/deliveries"), &[&header], "");
        if signed.is_none() {
            signed = rotated.body["secret"].as_str().map(str::to_owned);
        }
    }
    signed.expect("the first has a secret")
}

/// A database is made and its credentials are looked at; another cannot be made; a service asks for a third.
pub(super) fn work(server: &Server, told: &mut Told) {
    let dana = server.person("dana");
    told.canaries.push(Canary::new("an idempotency key", "idempotency-a4dd-tit").but_in(&[
        "table idempotency",
        "file macadam.db",
        "backup",
    ]));
    let made = dana.request_database_once("dev", "orders", 1, "idempotency-a4dd-tit");
    assert_eq!(made.status, 202, "{made:?}");
    assert_eq!(dana.wait_for(&made.request()), "succeeded", "{}", server.log());
    let credentials = dana.get(CREDENTIALS).body;
    let password = credentials["outputs"]["password"].as_str().expect("there is a password").to_owned();
    told.canary("a credential that a provider has made", &password);
    told.ask(server, "GET /api/v1/resources/payments/dev/postgres-database/orders", &[&dana.authorization()], "");
    let again = [&dana.authorization(), "content-type: application/json", "idempotency-key: idempotency-a4dd-tit"];
    let status = told.ask(server, "POST /api/v1/resources", &again, &database("dev", "other", 2).to_string());
    assert_eq!(status, 422, "the idempotency key is known");

    let wish = json!({"name": "deploy", "roles": ["developer"], "scopes": ["*"], "expires_in_days": 30});
    let service = dana.post("/api/v1/service-tokens", &wish).body["token"].as_str().unwrap().to_owned();
    told.canary("a service's token", &service);
    let header = format!("authorization: Bearer {service}");
    assert_eq!(told.ask(server, "GET /api/v1/whoami", &[&header], ""), 200, "the service's token counts");
    told.ask(
        server,
        "POST /api/v1/preview",
        &[&header, "content-type: application/json"],
        &database("dev", "a", 1).to_string(),
    );
    for cut in [&service[..service.len() - 2], &format!("{service}x")] {
        told.ask(server, "GET /api/v1/whoami", &[&format!("authorization: Bearer {cut}")], "");
    }
}

/// The key is replaced, the host comes to its store as another user, and the database refuses the provider, which says so
/// in its own words.
pub(super) fn fail(server: &mut Server, told: &mut Told, around: &Around, kept: Kept) {
    let before = server.person("dana").get(CREDENTIALS);
    server.stop();
    server.set_variable("MACADAM_MASTER_KEY", OTHER);
    server.set_variable("MACADAM_OTHER_MASTER_KEYS", MASTER);
    server.set_variable("MAIN_URL", &around.main_url(BROKEN));
    if kept == Kept::Postgres {
        for (name, value) in around.by_certificate() {
            server.set_variable(name, &value);
        }
    }
    server.launch();
    let replaced = items(server, "ada", "/api/v1/events?limit=200&type=macadam.sealing-key.replaced");
    assert_eq!(replaced.len(), 1, "both keys were in use: {replaced:?}\n{}", server.log());
    let dana = server.person("dana");
    let after = dana.get(CREDENTIALS);
    assert_eq!((after.status, &after.body["outputs"]), (200, &before.body["outputs"]), "what was sealed opens");
    let media = "content-type: application/json";
    told.ask(
        server,
        "POST /api/v1/resources",
        &[&dana.authorization(), media],
        &database("dev", "late", 1).to_string(),
    );
    let failed = until("the failure", server, || {
        let requests = items(server, "dana", "/api/v1/requests");
        requests.iter().any(|request| request["state"] == "failed").then(|| json!(requests).to_string())
    });
    assert!(failed.contains("28P01") || server.log().contains("28P01"), "the database refuses the password: {failed}");
    told.outputs.push(Output::new("requests", failed));
}

/// The store of blobs goes away, and whoever needs it is refused.
pub(super) fn lose_blobs(server: &Server, told: &mut Told, around: &mut Around) {
    around.blobs.kill();
    let project = json!({
        "template": "rest-api", "name": "orders", "tags": {"owner": "payments"},
        "parameters": {"description": "Takes orders", "owner": "payments"},
    });
    let refused = server.person("dana").post("/api/v1/scaffolds", &project);
    assert_eq!(refused.status, 503, "{refused:?}\n{}", server.log());
    told.outputs.push(Output::new("the answer without blobs", refused.body.to_string()));
}
