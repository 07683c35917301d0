//! What a command line says to an identity provider: the device authorization grant (RFC 8628), the renewal of a token
//! (RFC 6749, section 6) and its revocation (RFC 7009).

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;
use macadam_server::sign_in::TokenKind;
use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;

use crate::addresses::{is_local, must_be_safe};
use crate::answers::{DeviceCode, Endpoints, INTERVAL, LONGEST_INTERVAL, Refusal, Tokens};
use crate::profiles::Credentials;
use crate::trust;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The most that an answer may have.
const MAX_ANSWER: u64 = 1024 * 1024;

/// The grant of RFC 8628.
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// As which client to sign in, and for what.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Way {
    /// The identity provider.
    pub(crate) issuer: String,
    /// As which client; none where the command line cannot sign in.
    pub(crate) client_id: Option<String>,
    /// What to ask for.
    pub(crate) scopes: Vec<String>,
    /// For which API.
    pub(crate) resource: Option<String>,
    /// Which of the tokens to send.
    pub(crate) send: TokenKind,
}

/// An identity provider, by what it says about itself.
pub(crate) struct Issuer {
    agent: Agent,
    endpoints: Endpoints,
}

impl Issuer {
    /// Asks a provider about itself.
    pub(crate) fn discover(issuer: &str) -> anyhow::Result<Self> {
        must_be_safe(issuer)?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .tls_config(trust::of(issuer)?)
            .user_agent(concat!("macadam/", env!("CARGO_PKG_VERSION")));
        if is_local(issuer) {
            config = config.proxy(None);
        }
        let agent = config.build().new_agent();
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let answer = agent.get(&address).call();
        let mut answer = answer.with_context(|| format!("the identity provider {issuer} cannot be reached"))?;
        if answer.status() != 200 {
            bail!("{address} answers {}; is {issuer} an OpenID provider?", answer.status());
        }
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec()?;
        let endpoints = Endpoints::read(&body, &address, issuer)?;
        Ok(Self { agent, endpoints })
    }

    /// Asks for a code that somebody can sign in with.
    pub(crate) fn device_code(&self, way: &Way, client_id: &str) -> anyhow::Result<DeviceCode> {
        let Some(endpoint) = self.endpoints.device_authorization()? else {
            bail!("{} knows no sign-in by a code (RFC 8628); allow it there, or use a service's token", way.issuer);
        };
        let scopes = way.scopes.join(" ");
        let mut form = vec![("client_id", client_id), ("scope", &scopes)];
        form.extend(way.resource.as_deref().map(|resource| ("resource", resource)));
        serde_json::from_value(self.post(endpoint, &form)?)
            .map_err(|error| untold(&error))
            .context("the identity provider gives no code")
    }

    /// Waits until somebody has signed in with a code.
    pub(crate) fn wait(&self, way: &Way, client_id: &str, code: &DeviceCode) -> anyhow::Result<Credentials> {
        let until = std::time::Instant::now() + code.lasts();
        let mut interval = code.interval();
        let mut form = vec![("grant_type", DEVICE_CODE), ("device_code", &*code.device_code), ("client_id", client_id)];
        form.extend(way.resource.as_deref().map(|resource| ("resource", resource)));
        while std::time::Instant::now() < until {
            std::thread::sleep(interval);
            let error = match self.post(self.endpoints.token(), &form) {
                Ok(tokens) => return self.credentials(tokens, client_id, way.send, way.resource.clone(), None),
                Err(error) => error,
            };
            match error.downcast_ref::<Refusal>().map(|refusal| refusal.code.as_str()) {
                Some("authorization_pending") => {}
                Some("slow_down") => interval += INTERVAL,
                Some("access_denied") => bail!("the sign-in was refused"),
                Some("expired_token") => break,
                Some(_) => return Err(error),
                // RFC 8628, section 3.5: who cannot be reached is asked less often.
                None => interval = (interval * 2).min(LONGEST_INTERVAL),
            }
        }
        bail!("nobody signed in with the code in time; run `macadam login` again")
    }

    /// Gets the next tokens.
    pub(crate) fn refresh(&self, old: &Credentials, refresh_token: &str) -> anyhow::Result<Credentials> {
        let mut form =
            vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", &*old.client_id)];
        form.extend(old.resource.as_deref().map(|resource| ("resource", resource)));
        let tokens = self.post(self.endpoints.token(), &form)?;
        let next = self.credentials(tokens, &old.client_id, old.send, old.resource.clone(), Some(refresh_token))?;
        Ok(Credentials { server: old.server.clone(), ..next })
    }

    /// Takes a refresh token back, and with it what came of it. A provider that knows no revocation is no error.
    pub(crate) fn revoke(&self, credentials: &Credentials) -> anyhow::Result<bool> {
        let (Some(endpoint), Some(token)) = (self.endpoints.revocation()?, &credentials.refresh_token) else {
            return Ok(false);
        };
        let form = [("token", &**token), ("token_type_hint", "refresh_token"), ("client_id", &*credentials.client_id)];
        self.post(endpoint, &form).map(|_| true)
    }

    fn credentials(
        &self,
        tokens: Value,
        client_id: &str,
        send: TokenKind,
        resource: Option<String>,
        refresh_token: Option<&str>,
    ) -> anyhow::Result<Credentials> {
        let tokens: Tokens = serde_json::from_value(tokens)
            .map_err(|error| untold(&error))
            .context("the identity provider gives no token")?;
        let (token, name) = match send {
            TokenKind::AccessToken => (&tokens.access_token, "access token"),
            TokenKind::IdToken => (&tokens.id_token, "ID token"),
        };
        let token = token.clone().with_context(|| format!("the identity provider gives no {name}"))?;
        Ok(Credentials {
            server: None,
            issuer: self.endpoints.issuer().to_owned(),
            client_id: client_id.to_owned(),
            send,
            resource,
            expires_at: tokens.expires_at(&token, Timestamp::now()),
            token,
            // One that is not replaced stays.
            refresh_token: tokens.refresh_token.or_else(|| refresh_token.map(str::to_owned)),
        })
    }

    fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> anyhow::Result<Value> {
        let sent = self.agent.post(endpoint).header("accept", "application/json").send_form(form.iter().copied());
        let mut answer = sent.with_context(|| format!("{endpoint} cannot be reached"))?;
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec()?;
        let document = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if answer.status().is_success() {
            return Ok(document);
        }
        match Refusal::read(&document) {
            Some(refusal) => Err(refusal.into()),
            None => bail!("{endpoint} answers {}", answer.status()),
        }
    }
}

/// Why an answer cannot be read, unless that repeats a part of it, such as a token in the wrong place.
fn untold(error: &serde_json::Error) -> anyhow::Error {
    let text = error.to_string();
    if text.starts_with("missing field") { anyhow!(text) } else { anyhow!("it is in another form than OAuth 2.0 says") }
}
