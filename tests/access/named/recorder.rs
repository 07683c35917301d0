//! A server that keeps what it is asked, and answers everything so that whoever asked goes on.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use macadam_core::audit::{Heads, HeadsSigner};
use macadam_core::digest::Digest;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::lines::{AUDIT_KEY, ID};

const ARCHIVE: &[u8] = b"an archive";

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The method, as the API's document writes it.
    pub(super) method: String,
    /// The path, without its query.
    pub(super) path: String,
}

type Kept = Arc<Mutex<Vec<Asked>>>;

/// The server; it ends with the value.
pub(super) struct Recorder {
    kept: Kept,
    port: u16,
    _runtime: Runtime,
}

impl Recorder {
    pub(super) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let kept = Kept::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&kept));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        runtime.spawn(async move { axum::serve(TcpListener::from_std(listener).unwrap(), router).await });
        Self { kept, port, _runtime: runtime }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it was asked since it was last looked at.
    pub(super) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.kept.lock().unwrap())
    }
}

async fn answer(State(kept): State<Kept>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    kept.lock().unwrap().push(Asked { method: method.as_str().to_ascii_lowercase(), path: path.clone() });
    let json = |value: Value| ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response();
    match path.as_str() {
        "/api/v1/events" => {
            ([(header::CONTENT_TYPE, "text/event-stream")], "id: 1\ndata: {\"id\":\"1\"}\n\n").into_response()
        }
        "/api/v1/audit" => json(json!({"items": []})),
        "/api/v1/audit/heads" => json(heads()),
        archive if archive.ends_with("/archive") => ARCHIVE.into_response(),
        "/api/v1/scaffolds" if String::from_utf8_lossy(&body).contains("\"name\":\"waiting\"") => {
            json(json!({"id": ID, "request": ID, "state": "pending-approval"}))
        }
        _ => json(anything()),
    }
}

/// Heads of a log without entries, for somebody who may read all of it.
fn heads() -> Value {
    let signed = HeadsSigner::new(&[7; 32]).sign(Heads::none(Timestamp::UNIX_EPOCH)).expect("heads can be signed");
    assert_eq!(signed.key.to_string(), AUDIT_KEY, "what is given to commands is the key");
    serde_json::to_value(signed).expect("heads can be written")
}

/// Whatever a command looks for in an answer.
fn anything() -> Value {
    json!({
        "id": ID, "request": ID, "state": "succeeded", "digest": Digest::of(ARCHIVE), "revision": 1,
        "items": [{"id": "rest-api"}],
        "binding": {
            "plugin": "acme/gate@1.0.0", "canary": {"version": "1.1.0"}, "shadow": {"version": "1.1.0"},
        },
        "answers": {"parameters": {"name": "orders"}}, "archive": Digest::of(ARCHIVE),
        "allowed": true, "key": AUDIT_KEY, "more": false,
        "cost": {"cost": "unknown", "reason": "a test"}, "verdicts": [], "outcome": "allowed", "warnings": [],
    })
}
