//! A collector of traces: takes OTLP over HTTP. Of JSON it keeps the spans, of protobuf the bodies.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// OTLP's number for a span of a server (opentelemetry-proto, `trace.proto`).
pub const SERVER: u64 = 2;
/// OTLP's number for a span of a client.
pub const CLIENT: u64 = 3;

/// The collector; it ends with the test's process.
pub struct Collector {
    port: u16,
    got: Arc<Mutex<Got>>,
}

#[derive(Default)]
struct Got {
    spans: Vec<Span>,
    protobuf: Vec<Vec<u8>>,
    /// Lines of headers, in lower case.
    headers: Vec<String>,
}

/// A span as it was sent.
#[derive(Debug, Clone)]
pub struct Span {
    /// The trace's id.
    pub trace: String,
    /// The span's id.
    pub id: String,
    /// The id of the span that it is below; empty when there is none.
    pub parent: String,
    /// What it is called.
    pub name: String,
    /// Its kind.
    pub kind: u64,
    attributes: Value,
    links: Vec<String>,
}

impl Span {
    /// The traces that it links to.
    pub fn links(&self) -> &[String] {
        &self.links
    }

    /// An attribute as text; OTLP has numbers as texts anyway.
    pub fn attribute(&self, key: &str) -> Option<String> {
        let found = self.attributes.as_array()?.iter().find(|attribute| attribute["key"] == key)?;
        let value = found["value"].as_object()?.values().next()?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

impl Collector {
    /// Starts one on a free port of the loopback interface.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the port").port();
        let got = Arc::<Mutex<Got>>::default();
        let kept = Arc::clone(&got);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || while take(&connection, &kept).is_some() {});
            }
        });
        Self { port, got }
    }

    /// What tells a host to send its traces here, and whatever else.
    pub fn environment(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let here = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
        here.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Bodies that were not JSON.
    pub fn protobuf(&self) -> Vec<Vec<u8>> {
        self.got.lock().expect("nobody panicked").protobuf.clone()
    }

    /// Whether it was sent a header with a text, whatever its case.
    pub fn saw(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        self.got.lock().expect("nobody panicked").headers.iter().any(|line| line.contains(&text))
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The spans that came as JSON.
    pub fn spans(&self) -> Vec<Span> {
        self.got.lock().expect("nobody panicked").spans.clone()
    }
}

/// One request of a connection; nothing at its end.
fn take(connection: &TcpStream, kept: &Mutex<Got>) -> Option<()> {
    let mut reader = BufReader::new(connection);
    let (mut length, mut is_json) = (0, false);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        is_json |= line == "content-type: application/json";
        if line.is_empty() {
            break;
        }
        kept.lock().expect("nobody panicked").headers.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = if is_json {
        let document: Value = serde_json::from_slice(&body).expect("a batch of spans is JSON");
        kept.lock().expect("nobody panicked").spans.extend(spans_of(&document));
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    } else {
        kept.lock().expect("nobody panicked").protobuf.push(body);
        // An empty message is one in which everything is as it is without being said.
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
    };
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
        links: below(&span, "links").iter().map(|link| text(link, "traceId")).collect(),
    };
    scopes.flat_map(|scope| below(&scope, "spans")).map(span).collect()
}
