//! The document for programs, and for people: JSON at `/api/v1/openapi.json`, and an interactive page at `/docs`.
//!
//! The page is Swagger UI, and all of it is in the binary: nothing comes from another host, and its
//! `Content-Security-Policy` would not let it.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use macadam_core::digest::Digest;
use utoipa_swagger_ui::Config;

use super::document;
use crate::extract::has_already;
use crate::problem::{Problem, ProblemKind};

/// Where the document is.
pub(crate) const DOCUMENT: &str = "/api/v1/openapi.json";

/// The document as bytes with their `ETag`: it only changes with the binary.
static SERVED: LazyLock<(String, String)> = LazyLock::new(|| {
    let text = document().to_string();
    let etag = format!("\"{}\"", Digest::of(text.as_bytes()));
    (text, etag)
});

/// What the page may load and talk to: this server. Its icons are `data:` pictures.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "document.get", tag = "operations", security(()),
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of the document that the client has.")),
    responses(
        (
            status = 200, description = "The document, OpenAPI 3.1.", body = serde_json::Value,
            headers(("ETag" = String, description = "Its digest.")),
        ),
        (status = 304, description = "It is the one that `If-None-Match` names."),
    ),
)]
pub(crate) async fn openapi(asked: HeaderMap) -> Response {
    let (text, etag) = &*SERVED;
    let headers = [(header::ETAG, etag.as_str()), (header::CACHE_CONTROL, "public, max-age=60")];
    if has_already(&asked, etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response()
}

/// The page's own address ends with a slash, so that what it loads is below it.
pub(crate) async fn to_page() -> Redirect {
    Redirect::permanent("/docs/")
}

/// The page itself.
pub(crate) async fn page() -> Result<Response, Problem> {
    file("index.html")
}

/// What the page loads.
pub(crate) async fn asset(Path(path): Path<String>) -> Result<Response, Problem> {
    file(&path)
}

fn file(path: &str) -> Result<Response, Problem> {
    let config = Config::from(DOCUMENT).try_it_out_enabled(true).persist_authorization(false);
    let found = utoipa_swagger_ui::serve(path, Arc::new(config)).map_err(|error| Problem::internal(&error))?;
    let none = || Problem::new(ProblemKind::NotFound, format!("the page has no file {path}"));
    let file = found.ok_or_else(none)?;
    let headers = [
        (header::CONTENT_TYPE, file.content_type.as_str()),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    Ok((headers, file.bytes.into_owned()).into_response())
}
