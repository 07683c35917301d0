//! The provisioning story with the real parts: the server as a process, the shipped plugins, a real PostgreSQL.
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

mod approval;
mod command_line;
mod database;
mod errors;
mod lifecycle;
mod quota;
