//! Sign-in, end to end: a real identity provider, the real server in production mode, the real command line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod people;
mod services;

use macadam_tests::server::{Server, Setup};

/// A host of an organisation: no development tokens, and the provider's people.
fn host(config: &str) -> Server {
    let shipped = Setup::without_postgres().config;
    Server::start(&Setup { config: format!("{config}{shipped}"), production: true, ..Setup::default() })
}
