//! The document as clients fetch it, and the routes that it names.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use macadam_tests::contract::Contract;
use serde_json::Value;

use super::host::{Host, request_as};

#[tokio::test]
async fn anybody_may_fetch_the_document_and_nobody_fetches_it_twice() {
    let host = Host::start().await;
    let first = host.send(Request::get("/api/v1/openapi.json").body(Body::empty()).unwrap()).await;
    assert_eq!((first.status, first.json()["openapi"].as_str()), (StatusCode::OK, Some("3.1.0")));
    assert_eq!(first.header(header::CACHE_CONTROL), "public, max-age=60");
    let etag = first.header(header::ETAG).to_owned();
    for known in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
        let again = Request::get("/api/v1/openapi.json").header(header::IF_NONE_MATCH, &known);
        let again = host.send(again.body(Body::empty()).unwrap()).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{known} names what is there");
    }
}

#[tokio::test]
async fn the_page_for_people_is_whole_and_loads_nothing_from_elsewhere() {
    let host = Host::start().await;
    let moved = host.send(Request::get("/docs").body(Body::empty()).unwrap()).await;
    assert_eq!((moved.status.as_u16(), moved.header(header::LOCATION)), (308, "/docs/"));
    let page = host.send(Request::get("/docs/").body(Body::empty()).unwrap()).await;
    let text = String::from_utf8(page.body.clone()).unwrap();
    let policy = page.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
    assert!(!text.contains("http://") && !text.contains("https://"), "nothing is loaded from elsewhere: {text}");
    let inline = text.split("<script").skip(1).filter(|script| !script.split('>').next().unwrap().contains("src="));
    assert_eq!(inline.count(), 0, "the policy lets no script run that stands in the page");
    let mut loaded = 0;
    for quoted in text.split("src=\"").chain(text.split("href=\"")).skip(1) {
        let path = quoted.split('"').next().unwrap().trim_start_matches("./");
        if !path.ends_with(".js") && !path.ends_with(".css") {
            continue;
        }
        let file = host.send(Request::get(format!("/docs/{path}")).body(Body::empty()).unwrap()).await;
        assert_eq!(file.status, StatusCode::OK, "the page loads {path}");
        loaded += 1;
    }
    assert!(loaded >= 3, "the page has scripts and a style");
    let told = host.send(Request::get("/docs/swagger-initializer.js").body(Body::empty()).unwrap()).await;
    assert!(String::from_utf8(told.body).unwrap().contains("/api/v1/openapi.json"), "the page shows this document");
    host.send(Request::get("/docs/none.js").body(Body::empty()).unwrap()).await.is_problem("not-found", 404);
}

/// A path that fits a template: each part is an example of its rule.
fn path(template: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    parameters.iter().filter(|parameter| parameter["in"] == "path").fold(template.to_owned(), |path, parameter| {
        let example = parameter["schema"]["examples"][0].as_str().unwrap_or("1");
        path.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), example)
    })
}

#[tokio::test]
async fn every_operation_of_the_document_is_served_and_asks_for_a_token_where_it_says_so() {
    let host = Host::start().await;
    let contract = Contract::new(crate::document());
    for (method, template, operation) in contract.operations() {
        let name = operation["operationId"].as_str().unwrap();
        let method: Method = method.to_ascii_uppercase().parse().unwrap();
        let path = path(template, operation);
        assert!(!path.contains('{'), "{name}: {path} has a parameter that is not described");
        let is_open = !operation["security"].is_null() || name == "metrics.get";
        let nobody = Request::builder().method(method.clone()).uri(&path).body(Body::empty()).unwrap();
        let nobody = host.send(nobody).await;
        assert_eq!(nobody.status == StatusCode::UNAUTHORIZED, !is_open, "{name} without a token: {}", nobody.status);
        let somebody = host.send(request_as("ada", method, &path).body(Body::empty()).unwrap()).await;
        let is_text = somebody.header(header::CONTENT_TYPE).contains("json");
        let text = if is_text { String::from_utf8_lossy(&somebody.body) } else { "bytes".into() };
        assert_ne!(somebody.status, StatusCode::METHOD_NOT_ALLOWED, "{name} is served at {path}");
        assert!(!text.contains("there is nothing at"), "{name} is served at {path}: {text}");
    }
}
