//! What every store promises, whichever database is under it. A test binary for a database has a `TestStore`, which
//! opens a fresh one, and includes this module.

mod access;
mod approvals;
mod attempts;
pub mod audit;
mod audit_and_outbox;
mod bindings;
mod cancelling;
mod crashes;
mod dead_letters;
pub mod decisions;
pub mod earlier;
pub mod events;
mod expiry;
mod fairness;
mod filters;
mod health;
mod idempotency;
mod invariants;
mod jobs;
mod lists;
mod namespaces;
mod outcomes;
mod packages;
mod races;
mod retention;
mod schedules;
pub mod sealing;
mod secrets;
mod service_tokens;
mod submit;
mod teams;
pub mod webhooks;
pub mod world;
