//! What every store promises, whichever database is under it. A test binary for a database has a `TestStore`, which
//! opens a fresh one, and includes this module.

mod approvals;
mod audit_and_outbox;
mod bindings;
pub mod decisions;
mod expiry;
mod invariants;
mod jobs;
mod lists;
mod namespaces;
mod outcomes;
mod packages;
mod races;
mod retention;
mod secrets;
mod submit;
mod teams;
pub mod world;
