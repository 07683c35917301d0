//! Hostile guests: each ends in its own typed error, within its limits, and hurts nobody else.
//!
//! The guests are real components, built from the sources in `guests/` beside this file.
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

mod answers;
mod asking;
mod binaries;
mod generators;
mod loops;
mod memory;
mod neighbours;
