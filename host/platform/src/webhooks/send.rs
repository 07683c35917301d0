//! Sending: one signed message to one receiver, to an address that it may have, within a time, and what it answered.

use std::fmt;
use std::io::Read as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use macadam_core::retry_after::retry_after;
use macadam_core::signature::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, WebhookSecret};
use tokio::sync::Semaphore;
use ureq::http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};

use crate::webhooks::addresses::may_reach;
use crate::webhooks::destination::{Destination, refused};
use crate::webhooks::trace;

/// How long a receiver may take, from the look-up of its name to the end of its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is read; what it says is nothing that anybody looks at.
const MAX_ANSWER: u64 = 16 * 1024;

/// How many messages that tell of events are on their way at once, each on a thread of its own.
pub(super) const AT_ONCE: usize = 16;

/// How many tests are. Whoever tries a slow receiver again and again takes no place of an event's.
const TESTS_AT_ONCE: usize = 8;

/// The longest that a receiver can ask to be left alone.
const LONGEST_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// What an administrator can set about webhooks.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Addresses that may be called though they are not on the public internet.
    pub allow_addresses: Vec<IpNet>,
    /// Hosts that may be called in plain HTTP.
    pub allow_http_hosts: Vec<String>,
    /// Certificates, as PEM, that receivers' own are signed with, instead of those of the public authorities.
    pub trusted_certificates: Option<Vec<u8>>,
    /// For how long a receiver may fail before its webhook is disabled.
    pub disable_after: Duration,
    /// For how long it is kept what came of attempts.
    pub history: Duration,
}

impl Default for WebhookSettings {
    /// Five days of failing: a receiver that breaks on a Friday is mended on a Monday.
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        Self {
            allow_addresses: Vec::new(),
            allow_http_hosts: Vec::new(),
            trusted_certificates: None,
            disable_after: days(5),
            history: days(7),
        }
    }
}

/// Why messages cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// What should be certificates is none.
    #[error("these are not certificates in PEM: {0}")]
    Certificates(String),
}

/// What sends messages. Cheap to clone.
#[derive(Clone)]
pub struct Courier {
    agent: Agent,
    events: Arc<Semaphore>,
    tests: Arc<Semaphore>,
    settings: Arc<WebhookSettings>,
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It tells of an event.
    Event,
    /// It tells nothing; somebody wants to see whether it arrives.
    Test,
}

/// A message on its way.
pub(super) struct Message {
    pub(super) purpose: Purpose,
    pub(super) url: String,
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) body: Vec<u8>,
    /// The secret, and the one before while that counts.
    pub(super) secrets: Vec<WebhookSecret>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) took: Duration,
    pub(super) status: Option<u16>,
    /// Why it has not arrived.
    pub(super) error: Option<String>,
    /// Before which moment the receiver wants nothing.
    pub(super) not_before: Option<Timestamp>,
}

impl Outcome {
    /// Something that was not sent.
    pub(super) fn unsent(error: String) -> Self {
        Self { took: Duration::ZERO, status: None, error: Some(error), not_before: None }
    }

    /// The receiver says that nothing will ever be taken there.
    pub(super) fn is_gone(&self) -> bool {
        self.status == Some(StatusCode::GONE.as_u16())
    }
}

impl Courier {
    /// A courier.
    ///
    /// # Errors
    /// [`CourierError`] when the certificates cannot be used.
    pub fn new(settings: WebhookSettings) -> Result<Self, CourierError> {
        let tls = TlsConfig::builder();
        let tls = match &settings.trusted_certificates {
            None => tls,
            Some(pem) => tls.root_certs(RootCerts::Specific(Arc::new(certificates(pem)?))),
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // What a receiver is redirected to was not checked, and is not whom its owner has named.
            .max_redirects(0)
            // Behind a proxy, the address that is checked would be the proxy's.
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .tls_config(tls.build())
            .user_agent(concat!("macadam/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = Checked { allowed: settings.allow_addresses.clone(), names: DefaultResolver::default() };
        let agent = Agent::with_parts(config, DefaultConnector::default(), resolver);
        let places = |many| Arc::new(Semaphore::new(many));
        Ok(Self { agent, events: places(AT_ONCE), tests: places(TESTS_AT_ONCE), settings: Arc::new(settings) })
    }

    /// What an administrator has set.
    #[must_use]
    pub fn settings(&self) -> &WebhookSettings {
        &self.settings
    }

    /// Sends a message. The configuration may be another than when the webhook was made, so its address is looked at
    /// again.
    pub(super) async fn send(&self, message: Message) -> Outcome {
        let destination = match Destination::new(&message.url, &self.settings) {
            Ok(destination) => destination,
            Err(reason) => return Outcome::unsent(format!("the webhook's address may not be called: {reason}")),
        };
        let places = match message.purpose {
            Purpose::Event => &self.events,
            Purpose::Test => &self.tests,
        };
        let Ok(_place) = places.acquire().await else {
            return Outcome::unsent("this host is about to stop".to_owned());
        };
        let (agent, span) = (self.agent.clone(), trace::span(&destination.receiver(), &message.id));
        let parent = crate::trace::parent(&span).map(|parent| parent.to_string());
        let sent = tokio::task::spawn_blocking(move || send(&agent, &message, parent.as_deref())).await;
        let outcome = sent.unwrap_or_else(|_| Outcome::unsent("the attempt was cut off".to_owned()));
        trace::note(&span, &outcome);
        outcome
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, CourierError> {
    let mut all = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => all.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(CourierError::Certificates(error.to_string())),
        }
    }
    if all.is_empty() { Err(CourierError::Certificates("there is none in it".to_owned())) } else { Ok(all) }
}

fn send(agent: &Agent, message: &Message, parent: Option<&str>) -> Outcome {
    let begun = Instant::now();
    let Message { url, id, at, body, secrets, .. } = message;
    let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(id, *at, body)).collect();
    let request = Request::post(url);
    let request = parent.into_iter().fold(request, |request, parent| request.header(trace::HEADER, parent));
    let request = request
        .header(header::CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
        .header(ID_HEADER, id)
        .header(TIMESTAMP_HEADER, at.as_second())
        .header(SIGNATURE_HEADER, signatures.join(" "))
        .body(body.as_slice());
    let Ok(request) = request else { return Outcome::unsent("the address cannot be called".to_owned()) };
    match agent.run(request) {
        Ok(mut response) => {
            let (status, not_before) = (response.status(), not_before(response.headers(), *at));
            discard(&mut response);
            Outcome { took: begun.elapsed(), status: Some(status.as_u16()), error: told(status), not_before }
        }
        Err(error) => Outcome { took: begun.elapsed(), ..Outcome::unsent(words(&error)) },
    }
}

/// Reads what there is, so that the connection can be used again; what cannot be read is none of our business.
fn discard(response: &mut Response<Body>) {
    let mut answer = response.body_mut().as_reader().take(MAX_ANSWER);
    let _ = std::io::copy(&mut answer, &mut std::io::sink());
}

/// What an answer means; nothing when the message has arrived.
fn told(status: StatusCode) -> Option<String> {
    if status.is_success() {
        return None;
    }
    let more = if status.is_redirection() { "; redirects are not followed, write the address itself" } else { "" };
    Some(format!("the receiver answered {status}{more}"))
}

/// What went wrong, without the address.
fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("the receiver did not answer within {} seconds", TIMEOUT.as_secs()),
        ureq::Error::HostNotFound => "the receiver's name leads nowhere".to_owned(),
        ureq::Error::Io(error) => format!("the receiver cannot be reached: {error}"),
        ureq::Error::ConnectionFailed => "the receiver cannot be reached".to_owned(),
        ureq::Error::Rustls(error) => format!("the receiver's certificate or TLS cannot be trusted: {error}"),
        ureq::Error::Tls(error) => format!("the receiver's certificate or TLS cannot be trusted: {error}"),
        ureq::Error::Other(error) if error.is::<Refused>() => error.to_string(),
        ureq::Error::BadUri(_) => "the address cannot be called".to_owned(),
        other => format!("the receiver's answer cannot be read: {other}"),
    }
}

/// When a receiver wants to be asked again, if it says so.
fn not_before(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    retry_after(headers.get(header::RETRY_AFTER)?.to_str().ok()?, now, LONGEST_RETRY_AFTER)
}

/// Names to addresses, without those that may not be reached. What it gives is what is connected to.
#[derive(Debug)]
struct Checked {
    allowed: Vec<IpNet>,
    names: DefaultResolver,
}

/// A name led only where nothing may be reached.
#[derive(Debug, thiserror::Error)]
#[error("{}", refused(*.0))]
struct Refused(IpAddr);

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        let mut reachable = self.empty();
        for address in found.iter().filter(|address| may_reach(address.ip(), &self.allowed)) {
            reachable.push(*address);
        }
        match found.first().filter(|_| reachable.is_empty()) {
            Some(address) => Err(ureq::Error::Other(Box::new(Refused(address.ip())))),
            None => Ok(reachable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::TcpListener;

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    fn message(url: String) -> Message {
        let secrets = vec![WebhookSecret::new(vec![1; 32]).unwrap()];
        Message { purpose: Purpose::Event, url, id: "evt_1".into(), at: now(), body: b"{}".to_vec(), secrets }
    }

    /// A receiver for one connection, which answers what it is told to.
    fn receiver(answer: &'static str) -> (u16, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = vec![0; 4096];
            let read = stream.read(&mut seen).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&seen[..read]).into_owned()
        });
        (port, thread)
    }

    fn courier(allow: &[&str]) -> Courier {
        Courier::new(WebhookSettings {
            allow_addresses: allow.iter().map(|net| net.parse().unwrap()).collect(),
            allow_http_hosts: vec!["localhost".into(), "127.0.0.1".into()],
            ..WebhookSettings::default()
        })
        .unwrap()
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_host_is_not_called() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let outcome = courier(&[]).send(message(url)).await;
        let error = outcome.error.unwrap();
        assert!(error.contains("not on the public internet") && error.contains("allow-addresses"), "{error}");
        assert!(listener.accept().is_err(), "nobody has even connected");
    }

    #[tokio::test]
    async fn what_an_administrator_allows_is_called_and_signed() {
        let (port, seen) = receiver("HTTP/1.1 204 No Content\r\n\r\n");
        let outcome = courier(&["127.0.0.0/8", "::1/128"]).send(message(format!("http://127.0.0.1:{port}/a"))).await;
        assert_eq!((outcome.status, outcome.error), (Some(204), None));
        let seen = seen.join().unwrap();
        for part in ["POST /a ", "webhook-id: evt_1", "webhook-timestamp: 1767323045", "webhook-signature: v1,"] {
            assert!(seen.contains(part), "{part:?} is missing in: {seen}");
        }
    }

    #[tokio::test]
    async fn an_event_does_not_wait_for_tests() {
        let (port, seen) = receiver("HTTP/1.1 204 No Content\r\n\r\n");
        let courier = courier(&["127.0.0.0/8"]);
        let _tests = courier.tests.acquire_many(u32::try_from(TESTS_AT_ONCE).unwrap()).await.unwrap();
        let sent = courier.send(message(format!("http://127.0.0.1:{port}/")));
        let outcome = tokio::time::timeout(TIMEOUT, sent).await.expect("there is a place for it");
        assert_eq!(outcome.status, Some(204));
        seen.join().unwrap();
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_followed() {
        let (port, seen) =
            receiver("HTTP/1.1 307 Temporary\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
        let outcome = courier(&["127.0.0.0/8"]).send(message(format!("http://127.0.0.1:{port}/"))).await;
        assert_eq!(outcome.status, Some(307));
        assert!(outcome.error.unwrap().contains("not followed"));
        seen.join().unwrap();
    }

    #[tokio::test]
    async fn a_receiver_that_is_not_there_is_told_without_the_whole_of_its_address() {
        let outcome = courier(&["127.0.0.0/8"]).send(message("http://127.0.0.1:1/secret-path".into())).await;
        let error = outcome.error.unwrap();
        assert!(error.contains("cannot be reached") && !error.contains("secret-path"), "{error}");
    }

    #[test]
    fn a_receiver_is_left_alone_for_as_long_as_it_says_and_for_a_day_at_most() {
        let said = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            not_before(&headers, now()).map(|at| at.duration_since(now()).as_secs())
        };
        assert_eq!((said("120"), said("soon")), (Some(120), None));
        assert_eq!(said("4000000000"), Some(24 * 60 * 60), "nobody stops a webhook for ever");
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        for pem in [&b""[..], b"nonsense", b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            let settings = WebhookSettings { trusted_certificates: Some(pem.to_vec()), ..WebhookSettings::default() };
            assert!(Courier::new(settings).is_err(), "{}", String::from_utf8_lossy(pem));
        }
    }
}
