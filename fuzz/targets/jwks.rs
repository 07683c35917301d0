//! The keys of an identity provider, as it serves them: they verify nothing that chance has signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use macadam_jwt::{Algorithm, KeySet, verify};

const ALGORITHMS: [Algorithm; 4] = [Algorithm::RS256, Algorithm::PS384, Algorithm::ES256, Algorithm::EdDSA];

fuzz_target!(|bytes: &[u8]| {
    let Ok(keys) = KeySet::read(bytes) else { return };
    for algorithm in ALGORITHMS {
        for id in [None, Some("a")] {
            if let Ok(key) = keys.find(id, algorithm) {
                assert!(!verify("eyJhIjoxfQ.eyJiIjoyfQ.AAAAAAAA", key, algorithm), "nobody has signed this");
            }
        }
    }
});
