//! An answer as it is kept under its key: status and headers as one line of JSON, then the body as it is.

use axum::body::{Body, Bytes};
use axum::http::header::{InvalidHeaderName, InvalidHeaderValue};
use axum::http::response::Parts;
use axum::http::status::InvalidStatusCode;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

/// What of an answer is kept beside its body. Others belong to the connection or to the moment.
const KEPT_HEADERS: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::LOCATION,
    header::ETAG,
    header::CACHE_CONTROL,
    header::RETRY_AFTER,
    header::CONTENT_LOCATION,
];

/// An answer that was given.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    #[serde(skip)]
    body: Bytes,
}

/// What is kept is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeptError {
    #[error("a kept answer cannot be read or written: {0}")]
    Head(#[from] serde_json::Error),
    #[error("a kept answer has no body")]
    Cut,
    #[error("a kept answer has no status: {0}")]
    Status(#[from] InvalidStatusCode),
    #[error("a kept answer has a header without a name: {0}")]
    Name(#[from] InvalidHeaderName),
    #[error("a kept answer has a header that cannot be sent: {0}")]
    Value(#[from] InvalidHeaderValue),
}

impl Kept {
    pub(super) fn of(parts: &Parts, body: Bytes) -> Self {
        let text = |name: &HeaderName| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned()));
        Self { status: parts.status.as_u16(), headers: KEPT_HEADERS.iter().filter_map(text).collect(), body }
    }

    pub(super) fn close(&self) -> Result<Vec<u8>, KeptError> {
        let mut kept = serde_json::to_vec(self)?;
        kept.push(b'\n');
        kept.extend_from_slice(&self.body);
        Ok(kept)
    }

    pub(super) fn open(kept: &[u8]) -> Result<Self, KeptError> {
        let end = kept.iter().position(|byte| *byte == b'\n').ok_or(KeptError::Cut)?;
        let (head, body) = kept.split_at(end);
        let head: Self = serde_json::from_slice(head)?;
        Ok(Self { body: Bytes::copy_from_slice(body.get(1..).unwrap_or_default()), ..head })
    }

    /// The answer, as it was given.
    pub(super) fn again(self) -> Result<Response, KeptError> {
        let mut response = (StatusCode::from_u16(self.status)?, Body::from(self.body)).into_response();
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        Ok(response)
    }
}
