//! The trace of a call, which goes on at the receiver: a span while the call is under way, and the header that names it
//! (W3C Trace Context, `traceparent`).
//!
//! A test is called within the request that asks for it, and is part of its trace. What is told of events by itself is a
//! trace of its own: an event may be told hours after what it tells of, and more than once.

use opentelemetry::trace::TraceContextExt as _;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

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

/// What a receiver goes on with; nothing when nobody wants traces.
pub(super) fn parent(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let of_span = context.span().span_context().clone();
    let flags = of_span.trace_flags().to_u8();
    of_span.is_valid().then(|| format!("00-{}-{}-{flags:02x}", of_span.trace_id(), of_span.span_id()))
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
