//! `ETag` and `If-None-Match`: whoever has an answer already is told so, and not given it again (RFC 9110, section 13).
//!
//! The tag of a thing that has revisions is its revision, a dash, and a digest of what is shown: `"3-5f0c…"`. The revision
//! is what `If-Match` goes by; the digest is what tells a client that something else about the thing has changed, such as
//! the state that a resource is in. Everything else has the digest alone, and its changes refuse an `If-Match`.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use macadam_core::digest::Digest;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, Parameter};

use crate::compress::ShowsSecrets;
use crate::extract::has_already;
use crate::problem::{Problem, ProblemKind};

/// The part of a digest that tells answers from each other: 64 bits, for one client and one address.
const DIGITS: usize = 16;

/// Surrounds every route; only reads of documents are anything special. Whoever asks for the head alone is told of the same
/// tag: the body, of which it is, goes when everything around the route has seen the answer.
pub(crate) async fn answer_what_is_new(request: Request, next: Next) -> Result<Response, Problem> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let asked: HeaderMap =
        request.headers().get_all(header::IF_NONE_MATCH).iter().fold(HeaderMap::new(), |mut all, value| {
            all.append(header::IF_NONE_MATCH, value.clone());
            all
        });
    let answer = next.run(request).await;
    if reads && is_document(&answer) { tagged(&asked, answer).await } else { Ok(answer) }
}

/// Whether an operation takes `If-Match`: those of things that have revisions do, and say so.
pub(crate) fn takes_if_match(operation: &Operation) -> bool {
    let is_it = |parameter: &Parameter| parameter.name == "If-Match";
    operation.parameters.iter().flatten().any(|parameter| matches!(parameter, RefOr::T(parameter) if is_it(parameter)))
}

/// Surrounds the routes of what has no revisions: a condition that nobody looks at must not seem to have held.
pub(crate) async fn refuse_conditions(request: Request, next: Next) -> Result<Response, Problem> {
    if !request.method().is_safe() && request.headers().contains_key(header::IF_MATCH) {
        let detail = "this has no revisions that `If-Match` could name; send the change without it";
        return Err(Problem::new(ProblemKind::Malformed, detail));
    }
    Ok(next.run(request).await)
}

/// Whether it is a whole JSON document that shows no secret, of which not even a digest should be about.
fn is_document(answer: &Response) -> bool {
    let media_type = answer.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    answer.status() == StatusCode::OK
        && media_type == Some(b"application/json")
        && answer.extensions().get::<ShowsSecrets>().is_none()
}

async fn tagged(asked: &HeaderMap, answer: Response) -> Result<Response, Problem> {
    let (mut parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|error| Problem::internal(&error))?;
    let digest: String = Digest::of(&body).hex().chars().take(DIGITS).collect();
    let revision = parts.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let tag = match revision.map(|tag| tag.trim_matches('"')) {
        Some(revision) => format!("\"{revision}-{digest}\""),
        None => format!("\"{digest}\""),
    };
    parts.headers.insert(header::ETAG, HeaderValue::try_from(&tag).map_err(|error| Problem::internal(&error))?);
    if !has_already(asked, &tag) {
        return Ok(Response::from_parts(parts, Body::from(body)));
    }
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::empty()))
}
