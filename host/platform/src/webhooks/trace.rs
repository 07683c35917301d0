//! The trace of a call, which goes on at the receiver: a span while the call is under way, and the header that names it
//! (W3C Trace Context, `traceparent`).
//!
//! A test is called within the request that asks for it, and is part of its trace. What is told of events by itself is a
//! trace of its own: an event may be told hours after what it tells of, and more than once.

use tracing::Span;
use tracing::field::Empty;

use super::send::Outcome;

/// The header's name.
pub(super) const HEADER: &str = "traceparent";

/// The span of a call to a receiver, which is scheme and host: the rest of an address may be a secret. Free when nobody
/// wants any.
pub(super) fn span(receiver: &str, message: &str) -> Span {
    tracing::info_span!(
        target: "macadam::trace", "webhook", otel.name = "POST webhook", otel.kind = "client",
        http.request.method = "POST", macadam.webhook.receiver = receiver, macadam.webhook.message = message,
        http.response.status_code = Empty, otel.status_code = Empty,
    )
}

/// Notes what came of the call.
pub(super) fn note(span: &Span, outcome: &Outcome) {
    if let Some(status) = outcome.status {
        span.record("http.response.status_code", status);
    }
    if outcome.error.is_some() {
        span.record("otel.status_code", "ERROR");
    }
}
