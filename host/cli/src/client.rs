//! One server, spoken to over HTTP. What it answers is JSON; a problem document becomes an error that says everything
//! that is in it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use macadam_core::violation::Violation;
use serde_json::Value;
use ureq::http::{Method, Request, Response};
use ureq::{Agent, AsSendBody, Body};

use crate::addresses::is_local;
use crate::args::Global;
use crate::once;
use crate::session::Session;
use crate::trust;

/// The server answers within its plugins' deadlines; whoever waits longer than this waits for nothing.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How long a stream may be silent: the server says three times in it that it is alive.
const SILENCE: Duration = Duration::from_secs(45);

/// The largest answer that is read: a project's archive with room to spare.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// What the server said that is not the answer that was hoped for.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.detail())]
pub(crate) struct Problem {
    document: Value,
    status: u16,
    retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn of(document: Value, status: u16) -> Self {
        Self { document, status, retry_after: None }
    }

    /// The document as it came.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// What went wrong this time.
    pub(crate) fn detail(&self) -> String {
        let member = |name| self.document.get(name).and_then(Value::as_str).map(str::to_owned);
        member("detail").or_else(|| member("title")).unwrap_or_else(|| format!("the server answered {}", self.status))
    }

    /// What is wrong, field by field.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        let violations = self.document.get("violations").cloned().unwrap_or_default();
        serde_json::from_value(violations).unwrap_or_default()
    }

    /// Whether there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        self.document.get("type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("/problems/not-found"))
    }

    /// Whether the same may be answered otherwise in a while.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.status, 408 | 429 | 500..)
    }

    /// In how many seconds to ask again, if the server says so.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// Whether the same is under way already, under the same idempotency key.
    pub(crate) fn is_under_way(&self) -> bool {
        self.status == 409 && self.retry_after.is_some()
    }

    /// Whether it was decided, and the answer is no.
    pub(crate) fn is_denied(&self) -> bool {
        self.document.get("type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("/problems/denied"))
    }
}

/// A server, and whoever is signed in to it.
pub(crate) struct Client {
    agent: Agent,
    base: String,
    token: String,
}

impl Client {
    /// A client with a token. Nothing is sent yet.
    pub(crate) fn new(global: &Global) -> anyhow::Result<Self> {
        let Session { server, token } = Session::of(global)?;
        Ok(Self { agent: agent(&server)?, base: server, token })
    }

    /// Reads something. The path starts below `/api/v1`.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        json(self.send(Method::GET, path, &[], ())?)
    }

    /// Reads something as it is, such as an archive.
    pub(crate) fn bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        body(&mut self.send(Method::GET, path, &[], ())?)
    }

    /// Asks for something that must not be done twice. It has a key, the one in the headers or a new one, so that it can
    /// be sent again when the answer is lost on the way.
    pub(crate) fn post(&self, path: &str, document: &Value, headers: &[(&str, &str)]) -> anyhow::Result<Value> {
        let made = once::key_unless_in(headers)?;
        let headers = [headers, &once::header(made.as_deref())].concat();
        once::until_answered(|| self.send_json(Method::POST, path, document, &headers))
    }

    /// Asks a question that takes a body. It changes nothing, so it needs no key.
    pub(crate) fn ask(&self, path: &str, document: &Value) -> anyhow::Result<Value> {
        self.send_json(Method::POST, path, document, &[])
    }

    /// Follows a stream from a place on. It goes on for as long as the server sends something now and then.
    pub(crate) fn stream(&self, path: &str, last: Option<u64>) -> anyhow::Result<impl std::io::Read> {
        let last = last.map(|last| last.to_string());
        let mut request = Request::builder()
            .uri(format!("{}/api/v1{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept", "text/event-stream");
        if let Some(last) = &last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(()).context("the token or an argument cannot be sent in a header")?;
        let request =
            self.agent.configure_request(request).timeout_global(None).timeout_per_read(Some(SILENCE)).build();
        let reached = self.agent.run(request);
        let mut response =
            reached.with_context(|| format!("{} cannot be reached; is the server running?", self.base))?;
        if response.status().is_success() {
            Ok(response.into_body().into_reader())
        } else {
            Err(problem(&mut response).into())
        }
    }

    /// Asks for a change.
    pub(crate) fn put(&self, path: &str, document: &Value, headers: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.send_json(Method::PUT, path, document, headers)
    }

    /// Asks for a removal.
    pub(crate) fn delete(&self, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Value> {
        json(self.send(Method::DELETE, path, headers, ())?)
    }

    /// Sends bytes as they are.
    pub(crate) fn post_bytes(&self, path: &str, bytes: &[u8], headers: &[(&str, &str)]) -> anyhow::Result<Value> {
        json(self.send(Method::POST, path, headers, bytes)?)
    }

    /// Asks for something that has no answer.
    pub(crate) fn post_nothing(&self, path: &str) -> anyhow::Result<()> {
        self.send(Method::POST, path, &[], ()).map(drop)
    }

    /// Asks for a removal that has no answer, with what there is to say about it.
    pub(crate) fn delete_with(&self, path: &str, document: &Value) -> anyhow::Result<()> {
        let headers = [("content-type", "application/json")];
        self.send(Method::DELETE, path, &headers, document.to_string()).map(drop)
    }

    /// Asks for a removal that has no answer.
    pub(crate) fn delete_nothing(&self, path: &str) -> anyhow::Result<()> {
        self.send(Method::DELETE, path, &[], ()).map(drop)
    }

    fn send_json(
        &self,
        method: Method,
        path: &str,
        document: &Value,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        let headers = [&[("content-type", "application/json")], headers].concat();
        json(self.send(method, path, &headers, document.to_string())?)
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsSendBody,
    ) -> anyhow::Result<Response<Body>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).context("the token or an argument cannot be sent in a header")?;
        let reached = self.agent.run(request);
        let mut response =
            reached.with_context(|| format!("{} cannot be reached; is the server running?", self.base))?;
        if response.status().is_success() { Ok(response) } else { Err(problem(&mut response).into()) }
    }
}

/// What speaks to a server.
fn agent(base: &str) -> anyhow::Result<Agent> {
    if !base.starts_with("http://") && !base.starts_with("https://") {
        bail!("{base} is no server's address; write one such as https://macadam.example");
    }
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        // A server that sends elsewhere is not the one that the token is for.
        .max_redirects(0)
        .timeout_global(Some(TIMEOUT))
        .tls_config(trust::of(base)?)
        .user_agent(concat!("macadam/", env!("CARGO_PKG_VERSION")));
    if is_local(base) {
        config = config.proxy(None);
    }
    Ok(config.build().new_agent())
}

/// Reads what a server says to everybody. The path starts below `/api/v1`.
pub(crate) fn get_open(base: &str, path: &str) -> anyhow::Result<Value> {
    let reached = agent(base)?.get(format!("{base}/api/v1{path}")).header("accept", "application/json").call();
    let mut response = reached.with_context(|| format!("{base} cannot be reached; is the server running?"))?;
    if response.status().is_success() { json(response) } else { Err(problem(&mut response).into()) }
}

fn body(response: &mut Response<Body>) -> anyhow::Result<Vec<u8>> {
    response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().context("the server's answer cannot be read")
}

fn json(mut response: Response<Body>) -> anyhow::Result<Value> {
    serde_json::from_slice(&body(&mut response)?).context("the server's answer is not JSON; is it a Macadam server?")
}

/// What is not a problem document, such as a proxy's page, becomes one that has no more than a status.
fn problem(response: &mut Response<Body>) -> Problem {
    let status = response.status().as_u16();
    let document = body(response).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    Problem { retry_after, ..Problem::of(document.filter(Value::is_object).unwrap_or_default(), status) }
}

/// A path with query parameters, those that are there.
pub(crate) fn with_query(path: &str, params: &[(&str, Option<String>)]) -> String {
    let there = params.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
    // What is sent is names, states and ids, all of them checked before, or encoded: nothing in them needs quoting.
    let query: Vec<_> = there.map(|(name, value)| format!("{name}={value}")).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// A text as a query parameter has it.
pub(crate) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_says_what_it_knows() {
        let denied = Problem::of(
            json!({"type": "/problems/denied", "detail": "no", "violations": [{"field": "/a", "message": "b"}]}),
            403,
        );
        assert!(denied.is_denied());
        assert_eq!((denied.to_string().as_str(), denied.violations()), ("no", vec![Violation::new("/a", "b")]));
        let page = Problem::of(Value::Null, 502);
        assert_eq!(page.to_string(), "the server answered 502", "a proxy's page is told by its status");
    }

    #[test]
    fn only_the_parameters_that_are_there_are_sent() {
        assert_eq!(with_query("/a", &[("b", None)]), "/a");
        assert_eq!(
            with_query("/a", &[("b", Some("c".to_owned())), ("d", None), ("e", Some("f".to_owned()))]),
            "/a?b=c&e=f"
        );
        assert_eq!(encoded("macadam.request."), "macadam.request.");
        assert_eq!(encoded("a&b=c d/é%"), "a%26b%3Dc+d%2F%C3%A9%25");
    }
}
