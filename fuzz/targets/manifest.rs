//! A plugin's manifest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use macadam_registry::Manifest;

fuzz_target!(|text: &str| {
    if let Ok(manifest) = Manifest::parse(text) {
        let reference = manifest.reference().to_string();
        assert!(reference.is_ascii() && !reference.contains(char::is_whitespace), "{reference:?} is a name");
    }
});
