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

/// The version of the contract that a component is of, for its manifest: the newest when it is of several.
pub fn contract_of(component: &[u8]) -> &'static str {
    let exports = |version: &&str| {
        let name = format!("macadam:plugin/plugin@{version}");
        component.windows(name.len()).any(|part| part == name.as_bytes())
    };
    ["0.2.0", "0.1.0"].into_iter().find(exports).expect("every plugin exports the interface of all plugins")
}
