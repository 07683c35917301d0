//! How a webhook's message is signed, and how its receiver checks it: the scheme of Standard Webhooks
//! (<https://www.standardwebhooks.com>).
//!
//! What is signed is `ID.TIMESTAMP.BODY`, with HMAC-SHA256 under the bytes that follow `whsec_` in base64. A header may
//! have several signatures, so that a secret can be replaced without a message that its receiver cannot check. The
//! timestamp is signed with the body: a message that is sent again much later by somebody else is refused.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

/// The header with the message's id: the same in every attempt, so that a receiver knows it again.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the moment of the attempt, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// How far a message's timestamp may be from the receiver's clock: what the scheme's own libraries allow.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

const PREFIX: &str = "whsec_";

/// The version of the scheme that is a symmetric signature.
const VERSION: &str = "v1,";

/// How many bytes a secret has: the scheme says 24 to 64.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What messages are signed with. It shows only where it is asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

/// A text that is no secret. It says nothing of the text, which may be one but for a slip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the secret of a webhook: write whsec_ and 24 to 64 bytes in base64, as it was shown when it was made"
)]
pub struct SecretError;

impl WebhookSecret {
    /// How many bytes a new secret should have.
    pub const NEW: usize = 32;

    /// A secret of bytes that are random.
    ///
    /// # Errors
    /// [`SecretError`] when they are fewer than 24 or more than 64.
    pub fn new(bytes: Vec<u8>) -> Result<Self, SecretError> {
        if BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(SecretError) }
    }

    /// The text, to hand to the receiver's owner.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The signature of a message, as the header has it.
    #[must_use]
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let signature = self.mac(id, at.as_second(), body).map(|mac| STANDARD.encode(mac.finalize().into_bytes()));
        format!("{VERSION}{}", signature.unwrap_or_default())
    }

    /// HMAC takes a key of any length, so there always is one.
    fn mac(&self, id: &str, seconds: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        Some(mac)
    }

    /// Compares in a time that says nothing of where two signatures differ.
    fn has_signed(&self, signature: &[u8], id: &str, seconds: i64, body: &[u8]) -> bool {
        self.mac(id, seconds, body).is_some_and(|mac| mac.verify_slice(signature).is_ok())
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

impl FromStr for WebhookSecret {
    type Err = SecretError;
    fn from_str(text: &str) -> Result<Self, SecretError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(SecretError)?;
        Self::new(STANDARD.decode(encoded).map_err(|_| SecretError)?)
    }
}

/// A message as its receiver has it.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The header [`ID_HEADER`].
    pub id: &'a str,
    /// The header [`TIMESTAMP_HEADER`].
    pub timestamp: &'a str,
    /// The header [`SIGNATURE_HEADER`].
    pub signature: &'a str,
    /// The body, byte for byte as it came.
    pub body: &'a [u8],
}

/// Why a message is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// The timestamp is none.
    #[error("the header webhook-timestamp is not a number of seconds since 1970")]
    Timestamp,
    /// The message is too old, or from the future.
    #[error("the message is from {at}, and it is {now}: more than {} apart; check the clocks, or whether somebody sends it again", minutes(*tolerance))]
    OutOfTime {
        /// When it was sent.
        at: Timestamp,
        /// When it was looked at.
        now: Timestamp,
        /// How far these may be apart.
        tolerance: SignedDuration,
    },
    /// No signature that is known.
    #[error("the header webhook-signature has no signature that starts with `v1,`")]
    NoSignature,
    /// None of the signatures is by the secret.
    #[error(
        "no signature fits: another secret, or the id, the timestamp or the body was changed; check that the body is the bytes as they came, and not JSON that was read and written again"
    )]
    Forged,
}

fn minutes(duration: SignedDuration) -> String {
    format!("{} seconds", duration.as_secs())
}

/// Checks a message: that one of its signatures is by the secret, and that it is not old.
///
/// # Errors
/// [`NotVerified`] says why it is not to be trusted.
pub fn verify(
    secret: &WebhookSecret,
    message: &Received<'_>,
    now: Timestamp,
    tolerance: SignedDuration,
) -> Result<(), NotVerified> {
    let seconds: i64 = message.timestamp.parse().map_err(|_| NotVerified::Timestamp)?;
    let at = Timestamp::from_second(seconds).map_err(|_| NotVerified::Timestamp)?;
    let signatures: Vec<_> = message.signature.split(' ').filter_map(|each| each.strip_prefix(VERSION)).collect();
    if signatures.is_empty() {
        return Err(NotVerified::NoSignature);
    }
    let decoded = signatures.into_iter().filter_map(|each| STANDARD.decode(each).ok());
    // The text of the timestamp is what was signed; one with a sign or zeros in front reads as the same number.
    let as_signed = seconds.to_string() == message.timestamp;
    let fits = decoded.into_iter().any(|each| secret.has_signed(&each, message.id, seconds, message.body));
    match fits && as_signed {
        false => Err(NotVerified::Forged),
        true if now.duration_since(at).abs() > tolerance => Err(NotVerified::OutOfTime { at, now, tolerance }),
        true => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example that the scheme's own libraries test with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SECONDS: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret() -> WebhookSecret {
        SECRET.parse().unwrap()
    }

    fn at() -> Timestamp {
        Timestamp::from_second(SECONDS).unwrap()
    }

    fn judge(id: &str, timestamp: &str, signature: &str, body: &[u8]) -> Result<(), NotVerified> {
        verify(&secret(), &Received { id, timestamp, signature, body }, at(), TOLERANCE)
    }

    #[test]
    fn the_schemes_own_example_is_signed_and_verified_as_it_says() {
        assert_eq!(secret().sign(ID, at(), BODY), SIGNATURE);
        assert_eq!(judge(ID, "1614265330", SIGNATURE, BODY), Ok(()));
    }

    #[test]
    fn one_good_signature_among_several_is_enough() {
        let other = WebhookSecret::new(vec![7; 32]).unwrap().sign(ID, at(), BODY);
        for several in
            [format!("{other} {SIGNATURE}"), format!("v1a,AAAA {SIGNATURE} v2,x"), format!("v1,!! {SIGNATURE}")]
        {
            assert_eq!(judge(ID, "1614265330", &several, BODY), Ok(()), "{several}");
        }
        assert_eq!(judge(ID, "1614265330", &other, BODY), Err(NotVerified::Forged));
    }

    #[test]
    fn what_is_no_signature_or_no_time_is_named() {
        for none in ["", "v2,x", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="] {
            assert_eq!(judge(ID, "1614265330", none, BODY), Err(NotVerified::NoSignature), "{none:?}");
        }
        for none in ["", "soon", "1614265330.0", "99999999999999999999"] {
            assert_eq!(judge(ID, none, SIGNATURE, BODY), Err(NotVerified::Timestamp), "{none:?}");
        }
        for spelled in ["01614265330", "+1614265330"] {
            assert_eq!(judge(ID, spelled, SIGNATURE, BODY), Err(NotVerified::Forged), "{spelled:?}");
        }
    }

    #[test]
    fn a_message_is_good_for_five_minutes_on_either_side() {
        for (seconds, good) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            let now = Timestamp::from_second(SECONDS + seconds).unwrap();
            let message = Received { id: ID, timestamp: "1614265330", signature: SIGNATURE, body: BODY };
            let judged = verify(&secret(), &message, now, TOLERANCE);
            assert_eq!(judged.is_ok(), good, "{seconds} seconds later: {judged:?}");
            assert!(good || matches!(judged, Err(NotVerified::OutOfTime { .. })), "{judged:?}");
        }
    }

    #[test]
    fn a_secret_reads_back_what_it_shows_and_shows_only_when_asked() {
        assert_eq!(secret().reveal(), SECRET);
        assert_eq!(format!("{:?}", secret()), "WebhookSecret");
        let short = format!("whsec_{}", STANDARD.encode([1; 23]));
        let long = format!("whsec_{}", STANDARD.encode([1; 65]));
        for wrong in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!", short.as_str(), long.as_str()] {
            let refused = wrong.parse::<WebhookSecret>().unwrap_err().to_string();
            assert!(wrong.len() < 8 || !refused.contains(wrong), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_signed_verifies_and_nothing_that_was_changed_does(
            key in proptest::collection::vec(any::<u8>(), 24..=64), id in "[a-z0-9_]{1,20}",
            seconds in 0_i64..4_000_000_000, body in proptest::collection::vec(any::<u8>(), 1..200), flip in any::<usize>(),
        ) {
            let (secret, at) = (WebhookSecret::new(key.clone()).unwrap(), Timestamp::from_second(seconds).unwrap());
            let (signature, timestamp) = (secret.sign(&id, at, &body), seconds.to_string());
            let message = Received { id: &id, timestamp: &timestamp, signature: &signature, body: &body };
            prop_assert_eq!(verify(&secret, &message, at, TOLERANCE), Ok(()));
            let mut changed = body.clone();
            changed[flip % body.len()] ^= 1;
            let mut other_key = key;
            other_key[flip % 24] ^= 1;
            let other = WebhookSecret::new(other_key).unwrap();
            let later = (seconds + 1).to_string();
            let forged = |secret: &WebhookSecret, message: Received<'_>| verify(secret, &message, at, TOLERANCE);
            prop_assert_eq!(forged(&secret, Received { body: &changed, ..message }), Err(NotVerified::Forged));
            prop_assert_eq!(forged(&secret, Received { timestamp: &later, ..message }), Err(NotVerified::Forged));
            prop_assert_eq!(forged(&secret, Received { id: "other.", ..message }), Err(NotVerified::Forged));
            prop_assert_eq!(forged(&other, message), Err(NotVerified::Forged));
        }
    }
}
