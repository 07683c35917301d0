//! Tests that find that they cannot be run here.

use std::io::Write as _;

/// Says that the test that asks cannot be run here, and why, so that `cargo xtask test` counts it as skipped and not as
/// passed. Not by a macro: what those print is kept back unless the test fails.
pub fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    std::io::stdout().write_all(format!("SKIPPED: {test}: {why}\n").as_bytes()).unwrap();
}
