//! Resources over HTTP: who sees them, pages, and revisions.

use axum::body::Body;
use axum::http::{Method, header};
use macadam_platform::provisioning::ProvisionError;
use macadam_store::SubmitError;
use serde_json::json;

use super::host::{Host, one_of_platform, request_as};
use crate::extract::IfMatch;
use crate::problem::ProblemKind;

#[tokio::test]
async fn a_resource_is_seen_by_its_team_and_by_approvers_and_is_not_there_for_others() {
    let host = Host::start().await;
    host.dana_has_asked_for("orders-db", Vec::new()).await;
    let path = "/api/v1/resources/payments/dev/database/orders-db";
    let answer = host.get_as("dana", path).await;
    assert_eq!(answer.status, 200);
    let resource = answer.json();
    assert_eq!((&resource["type"], &resource["name"]), (&json!("database"), &json!("orders-db")));
    let revision = format!("\"{}-", resource["revision"]);
    assert!(answer.header(header::ETAG).starts_with(&revision), "the revision is in the ETag: {:?}", answer.headers);
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

#[test]
fn whoever_loses_a_race_after_the_first_look_is_told_so_by_the_header_that_they_sent() {
    let lost = || {
        let key = "payments/dev/database/orders-db".parse().unwrap();
        ProvisionError::from(SubmitError::Stale { key, expected: 3, actual: 4 })
    };
    assert_eq!(IfMatch(Some(3)).refused(lost()).kind(), ProblemKind::Stale, "412, as for who came later still");
    assert_eq!(IfMatch(None).refused(lost()).kind(), ProblemKind::Conflict, "409 for who named no revision");
    let busy = ProvisionError::Conflict("another request is under way".to_owned());
    assert_eq!(IfMatch(Some(3)).refused(busy).kind(), ProblemKind::Conflict, "another conflict stays one");
}

#[tokio::test]
async fn a_selector_that_is_none_is_refused_by_the_place() {
    let host = Host::start().await;
    for path in ["resources", "requests"] {
        let answer = host.get_as("dana", &format!("/api/v1/{path}?selector=team%3Dpayments,env+in+a")).await;
        let problem = answer.is_problem("invalid", 422);
        assert_eq!(problem["violations"][0]["field"], "selector");
        let message = problem["violations"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("at character 22: "), "{message}");
        let good = host.exchange(
            request_as("dana", Method::GET, &format!("/api/v1/{path}?selector=team%3Dpayments,env%20in%20(a),!x"))
                .body(Body::empty())
                .unwrap(),
        );
        assert_eq!(good.await.json()["items"], json!([]), "nothing has such tags");
    }
}

#[tokio::test]
async fn whoever_asks_for_a_state_of_what_is_gone_gets_it() {
    let host = Host::start().await;
    let request = host.dana_has_asked_for("orders-db", one_of_platform()).await;
    let cancelled = host.post_as("dana", &format!("/api/v1/requests/{request}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{}", String::from_utf8_lossy(&cancelled.body));
    for (query, found) in [("", 0), ("?include_gone=true", 1), ("?state=deleted", 1), ("?state=ready", 0)] {
        let listed = host.get_as("dana", &format!("/api/v1/resources{query}")).await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), found, "{query}: {listed}");
    }
}

#[tokio::test]
async fn what_a_client_has_already_is_not_sent_again() {
    let host = Host::start().await;
    host.dana_has_asked_for("orders-db", one_of_platform()).await;
    let read = async |path: &str, tag: &str| {
        let request = request_as("dana", Method::GET, path).header(header::IF_NONE_MATCH, tag);
        host.exchange(request.body(Body::empty()).unwrap()).await
    };
    for path in ["/api/v1/resources/payments/dev/database/orders-db", "/api/v1/resources", "/api/v1/whoami"] {
        let first = read(path, "\"other\"").await;
        let tag = first.header(header::ETAG);
        assert_eq!((first.status.as_u16(), tag.is_empty()), (200, false), "{path}");
        for has in [tag, &format!("\"x\", W/{tag}"), "*"] {
            let again = read(path, has).await;
            assert_eq!((again.status.as_u16(), again.body.len(), again.header(header::ETAG)), (304, 0, tag), "{path}");
        }
        let head = request_as("dana", Method::HEAD, path).body(Body::empty()).unwrap();
        let head = host.exchange(head).await;
        assert_eq!((head.status.as_u16(), head.body.len(), head.header(header::ETAG)), (200, 0, tag), "{path}");
        let length = first.body.len().to_string();
        assert_eq!(head.header(header::CONTENT_LENGTH), length, "{path}: the length is the document's");
        let squeezed = async |method| {
            let asked = request_as("dana", method, path).header(header::ACCEPT_ENCODING, "gzip");
            let answer = host.exchange(asked.body(Body::empty()).unwrap()).await;
            let of_body = [header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::VARY, header::ETAG];
            of_body.map(|name| answer.header(name).to_owned())
        };
        assert_eq!(squeezed(Method::HEAD).await, squeezed(Method::GET).await, "{path}");
    }
    let before = read("/api/v1/resources", "").await;
    host.dana_has_asked_for("another-db", one_of_platform()).await;
    assert_eq!(read("/api/v1/resources", before.header(header::ETAG)).await.status, 200, "it is another list now");
}

#[tokio::test]
async fn the_tag_of_a_resource_is_what_a_change_of_it_goes_by() {
    let host = Host::start().await;
    host.dana_has_asked_for("orders-db", one_of_platform()).await;
    let path = "/api/v1/resources/payments/dev/database/orders-db";
    let tag = host.get_as("dana", path).await.header(header::ETAG).to_owned();
    let change = request_as("dana", Method::DELETE, path).header(header::IF_MATCH, tag);
    let answer = host.send(change.body(Body::empty()).unwrap()).await;
    assert_ne!(answer.status, 412, "nothing has changed since");
    assert_ne!(answer.status, 400, "the whole tag is taken");
}
