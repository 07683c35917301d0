//! The API as clients meet it: a real platform with a real store, and no plugins but those that a test says are broken.

mod access;
mod bounds;
mod browsers;
mod document;
mod events;
mod host;
mod idempotency;
mod jobs;
mod operations;
mod problems;
mod rate_limits;
mod requests;
mod resources;
mod scaffolds;
mod sign_in;
mod tools;
mod webhooks;
