//! An export of the audit log, as somebody may have changed it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use macadam_core::audit::Line;

fuzz_target!(|text: &str| {
    for line in text.lines() {
        let _ = Line::read(line);
    }
});
