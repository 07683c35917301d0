//! Sizes and times: each route has them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use axum::middleware::from_fn;
use axum::routing::get;
use serde_json::json;
use tower::ServiceExt as _;

use super::host::{Host, request_as};
use crate::ServerState;
use crate::bodies::Bodies;
use crate::deadline::{LONGEST, answer_in_time};

/// A path with something in each place that may stand there.
fn filled(template: &str) -> String {
    let part = |part: &str| {
        match part {
            "{id}" => "0198c0de-0000-7000-8000-000000000000",
            "{namespace}" => "payments",
            "{environment}" => "dev",
            "{type}" => "database",
            "{version}" => "1.0.0",
            place if place.starts_with('{') => "a",
            _ => "",
        }
        .to_owned()
    };
    let parts = template.split('/').map(|text| if text.starts_with('{') { part(text) } else { text.to_owned() });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_that_takes_a_body_refuses_one_that_is_too_large_before_it_reads_it() {
    let host = Host::start().await;
    let document = crate::document();
    let mut tried = 0;
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(_, it)| it["requestBody"].is_object()) {
            for person in ["ada", "dana"] {
                let method: Method = method.to_ascii_uppercase().parse().unwrap();
                let request = request_as(person, method.clone(), &filled(template))
                    .header(header::CONTENT_TYPE, "application/json")
                    .header(header::CONTENT_LENGTH, u64::MAX.to_string());
                let answer = host.exchange(request.body(Body::empty()).unwrap()).await;
                let refused = [413, 403].contains(&answer.status.as_u16());
                assert!(refused, "{method} {template} of {}: {}", operation["operationId"], answer.status);
                tried += u32::from(answer.status == 413);
            }
        }
    }
    assert!(tried >= 20, "{tried} routes were reached");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_given_up() {
    let request =
        Request::post("/").body(Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>()));
    let problem = crate::extract::read_up_to(request.unwrap(), 10).await.unwrap_err();
    assert_eq!(problem.kind(), crate::problem::ProblemKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_given_up_and_one_that_does_not_is_not() {
    let slow = async |time| {
        let handler = get(async move || tokio::time::sleep(time).await);
        let router: axum::Router = axum::Router::new().route("/", handler).layer(from_fn(answer_in_time));
        router.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };
    assert_eq!(slow(LONGEST - Duration::from_secs(1)).await, 200);
    assert_eq!(slow(LONGEST + Duration::from_secs(1)).await, 503);
}

#[tokio::test]
async fn large_bodies_share_the_room_there_is_and_who_finds_none_is_told_when_to_come_again() {
    let bodies = Arc::new(Bodies::new(1024, 1024, Duration::from_millis(20)));
    let host = Host::start().await.with(|state| ServerState { bodies: Arc::clone(&bodies), ..state });
    let hook = |body: Body| {
        let request = request_as("dana", Method::POST, "/api/v1/webhooks");
        request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
    };
    let large = || hook(Body::from(json!({"url": "x".repeat(100 * 1024)}).to_string()));
    let (end, rest) = tokio::sync::oneshot::channel::<Vec<u8>>();
    let slow = futures::stream::once(async move { rest.await.map_err(std::io::Error::other) });
    let first = tokio::spawn(host.router.clone().oneshot(hook(Body::from_stream(slow))));
    while bodies.left() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let refused = host.send(large()).await;
    refused.is_problem("unavailable", 503);
    assert_eq!(refused.header(header::RETRY_AFTER), "5");
    host.send(hook(Body::from("{}"))).await.is_problem("invalid", 422);
    end.send(b"{}".to_vec()).unwrap();
    assert_eq!(first.await.unwrap().unwrap().status().as_u16(), 422, "what had room is answered");
    assert_eq!(bodies.left(), 1024, "and gives it back");
    host.send(large()).await.is_problem("invalid", 422);
}

#[tokio::test]
async fn who_says_that_much_is_coming_and_sends_nothing_keeps_nobody_else_out() {
    let bodies = Arc::new(Bodies::new(4096, 2048, Duration::from_millis(20)));
    let host = Host::start().await.with(|state| ServerState { bodies: Arc::clone(&bodies), ..state });
    let hook = |person: &str, body: Body| {
        let request = request_as(person, Method::POST, "/api/v1/webhooks");
        request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
    };
    let silent = || Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(host.router.clone().oneshot(hook("dana", silent())))).collect();
    while bodies.left() > 2048 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let large = |person: &str| hook(person, Body::from(json!({"url": "x".repeat(100 * 1024)}).to_string()));
    host.send(large("dana")).await.is_problem("unavailable", 503);
    host.send(large("olga")).await.is_problem("invalid", 422);
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn who_may_publish_nowhere_is_told_so_before_anybody_looks_into_their_package() {
    let host = Host::start().await;
    for key in [None, Some("k1")] {
        let publish = async |person: &str| {
            let mut request = request_as(person, Method::POST, "/api/v1/plugins");
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            host.send(request.body(Body::from("no package")).unwrap()).await
        };
        let refused = publish("dana").await.is_problem("forbidden", 403);
        assert!(refused["detail"].as_str().unwrap().contains("the role publisher"), "{refused}");
        publish("ada").await.is_problem("invalid", 422);
    }
}
