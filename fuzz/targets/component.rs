//! A component, checked against a manifest that asks for everything that its kind may have, and what it needs to be
//! loaded.
//!
//! Chance hardly writes a component: the seeds are one of each kind and contract, in which nothing is done.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use macadam_registry::component::verify;
use macadam_registry::{ComponentError, Manifest};

#[path = "../../host/runtime/src/engine/shape.rs"]
mod shape;

static MANIFESTS: LazyLock<Vec<Manifest>> = LazyLock::new(|| {
    let kinds = ["approval-policy", "cost-estimator", "resource-provider", "template-generator"];
    let manifest = |kind: &str| {
        Manifest::parse(&format!(
            "name = \"a/b\"\nversion = \"1.0.0\"\nkind = \"{kind}\"\ncontract = \"0.2.0\"\nsummary = \"A.\"\n\
             license = \"Apache-2.0\"\nauthors = [\"A\"]\n"
        ))
    };
    kinds.into_iter().filter_map(|kind| manifest(kind).ok()).collect()
});

fuzz_target!(|bytes: &[u8]| {
    assert!(!MANIFESTS.is_empty(), "the manifests can be read");
    let shape = shape::Shape::of(bytes);
    for manifest in MANIFESTS.iter() {
        match verify(bytes, manifest) {
            // What is malformed is so for every kind.
            Err(ComponentError::Malformed { .. } | ComponentError::CoreModule) => return,
            Err(_) => {}
            Ok(_) => assert!(shape.is_ok(), "what may be published can be loaded: {shape:?}"),
        }
    }
});
