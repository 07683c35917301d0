//! Requests to one repository: signed in when the registry asks for it, and answers read within bounds.

use std::io::Read as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use ureq::http::{Method, Request, Response, StatusCode, header};
use ureq::{Agent, Body};

use super::auth::{Challenge, Secret, bearer};
use super::{Credentials, OciError, Repository, Transport};

/// Whoever does not even take a connection for so long is not there.
const CONNECT: Duration = Duration::from_secs(15);
/// The longest that a registry may say nothing: some look at a large blob before they answer.
const SILENCE: Duration = Duration::from_secs(120);
/// The longest that one request may take: 64 MiB over a slow line.
const WHOLE: Duration = Duration::from_secs(900);
/// The largest message of an error and the largest token, in bytes.
const MAX_SMALL: u64 = 64 * 1024;

/// A request.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: &'a [(&'static str, &'a str)],
    pub(super) body: Option<&'a [u8]>,
}

/// One repository, spoken to over HTTP.
#[derive(Debug)]
pub(super) struct Http {
    agent: Agent,
    repository: Repository,
    scheme: &'static str,
    transport: Transport,
    credentials: Credentials,
    /// The header that was right the last time.
    authorization: Mutex<Option<Secret>>,
}

impl Http {
    pub(super) fn new(repository: Repository, credentials: Credentials, transport: Transport) -> Self {
        let plain = transport == Transport::PlainHttp || repository.is_local();
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .https_only(!plain)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .timeout_global(Some(WHOLE))
            .user_agent(concat!("macadam/", env!("CARGO_PKG_VERSION")));
        if repository.is_local() {
            config = config.proxy(None);
        }
        let authorization = Mutex::new(credentials.unasked());
        let scheme = if plain { "http" } else { "https" };
        Self { agent: config.build().new_agent(), repository, scheme, transport, credentials, authorization }
    }

    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// An address below the repository, such as `manifests/1.0.0`.
    pub(super) fn url(&self, below: &str) -> String {
        format!("{}://{}/v2/{}/{below}", self.scheme, self.repository.host(), self.repository.path())
    }

    /// An address that the registry named, which may be relative to the registry.
    pub(super) fn resolve(&self, location: &str) -> Result<String, OciError> {
        let url = match location.strip_prefix('/') {
            Some(path) if !path.starts_with('/') => format!("{}/{path}", self.origin()),
            _ => location.to_owned(),
        };
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(self.protocol(format!("it names the address {location:?}")));
        }
        self.must_be_safe(&url)?;
        Ok(url)
    }

    /// Sends a request, again with credentials if the registry asks for them. The answer may be of any status.
    pub(super) fn send(&self, call: &Call<'_>) -> Result<Response<Body>, OciError> {
        let response = self.once(call, self.remembered().as_ref())?;
        if response.status() != StatusCode::UNAUTHORIZED || !self.is_own(&call.url) {
            return Ok(response);
        }
        let headers = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let challenge = headers.filter_map(|header| header.to_str().ok()).find_map(Challenge::parse);
        let Some(authorization) = challenge.map(|challenge| self.meet(&challenge)).transpose()?.flatten() else {
            return Ok(response);
        };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization.clone());
        self.once(call, Some(&authorization))
    }

    /// What a registry's challenge asks for, if there is something to give.
    fn meet(&self, challenge: &Challenge) -> Result<Option<Secret>, OciError> {
        match (challenge, &self.credentials) {
            // The token was sent and did not do.
            (_, Credentials::Bearer(_)) => Ok(None),
            (Challenge::Basic, credentials) => Ok(credentials.basic()),
            (Challenge::Bearer { url }, credentials) => self.token(url, credentials.basic().as_ref()).map(Some),
        }
    }

    /// A token for this repository, from the server that gives them out.
    fn token(&self, url: &str, authorization: Option<&Secret>) -> Result<Secret, OciError> {
        #[derive(Deserialize)]
        struct Token {
            token: Option<String>,
            access_token: Option<String>,
        }
        self.must_be_safe(url)?;
        let what = "a token";
        let call = Call { method: Method::GET, url: url.to_owned(), headers: &[], body: None };
        let mut response = self.run(&call, authorization)?;
        if !response.status().is_success() {
            return Err(self.refused(response, what));
        }
        let bytes = self.read(&mut response, MAX_SMALL, what)?;
        let answer: Token = serde_json::from_slice(&bytes).map_err(|_| self.protocol("its token is not JSON"))?;
        let token = answer.token.or(answer.access_token).ok_or_else(|| self.protocol("its token is missing"))?;
        Ok(bearer(&token))
    }

    /// Sends a request with the header, if it goes to the registry itself: storage behind it knows no such header, and
    /// has no business with it.
    fn once(&self, call: &Call<'_>, authorization: Option<&Secret>) -> Result<Response<Body>, OciError> {
        self.run(call, authorization.filter(|_| self.is_own(&call.url)))
    }

    fn run(&self, call: &Call<'_>, authorization: Option<&Secret>) -> Result<Response<Body>, OciError> {
        let mut request = Request::builder().method(call.method.clone()).uri(&call.url);
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization.reveal());
        }
        // The error of the builder could hold what was put into it.
        let malformed = |_| self.protocol("a header or an address that it needs cannot be written");
        match call.body {
            Some(bytes) => self.agent.run(request.body(bytes).map_err(malformed)?),
            None => self.agent.run(request.body(()).map_err(malformed)?),
        }
        .map_err(|error| self.unreachable(&error))
    }

    /// Reads an answer's body, and no more of it than the limit.
    pub(super) fn read(&self, response: &mut Response<Body>, limit: u64, what: &str) -> Result<Vec<u8>, OciError> {
        let mut bytes = Vec::new();
        let read = response.body_mut().as_reader().take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| self.unreachable(&error))?;
        match bytes.len() as u64 > limit {
            true => Err(OciError::TooLarge { what: what.to_owned(), limit }),
            false => Ok(bytes),
        }
    }

    /// What an answer means that is not the one that was hoped for.
    pub(super) fn refused(&self, mut response: Response<Body>, what: &str) -> OciError {
        let status = response.status();
        let host = self.repository.host().to_owned();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let bytes = self.read(&mut response, MAX_SMALL, what).unwrap_or_default();
        let reason = reason(&bytes).unwrap_or_else(|| status.canonical_reason().unwrap_or("no reason").to_owned());
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                OciError::Unauthorized { repository: Box::new(self.repository.clone()), reason }
            }
            StatusCode::NOT_FOUND => OciError::NotFound { what: format!("{what} in {}", self.repository) },
            StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => {
                OciError::Busy { host, status: status.as_u16(), retry_after }
            }
            _ => OciError::Refused { host, what: what.to_owned(), status: status.as_u16(), reason },
        }
    }

    /// The error for an answer that makes no sense.
    pub(super) fn protocol(&self, reason: impl Into<String>) -> OciError {
        OciError::Protocol { host: self.repository.host().to_owned(), reason: reason.into() }
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> OciError {
        let host = self.repository.host().to_owned();
        OciError::Unreachable { host, scheme: self.scheme, reason: error.to_string() }
    }

    fn remembered(&self) -> Option<Secret> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.repository.host())
    }

    fn is_own(&self, url: &str) -> bool {
        url.strip_prefix(&self.origin()).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Refuses to send anything unencrypted to another machine, unless the caller has asked for that.
    fn must_be_safe(&self, url: &str) -> Result<(), OciError> {
        let host = url.strip_prefix("http://").map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
        let local =
            host.is_some_and(|host| format!("{host}/x").parse().is_ok_and(|there: Repository| there.is_local()));
        if url.starts_with("https://") || local || (host.is_some() && self.transport == Transport::PlainHttp) {
            return Ok(());
        }
        let url = url.chars().take(200).collect();
        Err(OciError::NotEncrypted { host: self.repository.host().to_owned(), url })
    }
}

/// What a registry says is wrong, in one line (distribution-spec, "Error Codes").
fn reason(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        code: String,
        #[serde(default)]
        message: String,
    }
    let Errors { errors } = serde_json::from_slice(body).ok()?;
    let texts: Vec<_> = errors.iter().take(3).map(|error| format!("{}: {}", error.code, error.message)).collect();
    // It goes into terminals and logs.
    let line: String = texts.join("; ").chars().filter(|character| !character.is_control()).take(300).collect();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(host: &str, transport: Transport) -> Http {
        Http::new(format!("{host}/a/b").parse().unwrap(), Credentials::Anonymous, transport)
    }

    #[test]
    fn a_registry_on_another_machine_is_spoken_to_encrypted_unless_the_caller_asks_otherwise() {
        let url = |host, transport| http(host, transport).url("manifests/1.0.0");
        assert_eq!(url("h.io", Transport::Https), "https://h.io/v2/a/b/manifests/1.0.0");
        assert_eq!(url("h.io", Transport::PlainHttp), "http://h.io/v2/a/b/manifests/1.0.0");
        assert_eq!(url("localhost:5000", Transport::Https), "http://localhost:5000/v2/a/b/manifests/1.0.0");
    }

    #[test]
    fn an_address_that_the_registry_names_is_taken_where_it_is_safe() {
        let resolved = |host, transport, location: &str| http(host, transport).resolve(location);
        let https = |location| resolved("h.io", Transport::Https, location);
        assert_eq!(https("/v2/x?y=1").unwrap(), "https://h.io/v2/x?y=1");
        assert_eq!(https("https://s.io/x").unwrap(), "https://s.io/x");
        for unsafe_one in ["http://s.io/x", "http://h.io/x", "http://localhost.s.io/x", "http://127.0.0.1@s.io/x"] {
            assert!(matches!(https(unsafe_one), Err(OciError::NotEncrypted { .. })), "{unsafe_one} must be refused");
        }
        for strange in ["//s.io/x", "x", "", "file:///etc/passwd"] {
            assert!(matches!(https(strange), Err(OciError::Protocol { .. })), "{strange:?} must be refused");
        }
        assert!(resolved("h.io", Transport::PlainHttp, "http://s.io/x").is_ok(), "plain HTTP was asked for");
        assert!(resolved("localhost:5000", Transport::Https, "http://s.io/x").is_err(), "for this machine only");
        assert!(resolved("localhost:5000", Transport::Https, "http://127.0.0.1:9/x").is_ok());
    }

    #[test]
    fn credentials_are_for_the_registry_itself() {
        let http = http("h.io", Transport::Https);
        assert!(http.is_own("https://h.io/v2/"));
        for other in
            ["https://h.io.evil.io/", "https://h.io:444/", "http://h.io/", "https://h.io@evil.io/", "https://h.io"]
        {
            assert!(!http.is_own(other), "{other} is somebody else");
        }
    }

    #[test]
    fn a_registrys_words_become_one_short_line() {
        let body = br#"{"errors": [{"code": "A", "message": "b\nc"}, {"code": "D"}]}"#;
        assert_eq!(reason(body).unwrap(), "A: bc; D: ");
        let long = format!(r#"{{"errors": [{{"code": "{}"}}]}}"#, "x".repeat(5000));
        assert_eq!(reason(long.as_bytes()).unwrap().len(), 300);
        assert_eq!((reason(b"<html>"), reason(br#"{"errors": []}"#)), (None, None));
    }
}
