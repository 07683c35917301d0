//! What a server answers.

use serde_json::Value;
use ureq::http::HeaderMap;

/// An answer of the server.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `null` when there is none.
    pub body: Value,
    /// The headers; none when there is no answer.
    pub headers: HeaderMap,
}

impl Answer {
    /// A header as text; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The id of the request that was made.
    pub fn request(&self) -> String {
        self.body["request"].as_str().unwrap_or_else(|| panic!("there is no request in {self:?}")).to_owned()
    }
}
