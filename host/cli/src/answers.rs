//! What an identity provider answers, read: about itself (OpenID Connect Discovery 1.0, section 4), a code to sign in
//! with (RFC 8628, section 3.2), tokens (RFC 6749, section 5.1), and why not (section 5.2).

use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::addresses::must_be_safe;

/// How long is between two questions when the provider says nothing (RFC 8628, section 3.2), and how much longer after
/// it said `slow_down` (section 3.5).
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);

/// The longest between two questions.
pub(crate) const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// The longest that somebody is waited for, whatever the provider says of its code.
const LONGEST_CODE: u64 = 24 * 60 * 60;

/// The longest that a token is taken to last, in seconds.
const LONGEST_TOKEN: i64 = 365 * 24 * 60 * 60;

/// How long a token is taken to last of which nothing is said, in seconds.
const SHORT: i64 = 5 * 60;

/// What a provider says about itself. No address is given away that a token must not go to.
#[derive(Debug, Deserialize)]
pub(crate) struct Endpoints {
    issuer: String,
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
}

impl Endpoints {
    /// Reads what was found at an address, which has to be of an issuer.
    pub(crate) fn read(document: &[u8], address: &str, issuer: &str) -> anyhow::Result<Self> {
        let read: Self =
            serde_json::from_slice(document).with_context(|| format!("{address} is no discovery document"))?;
        if read.issuer != issuer {
            let other = &read.issuer;
            bail!("{address} is of another issuer, {other}; the server's configuration names the wrong one");
        }
        must_be_safe(&read.token_endpoint)?;
        Ok(read)
    }

    /// The issuer, as it was asked for.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where tokens are.
    pub(crate) fn token(&self) -> &str {
        &self.token_endpoint
    }

    /// Where codes are, if it has any.
    pub(crate) fn device_authorization(&self) -> anyhow::Result<Option<&str>> {
        safe(self.device_authorization_endpoint.as_deref())
    }

    /// Where tokens are taken back, if they are.
    pub(crate) fn revocation(&self) -> anyhow::Result<Option<&str>> {
        safe(self.revocation_endpoint.as_deref())
    }
}

fn safe(address: Option<&str>) -> anyhow::Result<Option<&str>> {
    address.map(|address| must_be_safe(address).map(|()| address)).transpose()
}

/// What somebody has to do to sign in.
#[derive(Deserialize)]
pub(crate) struct DeviceCode {
    /// What the provider knows the sign-in by.
    pub(crate) device_code: String,
    /// What to type.
    pub(crate) user_code: String,
    /// Where.
    pub(crate) verification_uri: String,
    /// Where it need not be typed.
    pub(crate) verification_uri_complete: Option<String>,
    expires_in: Seconds,
    #[serde(default)]
    interval: Option<Seconds>,
}

impl DeviceCode {
    /// How long to wait for somebody.
    pub(crate) fn lasts(&self) -> Duration {
        self.expires_in.as_duration().min(Duration::from_secs(LONGEST_CODE))
    }

    /// How long is between two questions.
    pub(crate) fn interval(&self) -> Duration {
        let said = self.interval.map_or(INTERVAL, Seconds::as_duration);
        said.clamp(Duration::from_secs(1), LONGEST_INTERVAL)
    }
}

/// What a token endpoint gives.
#[derive(Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access_token: Option<String>,
    pub(crate) id_token: Option<String>,
    pub(crate) refresh_token: Option<String>,
    expires_in: Option<Seconds>,
}

impl Tokens {
    /// When one of them ends. Whether that is so is the server's to find out; here it only says when to ask for the
    /// next, so an end that is further away than anybody means is none.
    pub(crate) fn expires_at(&self, token: &str, now: Timestamp) -> Timestamp {
        let said = self.expires_in.map(|Seconds(seconds)| seconds);
        let seconds = match expiry(token).map(|end| end.saturating_sub(now.as_second())) {
            Some(seconds) if seconds <= LONGEST_TOKEN => seconds,
            Some(_) => said.unwrap_or(LONGEST_TOKEN),
            None => said.unwrap_or(SHORT),
        };
        now + SignedDuration::from_secs(seconds.clamp(0, LONGEST_TOKEN))
    }
}

/// When a JWT says that it ends, in seconds since 1970.
fn expiry(token: &str) -> Option<i64> {
    use base64::Engine as _;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    whole(claims.get("exp")?)
}

/// A number of seconds. RFC 6749 and RFC 8628 want a number in JSON; some providers write its digits as a text.
#[derive(Debug, Clone, Copy)]
struct Seconds(i64);

impl Seconds {
    fn as_duration(self) -> Duration {
        Duration::from_secs(self.0.try_into().unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let seconds = value.as_str().map_or_else(|| whole(&value), |text| text.trim().parse().ok());
        seconds.map(Self).ok_or_else(|| D::Error::custom("this is no number of seconds"))
    }
}

/// A number without its fraction; the outermost one in the place of what is beyond, since a cast from a float saturates.
fn whole(number: &Value) -> Option<i64> {
    number.as_i64().or_else(|| number.as_f64().map(|number| number.floor() as i64))
}

/// What an endpoint says that refuses.
#[derive(Debug, thiserror::Error)]
#[error("the identity provider refuses: {code}{}", self.more())]
pub(crate) struct Refusal {
    pub(crate) code: String,
    description: Option<String>,
}

impl Refusal {
    /// Reads an answer that is no success; nothing when it does not say why.
    pub(crate) fn read(document: &Value) -> Option<Self> {
        let text = |name| document.get(name).and_then(Value::as_str).map(str::to_owned);
        text("error").map(|code| Self { code, description: text("error_description") })
    }

    fn more(&self) -> String {
        self.description.as_ref().map(|text| format!(" ({text})")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn how_long_to_wait_is_the_providers_say_within_bounds() {
        let code = |expires_in: u64, interval: Option<u64>| {
            let code = json!({
                "device_code": "d", "user_code": "u", "verification_uri": "https://id.example/device",
                "expires_in": expires_in, "interval": interval,
            });
            let code: DeviceCode = serde_json::from_value(code).unwrap();
            (code.lasts().as_secs(), code.interval().as_secs())
        };
        assert_eq!(code(600, None), (600, 5));
        assert_eq!(code(600, Some(0)), (600, 1), "nobody makes this machine ask without a pause");
        assert_eq!(code(u64::MAX, Some(u64::MAX)), (24 * 60 * 60, 60), "nor wait for ever");
    }

    #[test]
    fn seconds_are_read_as_numbers_and_as_texts() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let lasts = |said: Value| {
            let tokens = serde_json::from_value::<Tokens>(json!({"access_token": "a", "expires_in": said}));
            tokens.ok().map(|tokens| tokens.expires_at("opaque", now).duration_since(now).as_secs())
        };
        for hour in [json!(3600), json!("3600"), json!(" 3600 "), json!(3600.0), json!(3600.9)] {
            assert_eq!(lasts(hour.clone()), Some(3600), "{hour}");
        }
        assert_eq!(lasts(Value::Null), Some(300), "nothing is said");
        assert_eq!((lasts(json!(-1)), lasts(json!("-1"))), (Some(0), Some(0)), "what is over is over");
        assert_eq!(lasts(json!(u64::MAX)), Some(LONGEST_TOKEN), "nothing lasts for ever");
        for wrong in [json!("soon"), json!(""), json!(true), json!([3600]), json!("1e3")] {
            assert_eq!(lasts(wrong.clone()), None, "{wrong} is no number of seconds");
        }
        let code = json!({
            "device_code": "d", "user_code": "u", "verification_uri": "https://id.example/device",
            "expires_in": "600", "interval": "7",
        });
        let code: DeviceCode = serde_json::from_value(code).unwrap();
        assert_eq!((code.lasts().as_secs(), code.interval().as_secs()), (600, 7));
    }

    #[test]
    fn a_token_that_says_to_last_for_ever_is_renewed_nevertheless() {
        use base64::Engine as _;
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let lasts = |exp: Value, expires_in: Option<i64>| {
            let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json!({"exp": exp}).to_string());
            let tokens: Tokens = serde_json::from_value(json!({"expires_in": expires_in})).unwrap();
            tokens.expires_at(&format!("e.{claims}.s"), now).duration_since(now).as_secs()
        };
        let start = now.as_second();
        assert_eq!(lasts(json!(start + 60), Some(3600)), 60, "what a token says itself counts");
        assert_eq!(lasts(json!((start as f64) + 60.5), None), 60, "also with a fraction");
        assert_eq!(lasts(json!(start - 60), Some(3600)), 0, "one that is over is over");
        let year_9999 = 253_370_764_800_i64;
        // The last of them is beyond what this program takes for a moment, and no reason to ask every few minutes.
        for far in [json!(year_9999), json!(253_402_300_799_i64), json!(i64::MAX), json!(u64::MAX), json!(1e300)] {
            assert_eq!(lasts(far.clone(), Some(3600)), 3600, "{far}: the provider says when to ask for the next");
            assert_eq!(lasts(far.clone(), None), LONGEST_TOKEN, "{far}: or nobody does");
        }
        assert_eq!(lasts(json!(-1e300), None), 0);
        assert_eq!(lasts(json!("soon"), None), SHORT, "what is no time says nothing");
    }

    #[test]
    fn no_address_is_given_away_that_a_token_must_not_go_to() {
        let read = |token: &str, other: &str| {
            let document = json!({
                "issuer": "https://id.example", "token_endpoint": token, "device_authorization_endpoint": other,
                "revocation_endpoint": other,
            });
            Endpoints::read(document.to_string().as_bytes(), "there", "https://id.example")
        };
        let (good, bad) = ("https://id.example/x", "http://id.example/x");
        assert!(read(bad, good).is_err());
        let endpoints = read(good, good).unwrap();
        assert_eq!(endpoints.device_authorization().unwrap(), Some(good));
        let endpoints = read(good, bad).unwrap();
        assert!(endpoints.device_authorization().is_err() && endpoints.revocation().is_err());
        assert!(Endpoints::read(b"{}", "there", "https://id.example").is_err());
    }
}
