//! Those who call a server, each with their token: now and then, on a connection that is kept, or while it comes and goes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Answer, PATIENCE, Server};
use crate::exchange::{agent, answer, answer_from, exchange};

/// Someone who calls the server.
pub struct Person<'a> {
    pub(super) server: &'a Server,
    pub(super) token: String,
}

impl Person<'_> {
    /// Reads.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// Asks for something.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    /// Any request.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.send_with(method, path, body, &[])
    }

    /// Any request, with headers.
    pub fn send_with(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(self.server.url(path))
            .header("authorization", self.bearer())
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request =
            request.body(body.map(ToString::to_string).unwrap_or_default()).expect("the request is well-formed");
        answer(request)
    }

    /// Someone on a connection of their own, which is kept.
    pub fn connect(&self) -> Connection<'_> {
        Connection { person: self, agent: agent() }
    }

    /// Sends a package.
    pub fn publish(&self, archive: &[u8]) -> Answer {
        self.publish_signed(archive, None)
    }

    /// Sends a package with its signature, which is base64.
    pub fn publish_signed(&self, archive: &[u8], signature: Option<&str>) -> Answer {
        let mut request = ureq::http::Request::post(self.server.url("/api/v1/plugins"))
            .header("authorization", self.bearer())
            .header("content-type", "application/gzip");
        if let Some(signature) = signature {
            request = request.header("macadam-signature", signature);
        }
        answer(request.body(archive).expect("the request is well-formed"))
    }

    /// The bytes behind an address.
    pub fn download(&self, path: &str) -> Vec<u8> {
        let request = ureq::http::Request::get(self.server.url(path)).header("authorization", self.bearer());
        let (status, _, bytes) =
            exchange(&agent(), request.body(()).expect("the request is well-formed")).expect("the download works");
        assert_eq!(status, 200, "{path} can be downloaded: {}", String::from_utf8_lossy(&bytes));
        bytes
    }

    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// The header with which the person signs in.
    pub fn authorization(&self) -> String {
        format!("Authorization: {}", self.bearer())
    }

    /// Asks for a database.
    pub fn request_database(&self, environment: &str, name: &str, storage_gb: u32) -> Answer {
        self.post("/api/v1/resources", &database(environment, name, storage_gb))
    }

    /// Asks for a database under an idempotency key.
    pub fn request_database_once(&self, environment: &str, name: &str, storage_gb: u32, key: &str) -> Answer {
        let wish = database(environment, name, storage_gb);
        self.send_with("POST", "/api/v1/resources", Some(&wish), &[("idempotency-key", key)])
    }

    /// Approves a request as it is decided now.
    pub fn approve(&self, request: &str) -> Answer {
        let shown = self.get(&format!("/api/v1/requests/{request}"));
        let digest = shown.body["digest"].clone();
        self.post(&format!("/api/v1/requests/{request}/approve"), &json!({"digest": digest}))
    }

    /// Waits until a request has come to an end, and says to which.
    pub fn wait_for(&self, request: &str) -> String {
        let begin = Instant::now();
        loop {
            let shown = self.get(&format!("/api/v1/requests/{request}"));
            let state = shown.body["state"].as_str().unwrap_or_default().to_owned();
            if ["succeeded", "failed", "rejected", "denied", "expired", "cancelled"].contains(&state.as_str()) {
                return state;
            }
            assert!(begin.elapsed() < PATIENCE, "request {request} does not end: {shown:?}\n{}", self.server.log());
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

/// Someone on a connection that is kept.
pub struct Connection<'a> {
    person: &'a Person<'a>,
    agent: ureq::Agent,
}

impl Connection<'_> {
    /// Asks for something.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(self.person.server.url(path))
            .header("authorization", self.person.bearer())
            .header("content-type", "application/json");
        answer_from(&self.agent, request.body(body.to_string()).expect("the request is well-formed"))
    }
}

/// Someone who calls a server whether it is there or not.
pub struct Remote {
    pub(super) base: String,
    pub(super) authorization: String,
    pub(super) agent: ureq::Agent,
}

impl Remote {
    /// Asks for something. The status is 0 when there is no answer.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", &self.authorization)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        answer_from(&self.agent, request.body(body).expect("the request is well-formed"))
    }
}

/// The body of a request for a database.
pub fn database(environment: &str, name: &str, storage_gb: u32) -> Value {
    json!({
        "environment": environment, "type": "postgres-database", "name": name,
        "spec": {"storage_gb": storage_gb}, "tags": {"owner": "payments"},
    })
}
