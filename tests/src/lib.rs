//! What the tests that cross crates share. Helpers speak the users' language and start the real thing.

pub mod components;
pub mod postgres;
pub mod sandbox;
pub mod server;
