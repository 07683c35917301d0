//! What waits for other people, and what their word does.

use macadam_tests::postgres::Postgres;
use macadam_tests::server::{Server, Setup};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn production_waits_for_another_person_and_the_requester_is_refused() {
    let postgres = Postgres::start().await;
    let server = Server::start(&Setup::with_postgres(&postgres));
    let (dana, amir, ada) = (server.person("dana"), server.person("amir"), server.person("ada"));
    let taken = dana.request_database("prod", "orders", 10);
    assert_eq!((taken.status, taken.body["state"].as_str()), (202, Some("pending-approval")), "{taken:?}");
    let request = taken.request();
    assert_eq!(dana.approve(&request).status, 403, "the requester cannot approve");
    assert_eq!(postgres.databases().await, Vec::<String>::new(), "nothing is made while it waits");

    // An admin who asks for something is its requester like everybody else.
    let own = ada.request_database("prod", "ledger", 10);
    let refused = ada.approve(&own.request());
    assert_eq!(refused.status, 403, "nobody approves their own request, whatever roles they have: {refused:?}");

    let stale = amir
        .post(&format!("/api/v1/requests/{request}/approve"), &json!({"digest": format!("sha256:{}", "0".repeat(64))}));
    assert_eq!(stale.status, 409, "an approval is bound to the decision that was looked at: {stale:?}");
    let approved = amir.approve(&request);
    assert_eq!(approved.status, 200, "{approved:?}");
    assert_eq!(dana.wait_for(&request), "succeeded", "{}", server.log());
    assert_eq!(postgres.databases().await.len(), 1);
    let again = amir.approve(&request);
    assert_eq!(again.status, 409, "a second approval comes too late: {again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_costs_more_than_the_threshold_waits_and_what_is_rejected_is_never_made() {
    let postgres = Postgres::start().await;
    let server = Server::start(&Setup::with_postgres(&postgres));
    let (dana, amir) = (server.person("dana"), server.person("amir"));
    let taken = dana.request_database("dev", "huge", 1_000);
    assert_eq!((taken.status, taken.body["state"].as_str()), (202, Some("pending-approval")), "{taken:?}");
    let request = taken.request();
    let rejected = amir.post(&format!("/api/v1/requests/{request}/reject"), &json!({"comment": "use a smaller one"}));
    assert_eq!(rejected.status, 200, "{rejected:?}");
    assert_eq!(amir.approve(&request).status, 409, "what is rejected cannot be approved any more");
    let shown = dana.get(&format!("/api/v1/requests/{request}"));
    assert_eq!(shown.body["state"], "rejected");
    assert!(shown.body.to_string().contains("use a smaller one"), "the reason is shown: {shown:?}");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(postgres.databases().await, Vec::<String>::new());
    let smaller = dana.request_database("dev", "huge", 10);
    assert_eq!(smaller.body["state"], "queued", "its name is free again: {smaller:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_tag_is_denied_by_its_name_and_the_denial_is_recorded() {
    let postgres = Postgres::start().await;
    let server = Server::start(&Setup::with_postgres(&postgres));
    let dana = server.person("dana");
    let mut wish = macadam_tests::server::database("dev", "orders", 10);
    wish["tags"] = json!({});
    let denied = dana.post("/api/v1/resources", &wish);
    assert_eq!(denied.status, 403, "{denied:?}");
    let violations = denied.body["violations"].as_array().expect("violations");
    assert_eq!(violations[0]["field"], "/tags/owner", "{denied:?}");
    assert!(violations[0]["message"].as_str().is_some_and(|message| message.contains("owner")), "{denied:?}");
    let shown = dana.get(&format!("/api/v1/requests/{}", denied.request()));
    assert_eq!(shown.body["state"], "denied", "the denial can be looked up: {shown:?}");
    assert_eq!(postgres.databases().await, Vec::<String>::new());
}
