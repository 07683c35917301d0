//! JSON that is written canonically: the same value has one text, and that text is the value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use macadam_core::canonical::CanonicalJson;

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let Ok(once) = CanonicalJson::new(&value) else { return };
    let back: serde_json::Value = once.read().expect("what was written can be read");
    let twice = CanonicalJson::new(&back).expect("what was read can be written");
    assert_eq!(once.digest(), twice.digest(), "one value, one text");
});
