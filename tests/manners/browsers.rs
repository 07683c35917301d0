//! `cors-origins`: pages of which origins may call.

use macadam_tests::server::{PATIENCE, Server};
use ureq::http::{HeaderMap, Request};

use crate::server_with;

const PORTAL: &str = "https://portal.example";
const OTHER: &str = "https://other.example";

const ALLOWED: &str = "access-control-allow-origin";

/// What a browser is told that asks whether a page may send a change.
fn preflight(server: &Server, origin: &str) -> HeaderMap {
    let request = Request::options(server.url("/api/v1/resources"))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,idempotency-key");
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
    let told = agent.run(request.body(()).expect("the request is well-formed")).expect("it is answered");
    told.headers().clone()
}

fn asked_from(server: &Server, origin: &str) -> (u16, String) {
    let answer = server.person("dana").send_with("GET", "/api/v1/whoami", None, &[("origin", origin)]);
    (answer.status, answer.header(ALLOWED).to_owned())
}

#[test]
fn a_page_of_an_origin_that_the_configuration_names_may_call_and_another_may_not() {
    let server = server_with(&format!("cors-origins = [\"{PORTAL}\"]"));
    let told = preflight(&server, PORTAL);
    assert_eq!(told.get(ALLOWED).map(ureq::http::HeaderValue::as_bytes), Some(PORTAL.as_bytes()), "{told:?}");
    let headers = told.get("access-control-allow-headers").and_then(|names| names.to_str().ok()).unwrap_or_default();
    for name in ["authorization", "content-type", "idempotency-key", "if-match"] {
        assert!(headers.contains(name), "a page may send {name}: {headers:?}");
    }
    assert!(!preflight(&server, OTHER).contains_key(ALLOWED), "another origin is told nothing");
    assert_eq!(asked_from(&server, PORTAL), (200, PORTAL.to_owned()));
    assert_eq!(asked_from(&server, OTHER), (200, String::new()), "a browser does not give this to its page");
}

#[test]
fn no_page_may_call_when_the_configuration_names_no_origin() {
    let server = server_with("");
    assert!(!preflight(&server, PORTAL).contains_key(ALLOWED));
    assert_eq!(asked_from(&server, PORTAL), (200, String::new()));
}
