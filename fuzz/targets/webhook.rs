//! A webhook's message: headers and body.
#![no_main]

use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;
use macadam_core::signature::{Received, WebhookSecret, verify};

fuzz_target!(|parts: (&str, &str, &str, &[u8])| {
    let (id, timestamp, signature, body) = parts;
    let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("the secret can be read");
    let message = Received { id, timestamp, signature, body };
    let verified = verify(&secret, &message, Timestamp::UNIX_EPOCH, SignedDuration::from_mins(5));
    assert!(verified.is_err(), "chance signs nothing");
    let _ = id.parse::<WebhookSecret>();
});
