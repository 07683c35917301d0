//! Signed heads of the audit log, and the key that they are by, as somebody may have changed them.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use macadam_core::audit::{HeadsKey, HeadsSigner, SignedHeads};

static KEY: LazyLock<HeadsKey> = LazyLock::new(|| HeadsSigner::new(&[7; 32]).key());

fuzz_target!(|bytes: &[u8]| {
    if let Ok(heads) = serde_json::from_slice::<SignedHeads>(bytes) {
        assert!(heads.check(Some(&KEY)).is_err(), "chance signs nothing");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(key) = text.parse::<HeadsKey>() {
            assert_eq!(key.to_string().parse(), Ok(key), "a key reads back what it prints");
        }
    }
});
