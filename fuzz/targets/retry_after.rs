//! `Retry-After`, of whoever has too much to do: nobody is left alone for longer than there may be, nor before now.
#![no_main]

use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;
use macadam_core::retry_after::retry_after;

fuzz_target!(|parts: (i64, u32, &str)| {
    let (now, longest, text) = parts;
    let Ok(now) = Timestamp::from_second(now) else { return };
    let seconds = longest;
    let longest = SignedDuration::from_secs(longest.into());
    if let Some(at) = retry_after(text, now, longest) {
        assert!(at > now && at.duration_since(now) <= longest, "{text:?} at {now}: {at}");
    }
    let said = retry_after(&seconds.to_string(), now, longest);
    let at = now.checked_add(longest).ok().filter(|at| *at > now);
    assert_eq!(said, at, "what may be is what is done");
});
