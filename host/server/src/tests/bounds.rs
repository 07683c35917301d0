//! Sizes and times: each route has them.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use axum::middleware::from_fn;
use axum::routing::get;
use tower::ServiceExt as _;

use super::host::{Host, request_as};
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
