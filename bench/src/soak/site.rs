//! Somebody who asks the host for something, and the answer: with the status that there should be, or an error.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::tally::Tally;

/// How long an answer may take. The machine may have other work, and a slow answer is none of what is looked for here.
const PATIENCE: Duration = Duration::from_secs(60);

/// The host as those see it who ask, and what they share.
pub(super) struct Site {
    base: String,
    agent: ureq::Agent,
    tokens: BTreeMap<String, String>,
    names: AtomicU64,
    over: AtomicBool,
    /// What was answered.
    pub(super) tally: Tally,
}

/// Something that is asked for.
pub(super) struct Ask<'a> {
    site: &'a Site,
    method: &'a str,
    path: &'a str,
    body: Vec<u8>,
    headers: Vec<(&'a str, String)>,
}

/// An answer that has the right status.
#[derive(Debug)]
pub(super) struct Answer {
    /// What the answer is the state of.
    pub(super) etag: Option<String>,
    /// Whether it was given before.
    pub(super) replayed: bool,
    /// The body as it came.
    pub(super) body: Vec<u8>,
}

impl Site {
    /// A host at an address, with the lines of its file of tokens.
    pub(super) fn new(address: &str, tokens: &str) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let token = |line: &str| line.split_once(' ').map(|(person, token)| (person.to_owned(), token.to_owned()));
        Self {
            base: format!("http://{address}"),
            agent: agent.into(),
            tokens: tokens.lines().filter_map(token).collect(),
            names: AtomicU64::default(),
            over: AtomicBool::default(),
            tally: Tally::default(),
        }
    }

    /// Something that a person asks for.
    pub(super) fn ask<'a>(&'a self, person: &str, method: &'a str, path: &'a str) -> Ask<'a> {
        let token = self.tokens.get(person).map(String::as_str).unwrap_or_default();
        self.anybody(method, path).header("authorization", &format!("Bearer {token}"))
    }

    /// Something that is asked for by nobody in particular.
    pub(super) fn anybody<'a>(&'a self, method: &'a str, path: &'a str) -> Ask<'a> {
        Ask { site: self, method, path, body: Vec::new(), headers: Vec::new() }
    }

    /// A name that nothing has yet.
    pub(super) fn name(&self, what: &str) -> String {
        format!("{what}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Has everybody stop.
    pub(super) fn is_over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether everybody is to go on.
    pub(super) fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// Opens a stream of events, which somebody reads for as long as they like.
    pub(super) fn stream(&self, person: &str, last: Option<&str>) -> anyhow::Result<impl std::io::BufRead + use<>> {
        let mut ask = self.ask(person, "GET", "/api/v1/events").header("accept", "text/event-stream");
        if let Some(last) = last {
            ask = ask.header("last-event-id", last);
        }
        let answer = ask.send()?;
        self.tally.count("GET", answer.status().as_u16());
        if answer.status() != 200 {
            bail!("a stream of events: {}", answer.status());
        }
        Ok(BufReader::new(answer.into_body().into_reader()))
    }
}

impl Ask<'_> {
    /// With a document.
    pub(super) fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    /// With a body that calls itself a document.
    pub(super) fn text(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self.header("content-type", "application/json")
    }

    /// With a header, unless it has no value.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        if !value.is_empty() {
            self.headers.push((name, value.to_owned()));
        }
        self
    }

    /// Asks, and takes no answer for right but one with such a status.
    ///
    /// # Errors
    /// There was no answer, or another one.
    pub(super) fn expect(self, statuses: &[u16]) -> anyhow::Result<Answer> {
        let (site, what) = (self.site, format!("{} {}", self.method, self.path));
        let method = self.method.to_owned();
        let mut answer = self.send().with_context(|| what.clone())?;
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let (etag, replayed) = (header("etag"), header("idempotent-replayed").is_some());
        let status = answer.status().as_u16();
        let body = answer.body_mut().read_to_vec().with_context(|| format!("{what}: the answer broke off"))?;
        site.tally.count(&method, status);
        if !statuses.contains(&status) {
            bail!("{what}: {status} instead of {statuses:?}: {}", String::from_utf8_lossy(&body));
        }
        Ok(Answer { etag, replayed, body })
    }

    fn send(self) -> anyhow::Result<ureq::http::Response<ureq::Body>> {
        let uri = format!("{}{}", self.site.base, self.path);
        let mut request = ureq::http::Request::builder().method(self.method).uri(uri);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        Ok(self.site.agent.run(request.body(self.body)?)?)
    }
}

impl Answer {
    /// The document.
    pub(super) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).context("the answer is a document")
    }

    /// A text of the document, by its JSON Pointer.
    pub(super) fn text(&self, pointer: &str) -> anyhow::Result<String> {
        let document = self.json()?;
        let text = document.pointer(pointer).and_then(Value::as_str);
        Ok(text.with_context(|| format!("there is no text at {pointer} of {document}"))?.to_owned())
    }
}
