//! The API as clients meet it: a real platform with a real store, and no plugins but those that a test says are broken.

mod access;
mod document;
mod events;
mod host;
mod jobs;
mod operations;
mod problems;
mod requests;
mod resources;
mod scaffolds;
mod sign_in;
mod webhooks;
