//! Resources over HTTP: who sees them, pages, and revisions.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;

use super::host::{Host, one_of_platform, request_as};

#[tokio::test]
async fn a_resource_is_seen_by_its_team_and_by_approvers_and_is_not_there_for_others() {
    let host = Host::start().await;
    host.dana_has_asked_for("orders-db", Vec::new()).await;
    let path = "/api/v1/resources/payments/dev/database/orders-db";
    let answer = host.get_as("dana", path).await;
    assert_eq!(answer.status, 200);
    let resource = answer.json();
    assert_eq!((&resource["type"], &resource["name"]), (&json!("database"), &json!("orders-db")));
    assert_eq!(answer.header(header::ETAG), format!("\"{}\"", resource["revision"]), "the revision is the ETag");
    assert_eq!(host.get_as("amir", path).await.status, 200);
    for more in ["", "/credentials", "/transitions"] {
        host.get_as("olga", &format!("{path}{more}")).await.is_problem("not-found", 404);
    }
    host.get_as("ada", &format!("{path}/credentials")).await.is_problem("forbidden", 403);
    let transitions = host.get_as("dana", &format!("{path}/transitions")).await.json();
    assert_eq!(transitions["items"][0]["to"], "creating");
}

#[tokio::test]
async fn a_name_that_cannot_be_is_one_that_does_not_exist() {
    let host = Host::start().await;
    for path in ["payments/dev/database/Nope", "payments/dev/database/%ff", "payments/dev/database/a%2Fb"] {
        host.get_as("dana", &format!("/api/v1/resources/{path}")).await.is_problem("not-found", 404);
    }
}

#[tokio::test]
async fn pages_follow_each_other_until_nothing_is_left() {
    let host = Host::start().await;
    for index in 0..5 {
        host.dana_has_asked_for(&format!("db-{index}"), Vec::new()).await;
    }
    let (mut names, mut path) = (Vec::new(), "/api/v1/resources?limit=2".to_owned());
    loop {
        let page = host.get_as("dana", &path).await.json();
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/resources?limit=2&after={next}");
    }
    assert_eq!(names, ["db-0", "db-1", "db-2", "db-3", "db-4"], "each once, in the order in which they were asked for");
    let none = host.get_as("dana", "/api/v1/resources?environment=prod").await.json();
    assert_eq!(none["items"], json!([]), "a filter narrows");
    let others = host.get_as("olga", "/api/v1/resources").await.json();
    assert_eq!(others["items"], json!([]), "others' resources are not listed");
}

#[tokio::test]
async fn a_change_for_another_revision_is_refused_by_its_own_status() {
    let host = Host::start().await;
    host.dana_has_asked_for("orders-db", one_of_platform()).await;
    let path = "/api/v1/resources/payments/dev/database/orders-db";
    let send = async |method, value: &str| {
        let request = request_as("dana", method, path).header(header::IF_MATCH, value);
        host.send(request.header(header::CONTENT_TYPE, "application/json").body(Body::from("{}")).unwrap()).await
    };
    send(Method::PUT, "\"99\"").await.is_problem("stale", 412);
    send(Method::DELETE, "\"99\"").await.is_problem("stale", 412);
    for malformed in ["99", "\"x\"", "W/\"1\"", ""] {
        send(Method::DELETE, malformed).await.is_problem("malformed", 400);
    }
}
