//! Nobody gets in without a token, and everybody is who their token says.

use axum::body::Body;
use axum::http::{Method, Request, header};

use super::host::Host;

/// Every address under `/api/v1`, with a method that it takes.
const ROUTES: [(&str, &str); 24] = [
    ("GET", "/whoami"),
    ("GET", "/teams"),
    ("GET", "/environments"),
    ("GET", "/resource-types"),
    ("GET", "/plugins"),
    ("GET", "/templates"),
    ("POST", "/preview"),
    ("GET", "/resources"),
    ("POST", "/resources"),
    ("GET", "/resources/payments/dev/database/a"),
    ("PUT", "/resources/payments/dev/database/a"),
    ("DELETE", "/resources/payments/dev/database/a"),
    ("GET", "/resources/payments/dev/database/a/credentials"),
    ("GET", "/resources/payments/dev/database/a/health"),
    ("GET", "/requests"),
    ("GET", "/requests/x"),
    ("POST", "/requests/x/approve"),
    ("POST", "/requests/x/cancel"),
    ("POST", "/scaffolds"),
    ("GET", "/scaffolds/x"),
    ("GET", "/scaffolds/x/archive"),
    ("GET", "/service-tokens"),
    ("POST", "/service-tokens"),
    ("DELETE", "/service-tokens/x"),
];

#[tokio::test]
async fn every_route_of_the_api_refuses_a_stranger() {
    let host = Host::start().await;
    for (method, path) in ROUTES {
        for authorization in ["", "Bearer", "Bearer ", "Bearer mcd_0000", "Basic token-of-dana", "Bearer token-of-Dana"]
        {
            let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
            let request = request.header(header::AUTHORIZATION, authorization).body(Body::empty()).unwrap();
            let answer = host.send(request).await;
            answer.is_problem("unauthenticated", 401);
            assert!(
                answer.header(header::WWW_AUTHENTICATE).starts_with("Bearer"),
                "{method} {path} says how to sign in"
            );
        }
    }
}

#[tokio::test]
async fn a_person_is_who_their_token_says() {
    let host = Host::start().await;
    let answer = host.get_as("amir", "/api/v1/whoami").await;
    assert_eq!(answer.status, 200);
    let whoami = answer.json();
    assert_eq!(whoami["person"], "amir");
    assert_eq!(whoami["team"], "platform");
    assert_eq!(whoami["groups"], serde_json::json!(["platform"]));
}

#[tokio::test]
async fn a_developer_sees_their_own_team_and_an_approver_sees_all() {
    let host = Host::start().await;
    let names = |answer: super::host::Answer| {
        let items = answer.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(host.get_as("dana", "/api/v1/teams").await), ["payments"]);
    assert_eq!(names(host.get_as("amir", "/api/v1/teams").await), ["orders", "payments", "platform"]);
    let environments = host.get_as("dana", "/api/v1/environments").await.json();
    assert_eq!(environments["items"][1]["class"], "production");
}

#[tokio::test]
async fn a_scheme_is_known_in_any_case() {
    let host = Host::start().await;
    let request = Request::builder().method(Method::GET).uri("/api/v1/whoami");
    let request = request.header(header::AUTHORIZATION, "bearer token-of-dana").body(Body::empty()).unwrap();
    assert_eq!(host.send(request).await.status, 200, "RFC 9110, section 11.1: schemes are case-insensitive");
}

#[tokio::test]
async fn how_to_sign_in_is_told_to_everybody_and_nothing_else_is() {
    let host = Host::start().await;
    let request = Request::builder().uri("/api/v1/sign-in").body(Body::empty()).unwrap();
    let answer = host.send(request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), serde_json::json!({"development": true, "oidc": []}));
}

#[tokio::test]
async fn of_two_tokens_in_one_request_neither_counts() {
    let host = Host::start().await;
    let request = Request::builder().uri("/api/v1/whoami");
    let request = request.header(header::AUTHORIZATION, "Bearer token-of-dana");
    let request = request.header(header::AUTHORIZATION, "Bearer token-of-ada").body(Body::empty()).unwrap();
    host.send(request).await.is_problem("unauthenticated", 401);
}

#[tokio::test]
async fn a_token_that_looks_like_another_kind_is_told_by_what_it_is() {
    let host = Host::start().await;
    for (token, word) in [
        ("mcs_0000", "service token"),
        ("mcd_0000", "not known"),
        ("eyJhbGciOiJub25lIn0.e30.", "not taken"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9.AA", "/api/v1/sign-in"),
    ] {
        let request = Request::builder().uri("/api/v1/whoami").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let problem = host.send(request.body(Body::empty()).unwrap()).await.is_problem("unauthenticated", 401);
        assert!(problem["detail"].as_str().unwrap().contains(word), "{word:?} in {problem}");
    }
}
