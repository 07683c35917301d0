//! Every error is a problem document that says what to mend.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;

use super::host::{Host, request_as};

#[tokio::test]
async fn what_is_not_there_and_what_an_address_does_not_take_are_problems_too() {
    let host = Host::start().await;
    host.get_as("dana", "/nowhere").await.is_problem("not-found", 404);
    host.get_as("dana", "/api/v1/nowhere").await.is_problem("not-found", 404);
    let answer = host.send_json("dana", Method::DELETE, "/api/v1/whoami", "{}").await;
    answer.is_problem("method-not-allowed", 405);
    assert_eq!(answer.header(header::ALLOW), "GET,HEAD", "RFC 9110, section 15.5.6: a 405 says what is allowed");
}

#[tokio::test]
async fn a_body_that_is_not_json_says_so() {
    let host = Host::start().await;
    let text = request_as("dana", Method::POST, "/api/v1/resources").header(header::CONTENT_TYPE, "text/plain");
    host.send(text.body(Body::from("{}")).unwrap()).await.is_problem("unsupported-media-type", 415);
    let none = request_as("dana", Method::POST, "/api/v1/resources").body(Body::from("{}")).unwrap();
    host.send(none).await.is_problem("unsupported-media-type", 415);
    let coded = async |coding: &'static str| {
        let json =
            request_as("dana", Method::POST, "/api/v1/resources").header(header::CONTENT_TYPE, "application/json");
        host.send(json.header(header::CONTENT_ENCODING, coding).body(Body::from("{}")).unwrap()).await
    };
    let said = coded("gzip").await.is_problem("unsupported-media-type", 415);
    assert!(said["detail"].as_str().unwrap().contains("Content-Encoding"), "{said}");
    coded("identity").await.is_problem("invalid", 422);
    host.send_json("dana", Method::POST, "/api/v1/resources", "{\"name\":").await.is_problem("malformed", 400);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_or_not_it_says_its_length() {
    let host = Host::start().await;
    let large = " ".repeat(crate::extract::MAX_BODY + 1);
    host.send_json("dana", Method::POST, "/api/v1/preview", &large).await.is_problem("too-large", 413);
    let pieces = futures::stream::iter(
        large.as_bytes().chunks(10_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>(),
    );
    let request = request_as("dana", Method::POST, "/api/v1/preview").header(header::CONTENT_TYPE, "application/json");
    host.send(request.body(Body::from_stream(pieces)).unwrap()).await.is_problem("too-large", 413);
}

#[tokio::test]
async fn a_wrong_field_is_named_in_every_kind_of_body() {
    let host = Host::start().await;
    let create = json!({"environment": "dev", "type": "database", "name": "a"});
    let with = |name: &str, value: serde_json::Value| {
        let mut body = create.clone();
        body[name] = value;
        body
    };
    let update = json!({"action": "update", "resource": "payments/dev/database/a", "tags": {"a": 1}});
    for (path, body, field) in [
        ("/api/v1/resources", with("name", json!("Not A Name")), "/name"),
        ("/api/v1/resources", with("environment", json!(7)), "/environment"),
        ("/api/v1/resources", with("tags", json!({"owner": ["x"]})), "/tags/owner"),
        ("/api/v1/resources", with("ttl_seconds", json!(-1)), "/ttl_seconds"),
        ("/api/v1/resources", with("namespace", json!("orders")), "/namespace"),
        ("/api/v1/resources", create.clone(), "/type"),
        ("/api/v1/preview", with("name", json!(1)), "/name"),
        ("/api/v1/preview", with("action", json!("destroy")), "/action"),
        ("/api/v1/service-tokens", json!({"name": "ci", "roles": [1]}), "/roles/0"),
        ("/api/v1/preview", update, "/tags/a"),
        ("/api/v1/preview", json!({"action": "delete", "resource": "a/b"}), "/resource"),
        ("/api/v1/scaffolds", json!({"template": "rest-api", "name": "a", "features": [1]}), "/features/0"),
        ("/api/v1/scaffolds", json!({"template": "rest-api", "name": "a"}), "/template"),
        ("/api/v1/resources", json!({"type": "database", "name": "a"}), "/environment"),
        ("/api/v1/scaffolds", json!({"template": "rest-api"}), "/name"),
        (
            "/api/v1/requests/0198c0de-0000-7000-8000-000000000000/reject",
            json!({"comment": "x".repeat(2001)}),
            "/comment",
        ),
    ] {
        let problem = host.post_as("dana", path, &body).await.is_problem("invalid", 422);
        assert_eq!(problem["violations"][0]["field"], field, "{path} with {body}: {problem}");
        assert!(!problem["violations"][0]["message"].as_str().unwrap().is_empty());
    }
    let missing = host.post_as("dana", "/api/v1/resources", &json!({})).await.is_problem("invalid", 422);
    assert!(missing["detail"].as_str().unwrap().contains("environment"), "a missing field is named: {missing}");
}

#[tokio::test]
async fn an_environment_that_there_is_not_is_refused_with_those_that_there_are() {
    let host = Host::start().await;
    let asked = "/api/v1/authorize?action=resource.create&resource=payments/moon/database/a";
    for answer in [
        host.post_as("dana", "/api/v1/resources", &json!({"environment": "moon", "type": "database", "name": "a"}))
            .await,
        host.get_as("dana", asked).await,
    ] {
        let problem = answer.is_problem("invalid", 422);
        let message = problem["violations"][0]["message"].as_str().unwrap();
        assert!(
            message.starts_with("there is no environment moon; there are: ") && message.contains("dev"),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn an_array_is_no_body_and_changes_nothing() {
    let host = Host::start().await;
    let in_the_order_of_the_fields = json!(["dev", "database", "a", {}, {}, null]);
    for (method, path, body) in [
        (Method::POST, "/api/v1/resources", in_the_order_of_the_fields.clone()),
        (Method::POST, "/api/v1/preview", in_the_order_of_the_fields),
        (Method::PUT, "/api/v1/resources/payments/dev/database/a", json!([])),
        (Method::POST, "/api/v1/requests/0198c0de-0000-7000-8000-000000000000/reject", json!(["no"])),
        (Method::POST, "/api/v1/service-tokens", json!(["ci", null, ["developer"], ["*"], 1])),
    ] {
        let answer = host.send_json("dana", method, path, &body.to_string()).await;
        let problem = answer.is_problem("invalid", 422);
        assert_eq!(problem["violations"][0]["message"], "invalid type: array, expected an object", "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_wrong_query_or_header_is_named() {
    let host = Host::start().await;
    for query in ["state=sleeping", "colour=red", "limit=many", "after=x"] {
        let problem = host.get_as("dana", &format!("/api/v1/resources?{query}")).await.is_problem("malformed", 400);
        let name = query.split('=').next().unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(name), "{query}: {problem}");
        assert_eq!(problem["violations"][0]["field"], name, "{query}: {problem}");
    }
    for limit in ["0", "201"] {
        let answer = host.get_as("dana", &format!("/api/v1/requests?limit={limit}")).await;
        assert_eq!(answer.is_problem("invalid", 422)["violations"][0]["field"], "limit");
    }
    for key in ["", "two words", &"x".repeat(256)] {
        let request = request_as("dana", Method::POST, "/api/v1/resources").header("idempotency-key", key);
        host.send(request.body(Body::empty()).unwrap()).await.is_problem("malformed", 400);
    }
}

#[tokio::test]
async fn a_role_that_is_missing_is_named() {
    let host = Host::start().await;
    let body = json!({"environment": "dev", "type": "database", "name": "a"});
    let problem = host.post_as("amir", "/api/v1/resources", &body).await.is_problem("forbidden", 403);
    assert!(problem["detail"].as_str().unwrap().contains("developer"), "{problem}");
}

#[tokio::test]
async fn every_kind_of_problem_is_explained_where_its_type_points() {
    let host = Host::start().await;
    for kind in crate::problem::ProblemKind::ALL {
        let answer = host.get_as("dana", &format!("/problems/{}", kind.as_str())).await;
        assert_eq!(answer.status, 200);
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.contains(kind.title()) && text.contains(kind.remedy()), "{text}");
    }
    host.get_as("dana", "/problems/none").await.is_problem("not-found", 404);
}
