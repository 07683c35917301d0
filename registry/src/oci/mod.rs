//! Packages in OCI registries, beside the container images that a team has there already.
//!
//! A plugin is pushed as what the WebAssembly ecosystem pushes (the CNCF's "Wasm OCI Artifact Layout", which `wkg` and
//! Spin read): an image manifest whose configuration is `application/vnd.wasm.config.v0+json` and whose only layer is the
//! component, `application/wasm`. Whoever knows nothing of Macadam pulls a component that runs. What else belongs to a
//! package refers to that manifest, as OCI 1.1 has it:
//!
//! ```text
//! REPOSITORY:VERSION ──▶ component     config, plugin.wasm        annotation: the digest of the whole package
//!                           ▲
//!                           ├── plugin      plugin.toml, README.md
//!                           └── signatures  a DSSE envelope       one referrer for each push of signatures
//! ```
//!
//! **A digest says it all.** Anybody who may push can add a referrer, so nothing is believed for being one: the manifest
//! names the digest of the package, and a pull makes the archive again from the pieces, which gives the same
//! bytes as packing always does, and takes it only if it has that digest. So who asks for a manifest by its digest gets
//! one package or an error, whatever the registry or its other users do. Every piece is compared with its descriptor,
//! and no more of it is read than that says, which itself is bounded.
//!
//! Referrers are asked for with the referrers API; a registry that has none gets and is asked for the index under the
//! tag `sha256-DIGEST` instead, as the specification's fallback says.
//!
//! The client is small and written here because the one that `wkg` uses reads manifests of any size into memory, and
//! would bring a second HTTP stack with a C library for its cryptography. All calls block.
//!
//! OCI: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>,
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>; the layout:
//! <https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>.

mod auth;
mod errors;
mod http;
mod layout;
mod manifest;
mod pull;
mod push;
mod reference;
mod referrers;
mod remote;

pub use auth::{Credentials, Secret};
pub use errors::OciError;
pub use layout::{PACKAGE_DIGEST, media};
pub use pull::Pulled;
pub use push::Pushed;
pub use reference::{Reference, ReferenceError, Repository, Target};
pub use referrers::ReferrersVia;
pub use remote::{Remote, Transport};
