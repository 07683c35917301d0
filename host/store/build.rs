//! Builds the crate again when a migration is added: the compiler watches the files that are there, not the folder.

#![allow(clippy::print_stdout, reason = "standard output is how a build script talks to cargo")]

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
