//! One span and one line for each request: method, matched route, status, time, person and id. Never a body, a query, a
//! header or a token. Beside it stands a span for traces, which goes on with the trace of whoever asks if they name one
//! (W3C Trace Context, `traceparent`); its attributes are those of OpenTelemetry's conventions for HTTP servers.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use macadam_core::trace::TraceParent;
use macadam_platform::{Caller, trace};
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::ServerState;
use crate::problem::Problem;

/// The header that carries a request's id, in and out.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_ID: usize = 128;

/// What a request is known as.
#[derive(Debug, Clone)]
pub(crate) struct KnownAs {
    /// Its id.
    pub(crate) id: String,
    /// Its span, if there are traces.
    pub(crate) trace: Option<TraceParent>,
}

/// Surrounds every request.
pub(crate) async fn observe(State(state): State<ServerState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = matched.unwrap_or_else(|| "unmatched".to_owned());
    let trace = trace_of(&request, &method, &route);
    let known = KnownAs { id: id.to_str().unwrap_or_default().to_owned(), trace: trace::parent(&trace) };
    let span = tracing::info_span!(
        parent: &trace, "request", %method, %route, id = id.to_str().unwrap_or_default(),
        person = tracing::field::Empty, trace = tracing::field::Empty,
    );
    if let Some(TraceParent { trace, .. }) = known.trace {
        span.record("trace", format_args!("{trace:032x}"));
    }
    request.extensions_mut().insert(known);
    let mut response = async {
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        answer.unwrap_or_else(|_| Problem::internal(&"a handler panicked").into_response())
    }
    .instrument(span.clone())
    .instrument(trace.clone())
    .await;
    let (status, took) = (response.status(), started.elapsed());
    state.metrics.served(&method, &route, status, took);
    trace.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        trace.record("otel.status_code", "ERROR");
    }
    let ms = took.as_secs_f64() * 1_000.0;
    span.in_scope(|| match route.as_str() {
        // Asked every few seconds by machines.
        "/healthz" | "/readyz" | "/metrics" => tracing::debug!(status = status.as_u16(), ms, "served"),
        _ => tracing::info!(status = status.as_u16(), ms, "served"),
    });
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID.clone(), id);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The span for traces. Free when nobody wants any.
fn trace_of(request: &Request, method: &Method, route: &str) -> Span {
    let span = tracing::info_span!(
        target: "macadam::trace", parent: None, "http", otel.name = format_args!("{method} {route}"), otel.kind = "server",
        http.request.method = %method, http.route = %route, http.response.status_code = tracing::field::Empty,
        otel.status_code = tracing::field::Empty,
    );
    if !span.is_disabled() {
        let parent = TraceContextPropagator::new().extract(&Headers(request.headers()));
        // Without a valid `traceparent` the trace begins here.
        let _ = span.set_parent(parent);
    }
    span
}

/// The request's headers, as the propagator reads them.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// Notes in the request's span who made it.
pub(crate) fn note_person(caller: &Caller) {
    Span::current().record("person", tracing::field::display(&caller.person));
}

/// The client's id, when it is one that may go into a log, or else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let given = request.headers().get(&REQUEST_ID).filter(|id| {
        (1..=MAX_ID).contains(&id.len())
            && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(byte))
    });
    given.cloned().unwrap_or_else(new_id)
}

fn new_id() -> HeaderValue {
    let mut bytes = [0_u8; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => HeaderValue::from_str(&hex::encode(bytes)).unwrap_or(HeaderValue::from_static("none")),
        Err(_) => HeaderValue::from_static("none"),
    }
}
