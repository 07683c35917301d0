//! What browsers and proxies meet: cross-origin requests, compressed answers.

use std::io::Read as _;

use axum::body::Body;
use axum::http::{Method, Request, header};
use axum::middleware::from_fn;
use axum::response::IntoResponse as _;
use axum::routing::get;
use macadam_platform::authorization::Action;

use super::host::{Answer, Host, request_as};
use crate::AllowedOrigin;
use crate::compress::ShowsSecrets;

const PORTAL: &str = "https://portal.example";

async fn with_portal() -> Host {
    let origin = AllowedOrigin::try_from(PORTAL.to_owned()).unwrap();
    Host::start().await.with(|state| state.open_to(vec![origin]))
}

async fn from(host: &Host, origin: &str) -> Answer {
    let request = request_as("dana", Method::GET, "/api/v1/whoami").header(header::ORIGIN, origin);
    host.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_page_of_a_named_origin_may_call_and_reads_what_it_needs() {
    let host = with_portal().await;
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/api/v1/resources")
        .header(header::ORIGIN, PORTAL)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,idempotency-key");
    let told = host.exchange(preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(told.status, 200, "a browser asks before, without a token");
    assert_eq!(told.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), PORTAL);
    for name in ["authorization", "idempotency-key", "if-match", "content-type"] {
        assert!(told.header(header::ACCESS_CONTROL_ALLOW_HEADERS).contains(name), "{name}: {:?}", told.headers);
    }
    let answer = from(&host, PORTAL).await;
    assert_eq!((answer.status.as_u16(), answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN)), (200, PORTAL));
    for name in ["etag", "location", "retry-after", "ratelimit", "x-request-id", "idempotent-replayed"] {
        assert!(answer.header(header::ACCESS_CONTROL_EXPOSE_HEADERS).contains(name), "{name}: {:?}", answer.headers);
    }
    assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), "", "nobody's cookies are taken");
    let unknown = Request::get("/api/v1/whoami").header(header::ORIGIN, PORTAL).body(Body::empty()).unwrap();
    let refused = host.send(unknown).await;
    refused.is_problem("unauthenticated", 401);
    assert_eq!(refused.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), PORTAL, "a page reads why it is refused");
}

#[tokio::test]
async fn a_page_of_another_origin_is_told_nothing_and_none_is_by_default() {
    let host = with_portal().await;
    for origin in ["https://evil.example", "https://portal.example.evil.example", "http://portal.example", "null"] {
        assert_eq!(from(&host, origin).await.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "", "{origin}");
    }
    assert_eq!(from(&Host::start().await, PORTAL).await.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "");
}

async fn compressed(host: &Host, method: Method, path: &str) -> Answer {
    let request = request_as("dana", method, path).header(header::ACCEPT_ENCODING, "gzip, br");
    host.exchange(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_long_text_is_compressed_for_whoever_takes_it() {
    let host = Host::start().await;
    let answer = compressed(&host, Method::GET, "/api/v1/openapi.json").await;
    assert_eq!(answer.header(header::CONTENT_ENCODING), "gzip");
    assert!(answer.header(header::VARY).to_ascii_lowercase().contains("accept-encoding"), "{:?}", answer.headers);
    let mut text = String::new();
    flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).unwrap();
    assert!(answer.body.len() * 4 < text.len() && text.starts_with('{'), "{} of {}", answer.body.len(), text.len());
    let plain = host.get_as("dana", "/api/v1/openapi.json").await;
    assert_eq!((plain.header(header::CONTENT_ENCODING), plain.body == text.as_bytes()), ("", true));
}

#[tokio::test]
async fn what_is_short_a_stream_an_archive_or_shows_a_secret_is_not_compressed() {
    let host = Host::start().await;
    let (scaffold, _) = host.dana_has_scaffolded(&[0; 4_096], Vec::new()).await;
    let archive = format!("/api/v1/scaffolds/{scaffold}/archive");
    for path in ["/healthz", "/api/v1/whoami", archive.as_str()] {
        let answer = compressed(&host, Method::GET, path).await;
        assert_eq!((answer.status.as_u16(), answer.header(header::CONTENT_ENCODING)), (200, ""), "{path}");
    }
    let long = async || axum::Json("a".repeat(4_096));
    let secret = async || {
        let mut answer = axum::Json("a".repeat(4_096)).into_response();
        ShowsSecrets::mark(Action::ResourceUse, &mut answer);
        answer
    };
    let routes = axum::Router::new().route("/read", get(long).post(long)).route("/credentials", get(secret));
    let mut host = host;
    host.router = routes.layer(from_fn(crate::compress::mark)).layer(crate::compress::layer());
    for (method, path, encoding) in
        [(Method::GET, "/read", "gzip"), (Method::POST, "/read", ""), (Method::GET, "/credentials", "")]
    {
        let answer = compressed(&host, method.clone(), path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header(header::CONTENT_ENCODING)),
            (200, encoding),
            "{method} {path}"
        );
    }
}
