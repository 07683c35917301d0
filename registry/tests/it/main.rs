//! What the registry promises, proved from outside with real components and hostile archives.
#![allow(clippy::unwrap_used, reason = "a helper that cannot do its part must end the test")]
#![allow(clippy::expect_used, reason = "a helper that cannot do its part must end the test")]
#![allow(clippy::panic, reason = "a helper that cannot do its part must end the test")]
#![allow(clippy::indexing_slicing, reason = "a helper that cannot do its part must end the test")]

mod components;
mod deprecations;
#[cfg(feature = "keyless")]
mod keyless;
#[cfg(not(feature = "keyless"))]
mod keyless_not_built;
mod local_registry;
mod manifests;
mod oci;
mod packing;
mod refusals;
mod repairs;
mod resolution;
mod robustness;
mod signatures;
mod support;
