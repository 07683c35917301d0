//! What comes in: bodies, queries and headers, each refused by the name of what is wrong with it.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use macadam_core::selector::{Selector, SelectorError};
use macadam_core::violation::Violation;
use macadam_platform::authorization::Action;
use macadam_platform::plugins::MAX_PACKAGE;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::objects::Objects;
use crate::problem::{Problem, ProblemKind};
use crate::wording::{Told, told};

/// The most that a body may have. A specification is a few kilobytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// How long a body may take to arrive, so that a slow sender does not hold a place for ever.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How many records a page has when nobody says, and at most.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// A JSON body. An error names the field by its JSON Pointer.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        must_be_plain(request.headers())?;
        parse(&read(request).await?).map(Self)
    }
}

/// A JSON body that may be left out; an empty one reads as `{}`.
#[derive(Debug)]
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let says_another_type = request.headers().contains_key(header::CONTENT_TYPE) && !is_json(request.headers());
        must_be_plain(request.headers())?;
        let body = read(request).await?;
        match body.is_empty() {
            true => parse(b"{}").map(Self),
            false if says_another_type => Err(not_json()),
            false => parse(&body).map(Self),
        }
    }
}

fn not_json() -> Problem {
    let detail = "the body must be JSON; send it with `Content-Type: application/json`";
    Problem::new(ProblemKind::UnsupportedMediaType, detail)
}

/// Refuses a body that says it is compressed or otherwise encoded (RFC 9110, section 15.5.16). Taking those would let a
/// small request become a large document.
fn must_be_plain(headers: &HeaderMap) -> Result<(), Problem> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).into_iter();
    if codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let detail = "the body must be JSON as it is; send it without `Content-Encoding`";
    Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    essence.is_some_and(|essence| essence == "application/json" || essence.ends_with("+json"))
}

async fn read(request: Request) -> Result<Bytes, Problem> {
    read_up_to(request, MAX_BODY).await
}

/// The most that the body of a route's action may have.
pub(crate) fn most(action: Action) -> usize {
    if action == Action::PluginPublish { MAX_PACKAGE } else { MAX_BODY }
}

/// Reads a body that nobody wants, as far as it might have been wanted, and keeps nothing of it: a client that is still
/// sending looks for no answer, and loses the one there is when its connection ends under it.
pub(crate) async fn read_past(mut body: Body, most: usize) {
    let reading = async {
        let mut left = most;
        while left > 0 {
            let Some(Ok(frame)) = body.frame().await else { break };
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        }
    };
    // Whoever is too slow for this loses the answer.
    let _ = tokio::time::timeout(BODY_TIMEOUT, reading).await;
}

/// A body of any type, up to a length.
pub(crate) async fn read_up_to(request: Request, most: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(ProblemKind::TooLarge, format!("the body has more than {most} bytes"));
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if declared.and_then(|value| value.parse::<u64>().ok()).is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length_limit(&error) => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(ProblemKind::Malformed, "the body ended before it was complete")),
        Err(_) => Err(Problem::new(ProblemKind::Timeout, "the body did not arrive in time; send it again")),
    }
}

/// `to_bytes` wraps what went wrong; a body over the limit is the type that http-body-util has for it.
fn is_length_limit(error: &axum::Error) -> bool {
    error.source().is_some_and(<dyn Error>::is::<http_body_util::LengthLimitError>)
}

/// Reads JSON from text. Text that is no JSON is malformed; JSON that does not fit is invalid, by its field.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(Objects(&mut json)).map_err(|error| {
        let pointer = pointer(error.path());
        let error = error.into_inner();
        // Where one of some words has to be, serde_json takes anything but a text or an object for a mistake of JSON's.
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
        if error.is_data() || is_json() { field(pointer, &error) } else { syntax(&error) }
    })?;
    json.end().map_err(|error| syntax(&error))?;
    Ok(value)
}

/// Reads a part of a document that was read already.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Objects(value)).map_err(|error| field(pointer(error.path()), error.inner()))
}

fn syntax(error: &serde_json::Error) -> Problem {
    Problem::new(ProblemKind::Malformed, format!("the body is not JSON: {error}"))
}

fn field(mut pointer: String, error: &serde_json::Error) -> Problem {
    let Told { field, message } = told(&error.to_string());
    if let Some(name) = field {
        pointer = format!("{pointer}/{}", escaped(&name));
    }
    Problem::invalid(&[Violation::new(pointer, message)])
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } | Segment::Enum { variant: key } => {
            format!("{pointer}/{}", escaped(key))
        }
        Segment::Unknown => pointer,
    })
}

/// A name as a part of a JSON Pointer (RFC 6901, section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Query parameters; an unknown or wrong one is refused by its name.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri).map(|Query(params)| Self(params)).map_err(|rejection| parameter(&rejection))
    }
}

/// Which parameter of a query is wrong, and how.
fn parameter(rejection: &QueryRejection) -> Problem {
    type ByPath = serde_path_to_error::Error<serde::de::value::Error>;
    let mut causes = std::iter::successors(Some(rejection as &(dyn Error + 'static)), |&error| error.source());
    let Some(error) = causes.find_map(|error| error.downcast_ref::<ByPath>()) else {
        return Problem::new(ProblemKind::Malformed, rejection.body_text());
    };
    let Told { field, message } = told(&error.inner().to_string());
    let name = field.unwrap_or_else(|| error.path().to_string());
    let detail = format!("`{name}` in the query: {message}");
    Problem::new(ProblemKind::Malformed, detail).with("violations", json!([Violation::new(name, message)]))
}

/// How many records a page may have.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => {
            let message = format!("a page has 1 to {MAX_LIMIT} records; ask for the next with `after`");
            Err(Problem::invalid(&[Violation::new("limit", message)]))
        }
    }
}

/// Which tags things must have; all will do when nothing is said.
pub(crate) fn selector(asked: Option<&str>) -> Result<Selector, Problem> {
    let Some(text) = asked else { return Ok(Selector::default()) };
    text.parse().map_err(|error: SelectorError| Problem::invalid(&[Violation::new("selector", error.to_string())]))
}

/// A header that may be sent, for the document.
pub(crate) fn described_header(name: &str, description: &str, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

/// Whether a client has this very thing already: its `If-None-Match` names the tag, or any (RFC 9110, section 13.1.2).
pub(crate) fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/") == etag.trim_start_matches("W/");
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|tag| tag.trim() == "*" || opaque(tag))
}

/// The revision that a client has looked at; nothing when it says none or `*`.
#[derive(Debug)]
pub(crate) struct IfMatch(pub(crate) Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let malformed = || {
            let detail = "`If-Match` names one revision as the `ETag` does, such as `\"3\"`";
            Problem::new(ProblemKind::Malformed, detail)
        };
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        // Several lines are a list, as one with commas is, and a change goes by one revision.
        if values.next().is_some() {
            return Err(malformed());
        }
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        // What follows the dash tells what is shown from what was, which a change does not go by.
        let tag = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let revision =
            tag.and_then(|tag| tag.split('-').next()).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let revision = revision.and_then(|revision| revision.parse().ok());
        revision.map(|revision| Self(Some(revision))).ok_or_else(malformed)
    }
}

impl IfMatch {
    /// The revision that was looked at, said here or in the body.
    pub(crate) fn or(&self, said: Option<u64>) -> Result<Option<u64>, Problem> {
        match (self.0, said) {
            (Some(header), Some(body)) if header != body => {
                let message = format!("it is {body} here and {header} in `If-Match`; say it once");
                Err(Problem::invalid(&[Violation::new("/revision", message)]))
            }
            (header, body) => Ok(header.or(body)),
        }
    }

    /// The refusal of a change. One that is about another revision has a status of its own for who said it in the header.
    pub(crate) fn refused(&self, problem: impl Into<Problem>) -> Problem {
        let problem = problem.into();
        if self.0.is_some() { problem.stale_if_it_says_what_is_current() } else { problem }
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let rule = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(\\*|\"[0-9]{1,19}(-[0-9a-f]+)?\")$"))
            .examples(["\"3\""]);
        vec![described_header(
            "If-Match",
            "The `ETag` of what was looked at; refused with 412 when it is another.",
            rule,
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only how it is read matters")]
    struct Wish {
        name: String,
        #[serde(default)]
        sizes: Vec<u8>,
        #[serde(default)]
        tags: BTreeMap<String, u8>,
    }

    fn wrong(body: &str) -> (ProblemKind, String) {
        let problem = parse::<Wish>(body.as_bytes()).unwrap_err();
        (problem.kind(), problem.first_field())
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named_by_its_pointer() {
        assert_eq!(wrong(r#"{"name": 1}"#), (ProblemKind::Invalid, "/name".to_owned()));
        assert_eq!(wrong(r#"{"name": "a", "sizes": [1, -2]}"#), (ProblemKind::Invalid, "/sizes/1".to_owned()));
        assert_eq!(wrong(r#"{"name": "a", "tags": {"a/b~": "x"}}"#), (ProblemKind::Invalid, "/tags/a~1b~0".to_owned()));
        assert_eq!(wrong(r#"{"name": "a", "nmae": 1}"#), (ProblemKind::Invalid, "/nmae".to_owned()));
        assert_eq!(wrong("{}"), (ProblemKind::Invalid, "/name".to_owned()), "what is missing is named as well");
        assert_eq!(wrong(r#"{"name": "a", "name": "b"}"#), (ProblemKind::Invalid, "/name".to_owned()));
    }

    #[test]
    fn an_array_is_not_taken_for_an_object() {
        assert_eq!(wrong("[]"), (ProblemKind::Invalid, String::new()));
        assert_eq!(
            wrong(r#"["a", [1], {}]"#),
            (ProblemKind::Invalid, String::new()),
            "not even with the right elements"
        );
        assert!(from_value::<Wish>(serde_json::json!(["a", [1], {}])).is_err());
    }

    #[tokio::test]
    async fn a_condition_names_one_revision_in_one_line() {
        let read = async |lines: &[&str]| {
            let request = lines
                .iter()
                .fold(axum::http::Request::put("/things/a"), |request, line| request.header(header::IF_MATCH, *line));
            let read = IfMatch::from_request_parts(&mut request.body(()).unwrap().into_parts().0, &()).await;
            read.map(|IfMatch(revision)| revision).map_err(|problem| problem.kind())
        };
        assert_eq!(read(&[]).await, Ok(None));
        assert_eq!(read(&["*"]).await, Ok(None));
        assert_eq!(read(&["\"3\""]).await, Ok(Some(3)));
        assert_eq!(read(&["\"3-5f0c\""]).await, Ok(Some(3)));
        for wrong in [&["3"][..], &["W/\"3\""], &["\"x\""], &["\"3\", \"4\""], &["\"3\"", "\"4\""], &["*", "\"4\""]] {
            assert_eq!(read(wrong).await, Err(ProblemKind::Malformed), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_wrong_parameter_is_named_in_words() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code, reason = "only how it is read matters")]
        struct Asked {
            action: String,
            limit: Option<u32>,
        }
        for (query, field, says) in [
            ("limit=1", "action", "is missing"),
            ("action=a&limit=x", "limit", "write a whole number"),
            ("action=a&limit=-1", "limit", "write a whole number"),
            ("action=a&limit=1&limit=2", "limit", "more than once"),
            ("action=a&colour=red", "colour", "unknown field `colour`"),
        ] {
            let request = axum::http::Request::get(format!("/things?{query}")).body(()).unwrap();
            let refused = Params::<Asked>::from_request_parts(&mut request.into_parts().0, &()).await.unwrap_err();
            assert_eq!((refused.kind(), refused.first_field().as_str()), (ProblemKind::Malformed, field), "{query}");
            assert!(format!("{refused:?}").contains(says), "{query}: {refused:?}");
        }
    }

    #[test]
    fn what_was_written_into_the_wrong_field_is_not_said_again() {
        for body in [
            r#"{"name": "a", "sizes": ["hunter2"]}"#,
            r#"{"name": "a", "sizes": ["x at line 1, hunter2"]}"#,
            r#"{"name": "a", "sizes": "x, expected hunter2"}"#,
        ] {
            let problem = format!("{:?}", parse::<Wish>(body.as_bytes()).unwrap_err());
            assert!(problem.contains("invalid type: string, expected"), "{problem}");
            assert!(!problem.contains("hunter2") && !problem.contains(" at line "), "{problem}");
            let part = format!("{:?}", from_value::<Wish>(serde_json::from_str(body).unwrap()).unwrap_err());
            assert!(part.contains("invalid type: string, expected") && !part.contains("hunter2"), "{part}");
        }
    }

    #[test]
    fn text_that_is_no_json_is_malformed() {
        for text in ["", "{", "{\"name\": \"a\"} x", "nul"] {
            assert_eq!(wrong(text).0, ProblemKind::Malformed, "{text:?} is no JSON");
        }
    }
}
