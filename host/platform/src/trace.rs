//! Places in traces, to hand on and to come from.

use macadam_core::trace::TraceParent;
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceFlags, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// What whoever goes on with a span is given; nothing when nobody wants traces.
#[must_use]
pub fn parent(span: &Span) -> Option<TraceParent> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let of_span = context.span().span_context().clone();
    of_span.is_valid().then(|| TraceParent {
        trace: u128::from_be_bytes(of_span.trace_id().to_bytes()),
        span: u64::from_be_bytes(of_span.span_id().to_bytes()),
        flags: of_span.trace_flags().to_u8(),
    })
}

/// Says of a span that it is done for another, maybe much later and in a trace of its own.
pub(crate) fn link(span: &Span, from: Option<TraceParent>) {
    let Some(TraceParent { trace, span: id, flags }) = from.filter(|_| !span.is_disabled()) else { return };
    let (flags, state) = (TraceFlags::new(flags), TraceState::default());
    span.add_link(SpanContext::new(trace.into(), id.into(), flags, true, state));
}
