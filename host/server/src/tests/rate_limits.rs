//! How much is let in.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};

use super::host::{Answer, Host, request_as};
use crate::{RateLimit, RateLimitSettings};

const WIDE: RateLimit = RateLimit { per_minute: 6_000, burst: 1_000 };
const NARROW: RateLimit = RateLimit { per_minute: 1, burst: 3 };
const ME: &str = "/api/v1/whoami";

impl Host {
    async fn limited(token: RateLimit, team: RateLimit, failures: RateLimit) -> Self {
        Self::start().await.with(|state| state.limited(&RateLimitSettings { token, team, failures }))
    }

    /// Asks who one is from an address, with some token.
    async fn who_am_i_at(&self, address: &str, token: &str) -> Answer {
        let peer: SocketAddr = format!("{address}:4711").parse().unwrap();
        let request = Request::get(ME).header("authorization", format!("Bearer {token}")).extension(ConnectInfo(peer));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

#[tokio::test]
async fn a_token_that_asks_too_much_is_told_when_to_come_back_and_the_others_are_not_hindered() {
    let host = Host::limited(NARROW, WIDE, WIDE).await;
    let first = host.get_as("dana", ME).await;
    assert_eq!(first.status, 200);
    assert_eq!(first.header("ratelimit-policy"), "\"token\";q=3;w=180, \"team\";q=1000;w=10");
    assert!(first.header("ratelimit").starts_with("\"token\";r=2;t=60, \"team\";r=999;t="), "{:?}", first.headers);
    for _ in 0..2 {
        assert_eq!(host.get_as("dana", ME).await.status, 200);
    }
    let refused = host.get_as("dana", ME).await;
    let problem = refused.is_problem("too-many-requests", 429);
    assert!(problem["detail"].as_str().unwrap().contains("this token"), "{problem}");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(refused.header("ratelimit").starts_with("\"token\";r=0;t="), "{:?}", refused.headers);
    assert_eq!(host.get_as("olga", ME).await.status, 200, "olga has a bucket of her own");
}

#[tokio::test]
async fn a_team_shares_what_it_has() {
    let host = Host::limited(WIDE, NARROW, WIDE).await;
    for person in ["amir", "ada", "amir"] {
        assert_eq!(host.get_as(person, ME).await.status, 200, "both are of the team platform");
    }
    let problem = host.get_as("ada", ME).await.is_problem("too-many-requests", 429);
    assert!(problem["detail"].as_str().unwrap().contains("your team"), "{problem}");
    assert_eq!(host.get_as("dana", ME).await.status, 200);
}

#[tokio::test]
async fn an_address_that_keeps_failing_to_sign_in_is_told_to_wait_and_whoever_has_a_token_is_not() {
    let host = Host::limited(WIDE, WIDE, NARROW).await;
    for _ in 0..3 {
        host.who_am_i_at("192.0.2.1", "guess").await.is_problem("unauthenticated", 401);
    }
    let refused = host.who_am_i_at("192.0.2.1", "guess").await;
    refused.is_problem("too-many-requests", 429);
    assert_ne!(refused.header("retry-after"), "");
    assert_eq!(
        host.who_am_i_at("192.0.2.1", "token-of-dana").await.status,
        200,
        "others may be behind the same address"
    );
    for last in 1..=3 {
        host.who_am_i_at(&format!("[2001:db8::{last}]"), "guess").await.is_problem("unauthenticated", 401);
    }
    host.who_am_i_at("[2001:db8::ffff]", "guess").await.is_problem("too-many-requests", 429);
    host.who_am_i_at("[2001:db8:0:1::1]", "guess").await.is_problem("unauthenticated", 401);
}

#[tokio::test]
async fn what_machines_ask_without_a_token_is_not_counted() {
    let host = Host::limited(NARROW, NARROW, NARROW).await;
    for path in ["/healthz", "/readyz", "/api/v1/sign-in"] {
        for _ in 0..10 {
            let answer = host.send(Request::get(path).body(Body::empty()).unwrap()).await;
            assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (200, ""), "{path}");
        }
    }
}

#[tokio::test]
async fn a_limit_of_nothing_is_no_limit() {
    let none = RateLimit { per_minute: 0, burst: 0 };
    let host = Host::limited(none, none, none).await;
    for _ in 0..10 {
        let answer = host.send(request_as("dana", Method::GET, ME).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (200, ""));
    }
}
