//! Compression of answers, where it saves something and gives nothing away.
//!
//! The length of a compressed answer tells whoever watches the wire how much of what they have put into it is repeated in
//! it, and so, guess by guess, what else is in there (the BREACH attack). So what shows a secret is never compressed:
//! answers to anything but reading, and credentials. What is compressed already, and streams, are left alone as well.

use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use macadam_platform::authorization::Action;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};

/// Below a packet or so there is nothing to save.
const WORTH_IT: u16 = 1_024;

/// What is compressed: texts. Archives are already, and a stream of events has to arrive one by one.
const TEXTS: [&str; 7] = [
    "application/json",
    "application/problem+json",
    "application/openmetrics-text",
    "text/html",
    "text/plain",
    "text/css",
    "text/javascript",
];

/// Marks an answer that may be compressed.
#[derive(Debug, Clone, Copy)]
struct Harmless;

/// Marks answers to a read. It surrounds every route.
pub(crate) async fn mark(request: Request, next: Next) -> Response {
    // What is said of a head is said of what a GET would be given (RFC 9110, section 8.6).
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut answer = next.run(request).await;
    if reads && answer.extensions().get::<ShowsSecrets>().is_none() {
        answer.extensions_mut().insert(Harmless);
    }
    answer
}

/// Marks an answer that shows a secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShowsSecrets;

impl ShowsSecrets {
    /// Marks the answers of an action whose point it is to show some.
    pub(crate) fn mark(action: Action, answer: &mut Response) {
        if shows_secrets(action) {
            answer.extensions_mut().insert(Self);
        }
    }
}

/// Whether it is the point of an action to show a secret to whoever reads.
pub(crate) fn shows_secrets(action: Action) -> bool {
    action == Action::ResourceUse
}

/// What compresses, for clients that say they take it.
pub(crate) fn layer() -> CompressionLayer<impl Predicate + Send + Sync + 'static> {
    CompressionLayer::new().compress_when(SizeAbove::new(WORTH_IT).and(may))
}

fn may(_: StatusCode, _: Version, headers: &HeaderMap, marks: &Extensions) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    marks.get::<Harmless>().is_some() && TEXTS.contains(&essence)
}
