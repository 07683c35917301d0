//! What a provider says about itself, fetched: the discovery document (OpenID Connect Discovery 1.0, section 4) and the
//! keys that it names. It blocks, so it runs on threads that may.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use macadam_jwt::KeySet;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::settings::{OidcSettings, SettingsError};

/// The most that a document may have. Key sets have a few kilobytes.
const MAX_DOCUMENT: u64 = 512 * 1024;

/// How long an answer may take, from the first packet to the last.
const TIMEOUT: Duration = Duration::from_secs(5);

/// For how long keys are used without asking again: what the provider says in `Cache-Control`, within these bounds.
const FRESH: std::ops::RangeInclusive<i64> = 60..=24 * 60 * 60;

/// For how long when the provider says nothing.
const FRESH_BY_DEFAULT: i64 = 15 * 60;

/// The keys of a provider, as of a moment.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    pub(super) at: Timestamp,
    pub(super) fresh_for: SignedDuration,
}

/// Whether what is fetched from an address cannot be changed on the way: it is HTTPS, or does not leave the machine.
pub(super) fn is_safe_address(address: &str) -> bool {
    let Ok(uri) = address.parse::<ureq::http::Uri>() else { return false };
    let Some(host) = uri.host() else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => loopback,
        _ => false,
    }
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
    #[derive(serde::Deserialize)]
    struct Discovery {
        issuer: String,
        jwks_uri: String,
    }
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let (document, _) = get(agent, &address)?;
    let found: Discovery =
        serde_json::from_slice(&document).map_err(|error| format!("{address} is no discovery document: {error}"))?;
    if found.issuer != issuer {
        return Err(format!(
            "{address} is of the issuer {:?}; write that one as `issuer`, to the letter",
            found.issuer
        ));
    }
    if !is_safe_address(&found.jwks_uri) {
        return Err(format!(
            "{address} names keys at {:?}, where anybody on the way could change them",
            found.jwks_uri
        ));
    }
    let (text, fresh_for) = get(agent, &found.jwks_uri)?;
    let keys = KeySet::read(&text).map_err(|error| format!("{}: {error}", found.jwks_uri))?;
    Ok(Fetched { keys, at: now, fresh_for })
}

fn get(agent: &Agent, address: &str) -> Result<(Vec<u8>, SignedDuration), String> {
    let answer = agent.get(address).header("accept", "application/json").call();
    let mut answer = answer.map_err(|error| format!("{address} cannot be reached: {error}"))?;
    if answer.status() != 200 {
        return Err(format!("{address} answers {}", answer.status()));
    }
    let header = answer.headers().get("cache-control").and_then(|value| value.to_str().ok());
    let fresh_for = SignedDuration::from_secs(header.map_or(FRESH_BY_DEFAULT, max_age));
    let body = answer.body_mut().with_config().limit(MAX_DOCUMENT).read_to_vec();
    Ok((body.map_err(|error| format!("what {address} answers cannot be read: {error}"))?, fresh_for))
}

/// How long an answer is fresh (RFC 9111, section 5.2.2), within bounds.
fn max_age(cache_control: &str) -> i64 {
    let lowered = cache_control.to_ascii_lowercase();
    let age = lowered.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.trim_matches('"').parse().ok());
    age.unwrap_or(FRESH_BY_DEFAULT).clamp(*FRESH.start(), *FRESH.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_comes_over_https_or_from_this_machine() {
        for good in ["https://login.example", "http://127.0.0.1:8080/realms/a", "http://localhost", "http://[::1]:1/x"]
        {
            assert!(is_safe_address(good), "{good}");
        }
        for bad in
            ["http://login.example", "http://127.0.0.1.evil.example", "ftp://127.0.0.1", "file:///x", "login", ""]
        {
            assert!(!is_safe_address(bad), "{bad}");
        }
    }

    #[test]
    fn keys_stay_as_long_as_the_provider_says_within_bounds() {
        assert_eq!(max_age("public, max-age=3600"), 3600);
        assert_eq!(max_age("MAX-AGE=0, no-cache"), 60, "nobody makes this host ask at each request");
        assert_eq!(max_age("max-age=99999999"), 24 * 60 * 60, "nor never again");
        assert_eq!(max_age("no-store"), FRESH_BY_DEFAULT);
    }
}
