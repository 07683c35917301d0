//! Secrets, with the real parts: their key is replaced while hosts serve, and what is secret is nowhere but where it is
//! shown on purpose.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_errors_doc,
    reason = "tests fail by panicking, and say what they saw"
)]

#[path = "../../registry/tests/it/oci/fake.rs"]
#[allow(dead_code, reason = "the tests of registries need more of it")]
mod fake;
mod leaks;
mod nowhere;
mod rotation;

use std::time::{Duration, Instant};

use macadam_tests::server::Server;

/// Asks until something is so.
pub(crate) fn until<T>(what: &str, server: &Server, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(90), "{what} did not come\n{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}
