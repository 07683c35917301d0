//! Hostile guests: each ends in its own typed error, within its limits, and hurts nobody else.
//!
//! The guests are real components, built from the sources in `guests/` beside this file.

mod answers;
mod binaries;
mod generators;
mod loops;
mod memory;
mod neighbours;
