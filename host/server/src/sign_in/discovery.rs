//! What a provider says about itself, read: the discovery document (OpenID Connect Discovery 1.0, section 4), and for
//! how long what it answers can be used.

use jiff::SignedDuration;

/// For how long keys are used without asking again: what the provider says in `Cache-Control`, within these bounds.
const FRESH: std::ops::RangeInclusive<i64> = 60..=24 * 60 * 60;

/// For how long when the provider says nothing.
const FRESH_BY_DEFAULT: i64 = 15 * 60;

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

/// Where the keys of an issuer are, by the document that was found at an address.
///
/// # Errors
/// What is wrong with the document, for the log.
pub(super) fn keys_address(document: &[u8], address: &str, issuer: &str) -> Result<String, String> {
    #[derive(serde::Deserialize)]
    struct Discovery {
        issuer: String,
        jwks_uri: String,
    }
    let found: Discovery =
        serde_json::from_slice(document).map_err(|error| format!("{address} is no discovery document: {error}"))?;
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
    Ok(found.jwks_uri)
}

/// For how long an answer is fresh, by its `Cache-Control` (RFC 9111, section 5.2.2), within bounds.
pub(super) fn fresh_for(cache_control: Option<&str>) -> SignedDuration {
    SignedDuration::from_secs(cache_control.map_or(FRESH_BY_DEFAULT, max_age))
}

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
