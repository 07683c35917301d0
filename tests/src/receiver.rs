//! A receiver of webhooks on this machine, which answers what a test wants and keeps what it was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use macadam_core::signature::{NotVerified, Received, TOLERANCE, WebhookSecret, verify};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Instead of a status: whoever asks gets no answer.
pub const UNANSWERED: u16 = 0;

/// What it was sent.
#[derive(Debug, Clone)]
pub struct Got {
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// What was answered; [`UNANSWERED`] when nothing was.
    pub answered: u16,
}

#[derive(Default)]
struct Kept {
    got: Vec<Got>,
    /// What the next ones are answered, in order; then what `always` says.
    answers: VecDeque<(u16, Option<&'static str>)>,
    always: u16,
}

/// The receiver; it ends with the value.
pub struct Receiver {
    kept: Arc<Mutex<Kept>>,
    port: u16,
    runtime: Option<Runtime>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // An asynchronous test may not wait for a runtime to end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Receiver {
    /// One that takes everything.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let kept = Arc::new(Mutex::new(Kept { always: 204, ..Kept::default() }));
        let router = Router::new().route("/hook", any(take)).with_state(Arc::clone(&kept));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        runtime.spawn(async move { axum::serve(TcpListener::from_std(listener).unwrap(), router).await });
        Self { kept, port, runtime: Some(runtime) }
    }

    /// An address on it; `/hook` is what it answers at.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers the next message so, with a `Retry-After` if there is one.
    pub fn answer_next(&self, status: u16, retry_after: Option<&'static str>) {
        self.kept.lock().unwrap().answers.push_back((status, retry_after));
    }

    /// Answers so whenever nothing else was said; [`UNANSWERED`] leaves whoever asks waiting.
    pub fn answer_always(&self, status: u16) {
        self.kept.lock().unwrap().always = status;
    }

    /// Everything that it was sent.
    pub fn got(&self) -> Vec<Got> {
        self.kept.lock().unwrap().got.clone()
    }

    /// What it has taken.
    pub fn taken(&self) -> Vec<Got> {
        self.got().into_iter().filter(|got| (200..300).contains(&got.answered)).collect()
    }
}

async fn take(State(kept): State<Arc<Mutex<Kept>>>, headers: HeaderMap, body: Bytes) -> Response {
    let (status, retry_after) = keep(&kept, headers, body);
    if status == UNANSWERED {
        return std::future::pending().await;
    }
    let status = StatusCode::from_u16(status).unwrap();
    match retry_after {
        Some(after) => (status, [("retry-after", after)]).into_response(),
        None => status.into_response(),
    }
}

/// Keeps what was sent, and says what to answer.
fn keep(kept: &Mutex<Kept>, headers: HeaderMap, body: Bytes) -> (u16, Option<&'static str>) {
    let mut kept = kept.lock().unwrap();
    let (answered, retry_after) = kept.answers.pop_front().unwrap_or((kept.always, None));
    kept.got.push(Got { headers, body, answered });
    (answered, retry_after)
}

impl Got {
    /// A header, which must be there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name} is sent")).to_str().unwrap()
    }

    /// The event.
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The event's place.
    pub fn place(&self) -> u64 {
        self.event()["id"].as_str().unwrap().parse().unwrap()
    }

    /// Checks the message as a receiver does.
    pub fn verify(&self, secret: &str) -> Result<(), NotVerified> {
        let secret: WebhookSecret = secret.parse().expect("the secret is one");
        let message = Received {
            id: self.header("webhook-id"),
            timestamp: self.header("webhook-timestamp"),
            signature: self.header("webhook-signature"),
            body: &self.body,
        };
        verify(&secret, &message, jiff::Timestamp::now(), TOLERANCE)
    }
}
