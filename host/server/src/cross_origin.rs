//! Cross-origin requests (CORS): pages of origins that an administrator has named, and of no other, may call the API.
//!
//! A page sends its token itself, in a header. Cookies and whatever else a browser would add are never taken, so a page
//! that is not named gains nothing from who has it open.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::idempotency::IDEMPOTENCY_KEY;
use crate::observe::REQUEST_ID;

/// How long a browser may keep what it was told.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// A text that is no origin.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no origin; write scheme, host and port, such as \"https://portal.example\", without a path or a `*`")]
pub struct OriginError(String);

/// The origin of pages that may call the API.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct AllowedOrigin(HeaderValue);

impl TryFrom<String> for AllowedOrigin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        let refuse = || OriginError(text.clone());
        let uri: Uri = text.parse().map_err(|_| refuse())?;
        let origin = uri.scheme_str().zip(uri.authority()).map(|(scheme, host)| format!("{scheme}://{host}"));
        let written_so = origin.as_deref() == Some(text.as_str()) && text == text.to_ascii_lowercase();
        let known = matches!(uri.scheme_str(), Some("https" | "http"));
        let plain = uri.authority().is_some_and(|host| !host.as_str().contains(['@', '*']));
        if !(written_so && known && plain) {
            return Err(refuse());
        }
        HeaderValue::from_str(&text).map(Self).map_err(|_| refuse())
    }
}

/// What answers browsers that ask for a page of another origin; nothing when no origin may.
pub(crate) fn layer(origins: &[AllowedOrigin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let allowed = AllowOrigin::list(origins.iter().map(|AllowedOrigin(origin)| origin.clone()));
    let name = HeaderName::from_static;
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            IDEMPOTENCY_KEY.clone(),
            REQUEST_ID.clone(),
            name("last-event-id"),
            name("macadam-signature"),
            name("traceparent"),
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            header::CONTENT_DISPOSITION,
            REQUEST_ID.clone(),
            name("idempotent-replayed"),
            name("ratelimit"),
            name("ratelimit-policy"),
            name("repr-digest"),
        ])
        .max_age(MAX_AGE);
    Some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_exact_and_nothing_else_is_one() {
        for good in ["https://portal.example", "http://localhost:3000", "https://portal.example:8443"] {
            assert!(AllowedOrigin::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in
            ["*", "null", "", "portal.example", "https://portal.example/", "https://*.example", "ftp://a.example"]
        {
            assert!(AllowedOrigin::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        for bad in ["https://Portal.example", "https://a@portal.example", "https://portal.example/x", "https://a b"] {
            assert!(AllowedOrigin::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
