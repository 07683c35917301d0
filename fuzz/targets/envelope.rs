//! A package's signatures (DSSE), and the public keys that they are by.
#![no_main]

use libfuzzer_sys::fuzz_target;
use macadam_registry::Envelope;

fuzz_target!(|bytes: &[u8]| {
    let _ = Envelope::from_bytes(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(key) = text.parse::<macadam_registry::signature::PublicKey>() {
            assert_eq!(key.to_string().parse(), Ok(key), "a key reads back what it prints");
        }
    }
});
