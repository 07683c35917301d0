//! An identity provider that answers the host and the command line whatever it likes: where its keys and endpoints are,
//! how long its keys are fresh, its codes, its tokens, and why it gives none.
//!
//! An input is the issuer that is asked, on a line of its own, and then the answer.
#![no_main]

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use ureq::http::Uri;

#[path = "../../host/cli/src/addresses.rs"]
mod addresses;
#[path = "../../host/cli/src/answers.rs"]
#[allow(dead_code, reason = "nobody is asked here")]
mod answers;
#[path = "../../host/server/src/sign_in/discovery.rs"]
mod discovery;

use answers::{DeviceCode, Endpoints, LONGEST_INTERVAL, Refusal, Tokens};

/// Whether a token, or a key, can go this way without being seen or changed, by what would go there.
fn is_safe(address: &str) -> bool {
    // What is no address is not called.
    let Ok(uri) = address.parse::<Uri>() else { return true };
    let host = uri.host().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    uri.scheme_str() == Some("https") || host == "localhost" || number.is_ok_and(|number| number.is_loopback())
}

/// What the host makes of it.
fn host(issuer: &str, answer: &str) {
    let fresh = discovery::fresh_for(Some(answer));
    assert!((SignedDuration::from_mins(1)..=SignedDuration::from_hours(24)).contains(&fresh), "{answer:?}: {fresh}");
    if let Ok(address) = discovery::keys_address(answer.as_bytes(), "there", issuer) {
        assert!(address.parse::<Uri>().is_ok() && is_safe(&address), "{address:?} is no place for keys");
    }
}

/// What the command line makes of it.
fn command_line(issuer: &str, answer: &str) {
    if let Ok(endpoints) = Endpoints::read(answer.as_bytes(), "there", issuer) {
        assert_eq!(endpoints.issuer(), issuer);
        let more = [endpoints.device_authorization(), endpoints.revocation()];
        for address in more.into_iter().flatten().flatten().chain([endpoints.token()]) {
            assert!(is_safe(address), "{address:?} is no place for a token");
        }
    }
    if let Ok(code) = serde_json::from_str::<DeviceCode>(answer) {
        assert!(code.lasts() <= Duration::from_secs(24 * 60 * 60), "nobody waits for ever");
        assert!((Duration::from_secs(1)..=LONGEST_INTERVAL).contains(&code.interval()), "nor asks without a pause");
    }
    if let Ok(tokens) = serde_json::from_str::<Tokens>(answer) {
        let now = Timestamp::UNIX_EPOCH;
        let lasts = tokens.expires_at("opaque", now).duration_since(now);
        assert!((SignedDuration::ZERO..=SignedDuration::from_hours(366 * 24)).contains(&lasts), "{lasts}");
        for token in [tokens.access_token.as_deref(), tokens.id_token.as_deref()].into_iter().flatten() {
            let _ = tokens.expires_at(token, now);
        }
    }
    if let Some(refusal) = serde_json::from_str::<Value>(answer).ok().as_ref().and_then(Refusal::read) {
        assert!(refusal.to_string().contains(&refusal.code));
    }
}

fuzz_target!(|text: &str| {
    let Some((issuer, answer)) = text.split_once('\n') else { return };
    host(issuer, answer);
    command_line(issuer, answer);
    assert!(addresses::must_be_safe(answer).is_err() || is_safe(answer), "{answer:?} is no place for a token");
});
