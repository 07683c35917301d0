//! The components that `cargo xtask guests` has built.

use std::path::PathBuf;

/// The root of the source tree.
pub fn source_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in a folder of the tree").to_owned()
}

/// One component's bytes, by the name of its crate.
pub fn component(name: &str) -> Vec<u8> {
    let path = source_root().join("guests/target/components").join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("the component {name} is not built ({error}); run `cargo xtask test`, which builds the guests first")
    })
}
