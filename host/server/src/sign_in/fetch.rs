//! What a provider says about itself, fetched: the discovery document and the keys that it names. It blocks, so it runs
//! on threads that may.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use macadam_jwt::KeySet;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::discovery::{fresh_for, is_safe_address, keys_address};
use super::settings::{OidcSettings, SettingsError};

/// The most that a document may have. Key sets have a few kilobytes.
const MAX_DOCUMENT: u64 = 512 * 1024;

/// How long an answer may take, from the first packet to the last.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The keys of a provider, as of a moment.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    pub(super) at: Timestamp,
    pub(super) fresh_for: SignedDuration,
}

fn is_loopback(address: &str) -> bool {
    address.starts_with("http://") && is_safe_address(address)
}

/// The client for one provider.
///
/// # Errors
/// When the file of certificates cannot be used.
pub(super) fn agent(settings: &OidcSettings) -> Result<Agent, SettingsError> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        // A provider's documents are where it says that they are; whoever sends elsewhere may be somebody else.
        .max_redirects(0)
        .timeout_global(Some(TIMEOUT))
        .user_agent(concat!("macadam/", env!("CARGO_PKG_VERSION")));
    if is_loopback(&settings.issuer) {
        config = config.proxy(None);
    }
    if let Some(path) = &settings.ca_file {
        let wrong = |remedy: String| SettingsError { issuer: settings.issuer.clone(), key: "ca-file", remedy };
        let text = std::fs::read(path).map_err(|error| wrong(format!("{} cannot be read: {error}", path.display())))?;
        let items = parse_pem(&text).filter_map(Result::ok);
        let certificates: Vec<Certificate<'static>> = items
            .filter_map(|item| match item {
                PemItem::Certificate(certificate) => Some(certificate),
                _ => None,
            })
            .collect();
        if certificates.is_empty() {
            return Err(wrong(format!("{} holds no certificate; write them as PEM", path.display())));
        }
        let roots = RootCerts::Specific(std::sync::Arc::new(certificates));
        config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
    }
    Ok(config.build().new_agent())
}

/// Fetches the keys.
///
/// # Errors
/// What is wrong, for the log.
pub(super) fn keys(agent: &Agent, issuer: &str, now: Timestamp) -> Result<Fetched, String> {
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let (document, _) = get(agent, &address)?;
    let keys_at = keys_address(&document, &address, issuer)?;
    let (text, fresh_for) = get(agent, &keys_at)?;
    let keys = KeySet::read(&text).map_err(|error| format!("{keys_at}: {error}"))?;
    Ok(Fetched { keys, at: now, fresh_for })
}

fn get(agent: &Agent, address: &str) -> Result<(Vec<u8>, SignedDuration), String> {
    let answer = agent.get(address).header("accept", "application/json").call();
    let mut answer = answer.map_err(|error| format!("{address} cannot be reached: {error}"))?;
    if answer.status() != 200 {
        return Err(format!("{address} answers {}", answer.status()));
    }
    let header = answer.headers().get("cache-control").and_then(|value| value.to_str().ok());
    let fresh_for = fresh_for(header);
    let body = answer.body_mut().with_config().limit(MAX_DOCUMENT).read_to_vec();
    Ok((body.map_err(|error| format!("what {address} answers cannot be read: {error}"))?, fresh_for))
}
