//! What every store promises, whichever database is under it. A test binary for a database has a `TestStore`, which
//! opens a fresh one, and includes this module.

mod approvals;
mod audit_and_outbox;
mod expiry;
mod invariants;
mod jobs;
mod lists;
mod outcomes;
mod races;
mod secrets;
mod submit;
mod teams;
pub mod world;
