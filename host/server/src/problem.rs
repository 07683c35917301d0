//! RFC 9457 problem documents: every error that leaves the server is one.
//!
//! [`ProblemKind`] is the table of what there is. A kind's `type` is a path on this very server, which explains it in a
//! sentence, so that a client's author needs nothing else at hand.

use std::time::Duration;

use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use macadam_core::violation::Violation;
use macadam_platform::provisioning::ProvisionError;
use serde_json::{Map, Value, json};

/// What kinds of problem there are, by what a client can do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The request is not HTTP or JSON as it should be.
    Malformed,
    /// Nobody is signed in.
    Unauthenticated,
    /// The person may not do this.
    Forbidden,
    /// It was decided, and the answer is no.
    Denied,
    /// There is no such thing, or the person may not know of it.
    NotFound,
    /// The address does not take this method.
    MethodNotAllowed,
    /// The request did not arrive in time.
    Timeout,
    /// It does not fit what exists.
    Conflict,
    /// What was asked for was here and is not kept any more.
    Gone,
    /// The resource was changed since it was looked at.
    Stale,
    /// The body is too large.
    TooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The input is well-formed and wrong.
    Invalid,
    /// It is more at once than one person may have.
    TooManyRequests,
    /// The server failed.
    Internal,
    /// Something that is needed is not available now.
    Unavailable,
}

impl ProblemKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Malformed,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::Denied,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::Conflict,
        Self::Gone,
        Self::Stale,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::TooManyRequests,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The kind's word, the last part of its `type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Timeout => "timeout",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::Stale => "stale",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::Invalid => "invalid",
            Self::TooManyRequests => "too-many-requests",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// Its status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Denied => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Gone => StatusCode::GONE,
            Self::Stale => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Its title, the same for all problems of the kind.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request cannot be read",
            Self::Unauthenticated => "Nobody is signed in",
            Self::Forbidden => "This is not for you to do",
            Self::Denied => "The request is denied",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "This address does not take this method",
            Self::Timeout => "The request did not arrive in time",
            Self::Conflict => "It does not fit what exists",
            Self::Gone => "It is not kept any more",
            Self::Stale => "It was changed since you looked at it",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is not JSON",
            Self::Invalid => "The input is wrong",
            Self::TooManyRequests => "That is too much at once",
            Self::Internal => "The server failed",
            Self::Unavailable => "Something that is needed is not available",
        }
    }

    /// What a client can do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Malformed => "`detail` says which part of the body, query or headers is not well-formed; mend it.",
            Self::Unauthenticated => "Send a token that this server knows as `Authorization: Bearer TOKEN`.",
            Self::Forbidden => "You lack the role, group or team that this takes; `detail` says which.",
            Self::Denied => {
                "`violations` says what to change; `request` is the record, `decision` all that was decided."
            }
            Self::NotFound => "It does not exist, or it belongs to a team whose things you may not see.",
            Self::MethodNotAllowed => "The header `Allow` says which methods it takes.",
            Self::Timeout => "The body was sent too slowly; send it again.",
            Self::Conflict => "`detail` says what is in the way; look at it again, and decide again.",
            Self::Gone => {
                "`detail` says from where you can go on; what was before that, read from the things themselves."
            }
            Self::Stale => "`If-Match` names another revision than the one there is; read it again, and decide again.",
            Self::TooLarge => "Send less; `detail` says how much is taken.",
            Self::UnsupportedMediaType => "Send JSON, with `Content-Type: application/json`.",
            Self::Invalid => "Each of `violations` names a field by its JSON Pointer and says how to mend it.",
            Self::TooManyRequests => {
                "Try again after as many seconds as the header `Retry-After` says, or ask for less."
            }
            Self::Internal => "The operator finds the cause in the log, by the id in the header `x-request-id`.",
            Self::Unavailable => "Try again after as many seconds as the header `Retry-After` says.",
        }
    }
}

/// One problem.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: ProblemKind,
    detail: Box<str>,
    more: Map<String, Value>,
    retry_after: Option<Duration>,
    headers: Option<Box<HeaderMap>>,
}

/// When to try again, where nobody knows better.
const RETRY_AFTER: Duration = Duration::from_secs(5);

impl Problem {
    /// A problem of a kind, in one sentence.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into().into(), more: Map::new(), retry_after: None, headers: None }
    }

    /// Input that is well-formed and wrong.
    #[must_use]
    pub fn invalid(violations: &[Violation]) -> Self {
        let detail = macadam_core::violation::join(violations);
        Self::new(ProblemKind::Invalid, detail).with("violations", json!(violations))
    }

    /// The server's own failure. The cause goes into the log, not to the client.
    #[must_use]
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "the server failed");
        Self::new(ProblemKind::Internal, "the server failed; give its operator the id in the header x-request-id")
    }

    /// The problem with one more member.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.more.insert(member.to_owned(), value);
        self
    }

    /// A conflict about another revision than there is, as what it is to whoever named one in `If-Match`.
    #[must_use]
    pub fn stale_if_it_says_what_is_current(self) -> Self {
        let about_a_revision = self.kind == ProblemKind::Conflict && self.more.contains_key("current");
        Self { kind: if about_a_revision { ProblemKind::Stale } else { self.kind }, ..self }
    }

    /// The problem with when to try again.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// The problem with some headers.
    #[must_use]
    pub fn with_headers(self, headers: HeaderMap) -> Self {
        Self { headers: Some(Box::new(headers)), ..self }
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }
}

impl From<ProvisionError> for Problem {
    fn from(error: ProvisionError) -> Self {
        let detail = error.to_string();
        match error {
            ProvisionError::Invalid(violations) => Self::invalid(&violations),
            ProvisionError::NotFound(_) => Self::new(ProblemKind::NotFound, detail),
            ProvisionError::Forbidden(_) => Self::new(ProblemKind::Forbidden, detail),
            ProvisionError::Conflict(_) => Self::new(ProblemKind::Conflict, detail),
            ProvisionError::Stale { current, .. } => {
                Self::new(ProblemKind::Conflict, detail).with("current", json!(current))
            }
            ProvisionError::Denied { request, violations, decision } => Self::new(ProblemKind::Denied, detail)
                .with("request", json!(request))
                .with("violations", json!(violations))
                .with("decision", *decision),
            ProvisionError::Unavailable { retry_after, .. } => {
                Self { retry_after, ..Self::new(ProblemKind::Unavailable, detail) }
            }
            ProvisionError::Internal(cause) => Self::internal(&cause),
        }
    }
}

impl From<macadam_platform::authorization::Refused> for Problem {
    fn from(refused: macadam_platform::authorization::Refused) -> Self {
        Self::new(ProblemKind::Forbidden, refused.to_string())
    }
}

impl From<macadam_store::StoreError> for Problem {
    fn from(error: macadam_store::StoreError) -> Self {
        match error {
            macadam_store::StoreError::Away
            | macadam_store::StoreError::Unwritten(_)
            | macadam_store::StoreError::KeyLost
            | macadam_store::StoreError::KeyRetired => Self::new(ProblemKind::Unavailable, error.to_string()),
            other => Self::internal(&other),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { kind, detail, mut more, retry_after, headers: own } = self;
        more.insert("type".to_owned(), json!(format!("/problems/{}", kind.as_str())));
        more.insert("title".to_owned(), json!(kind.title()));
        more.insert("status".to_owned(), json!(kind.status().as_u16()));
        more.insert("detail".to_owned(), json!(detail));
        let body = Value::Object(more).to_string();
        let mut response = (kind.status(), [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        let headers = response.headers_mut();
        headers.extend(own.map(|own| *own).unwrap_or_default());
        if kind == ProblemKind::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"macadam\""));
        }
        let passes = matches!(kind, ProblemKind::Unavailable | ProblemKind::TooManyRequests);
        if let Some(wait) = retry_after.or(passes.then_some(RETRY_AFTER)) {
            // Whole seconds (RFC 9110, section 10.2.3); rounded up, so that nobody comes too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Problem {
        /// The first violation's field.
        pub(crate) fn first_field(&self) -> String {
            let field = self.more.get("violations").and_then(|all| all.pointer("/0/field"));
            field.and_then(Value::as_str).unwrap_or_default().to_owned()
        }
    }

    #[test]
    fn a_denial_carries_its_record_its_violations_and_the_whole_decision() {
        let request: macadam_store::RequestId = "0198c0de-0000-7000-8000-000000000000".parse().unwrap();
        let violations = vec![Violation::new("/tags/owner", "is missing")];
        let decision = Box::new(json!({"outcome": "denied"}));
        let problem = Problem::from(ProvisionError::Denied { request, violations, decision });
        assert_eq!((problem.kind(), problem.first_field().as_str()), (ProblemKind::Denied, "/tags/owner"));
        assert_eq!(problem.more.get("request"), Some(&json!(request)));
        assert_eq!(problem.more.get("decision"), Some(&json!({"outcome": "denied"})));
    }

    #[test]
    fn what_is_not_available_says_in_whole_seconds_when_to_come_back_and_never_too_early() {
        for (wait, header) in [(None, "5"), (Some(0), "1"), (Some(1_000), "1"), (Some(1_001), "2")] {
            let retry_after = wait.map(Duration::from_millis);
            let problem = Problem::from(ProvisionError::Unavailable { message: "busy".to_owned(), retry_after });
            assert_eq!(problem.into_response().headers()[header::RETRY_AFTER], header, "after {wait:?} ms");
        }
    }

    #[test]
    fn the_cause_of_a_failure_of_the_server_stays_in_the_server() {
        let problem = Problem::from(ProvisionError::Internal("disk /dev/sda1 is full".to_owned()));
        assert_eq!(problem.kind(), ProblemKind::Internal);
        assert!(!problem.detail.contains("sda1"), "{}", problem.detail);
    }

    #[test]
    fn a_kind_of_problem_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = ProblemKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), ProblemKind::ALL.len());
    }
}
