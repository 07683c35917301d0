//! A component, checked against a manifest that asks for everything that its kind may have.
//!
//! Chance hardly writes a component: the seeds are one of each kind and contract, in which nothing is done.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use macadam_registry::component::verify;
use macadam_registry::{ComponentError, Manifest};

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
    for manifest in MANIFESTS.iter() {
        // What is malformed is so for every kind.
        if let Err(ComponentError::Malformed { .. } | ComponentError::CoreModule) = verify(bytes, manifest) {
            return;
        }
    }
});
