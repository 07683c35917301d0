//! Requests over HTTP: what people see of them and say to them.

use axum::body::Body;
use axum::http::Method;
use macadam_core::digest::Digest;
use serde_json::json;

use super::host::{Host, one_of_platform, request_as};

#[tokio::test]
async fn a_pending_request_names_who_is_missing_and_goes_ahead_once_they_approve_its_digest() {
    let host = Host::start().await;
    let id = host.dana_has_asked_for("orders-db", one_of_platform()).await;
    let path = format!("/api/v1/requests/{id}");
    let request = host.get_as("dana", &path).await.json();
    assert_eq!(request["state"], "pending-approval");
    assert_eq!(request["subject"], "payments/dev/database/orders-db");
    assert_eq!(request["missing"], json!([{"reason": "it is new", "groups": ["platform"], "count": 1}]));
    let approve = format!("{path}/approve");
    let other = json!({"digest": Digest::of(b"another decision")});
    host.post_as("amir", &approve, &other).await.is_problem("conflict", 409);
    host.post_as("amir", &approve, &json!({})).await.is_problem("invalid", 422);
    let yes = json!({"digest": request["digest"], "comment": "fine"});
    host.post_as("dana", &approve, &yes).await.is_problem("forbidden", 403);
    let answer = host.post_as("amir", &approve, &yes).await;
    assert_eq!(answer.status, 200);
    let request = answer.json();
    assert_eq!(request["state"], "queued");
    assert_eq!((&request["approvals"][0]["person"], &request["missing"]), (&json!("amir"), &json!([])));
    assert_eq!(request["job"]["state"], "queued", "the job shows with its request");
    host.post_as("amir", &approve, &yes).await.is_problem("conflict", 409);
}

#[tokio::test]
async fn a_request_of_another_team_is_not_there() {
    let host = Host::start().await;
    let id = host.dana_has_asked_for("orders-db", one_of_platform()).await;
    host.get_as("olga", &format!("/api/v1/requests/{id}")).await.is_problem("not-found", 404);
    let cancel = request_as("olga", Method::POST, &format!("/api/v1/requests/{id}/cancel")).body(Body::empty());
    host.send(cancel.unwrap()).await.is_problem("not-found", 404);
    assert_eq!(host.get_as("olga", "/api/v1/requests").await.json()["items"], json!([]));
    assert_eq!(
        host.get_as("amir", "/api/v1/requests?state=pending-approval").await.json()["items"][0]["id"],
        json!(id)
    );
    for id in ["x", "0198c0de-0000-7000-8000-000000000000"] {
        host.get_as("dana", &format!("/api/v1/requests/{id}")).await.is_problem("not-found", 404);
    }
}

#[tokio::test]
async fn a_rejection_may_go_without_a_body_and_a_requester_may_cancel() {
    let host = Host::start().await;
    let first = host.dana_has_asked_for("one", one_of_platform()).await;
    let reject = request_as("amir", Method::POST, &format!("/api/v1/requests/{first}/reject")).body(Body::empty());
    assert_eq!(host.send(reject.unwrap()).await.json()["state"], "rejected");
    let second = host.dana_has_asked_for("two", one_of_platform()).await;
    let rejected = host.post_as("amir", &format!("/api/v1/requests/{second}/reject"), &json!({"comment": "no"})).await;
    assert_eq!(rejected.json()["failure"], "no");
    let third = host.dana_has_asked_for("three", one_of_platform()).await;
    let cancelled = host.post_as("dana", &format!("/api/v1/requests/{third}/cancel"), &json!({})).await;
    assert_eq!(cancelled.json()["state"], "cancelled");
}
