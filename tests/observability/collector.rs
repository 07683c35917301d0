//! A collector of traces: takes OTLP over HTTP as JSON, and keeps the spans.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// OTLP's numbers for kinds of spans (opentelemetry-proto, `trace.proto`).
pub(crate) const SERVER: u64 = 2;
pub(crate) const CLIENT: u64 = 3;

pub(crate) struct Collector {
    port: u16,
    spans: Arc<Mutex<Vec<Span>>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: u64,
    attributes: Value,
}

impl Span {
    /// An attribute as text; OTLP has numbers as texts anyway.
    pub(crate) fn attribute(&self, key: &str) -> Option<String> {
        let found = self.attributes.as_array()?.iter().find(|attribute| attribute["key"] == key)?;
        let value = found["value"].as_object()?.values().next()?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the port").port();
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let kept = Arc::clone(&spans);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || while take(&connection, &kept).is_some() {});
            }
        });
        Self { port, spans }
    }

    /// What tells a host to send its traces here, at once.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("nobody panicked").clone()
    }
}

/// One request of a connection; nothing at its end.
fn take(connection: &TcpStream, kept: &Mutex<Vec<Span>>) -> Option<()> {
    let mut reader = BufReader::new(connection);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let document: Value = serde_json::from_slice(&body).expect("a batch of spans is JSON");
    kept.lock().expect("nobody panicked").extend(spans_of(&document));
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    (&*connection).write_all(answer.as_bytes()).ok()
}

fn spans_of(document: &Value) -> Vec<Span> {
    let below = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let scopes = below(document, "resourceSpans").into_iter().flat_map(|resource| below(&resource, "scopeSpans"));
    let text = |span: &Value, name: &str| span[name].as_str().unwrap_or_default().to_owned();
    let span = |span: Value| Span {
        trace: text(&span, "traceId"),
        id: text(&span, "spanId"),
        parent: text(&span, "parentSpanId"),
        name: text(&span, "name"),
        kind: span["kind"].as_u64().unwrap_or_default(),
        attributes: span["attributes"].clone(),
    };
    scopes.flat_map(|scope| below(&scope, "spans")).map(span).collect()
}
