//! What the tests that cross crates share. Helpers speak the users' language and start the real thing.
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

pub mod collector;
pub mod components;
pub mod contract;
mod exchange;
pub mod identity;
pub mod postgres;
pub mod receiver;
pub mod replicas;
pub mod sandbox;
pub mod server;
mod skipped;
pub mod wire;

pub use skipped::skipped;
