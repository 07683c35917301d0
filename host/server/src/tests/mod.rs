//! The API as clients meet it: a real platform with a real store, and no plugins but those that a test says are broken.

mod document;
mod host;
mod operations;
mod problems;
mod requests;
mod resources;
mod scaffolds;
mod sign_in;
