//! Plugin packages: what a plugin is as a file, when it is accepted, and how a version of it is found.
//!
//! A package is one archive with three files, addressed by the sha256 of its bytes. A [`Package`] value exists only of
//! an archive that was read and checked whole, so whoever holds one never has to ask again whether its manifest is
//! well-formed, whether its component is of the kind it claims to be, or whether it imports what its kind may not have.
//! What a component *does* is not known here; running it is the sandbox's part.
//!
//! | module | what it holds |
//! |---|---|
//! | [`manifest`] | `plugin.toml`: what a plugin says of itself |
//! | [`contract`] | the contract versions that this host knows |
//! | [`component`] | what a component imports and exports, and whether it may |
//! | [`package`] | the archive: packing and reading |
//! | [`index`] | what there is of each plugin and how that changes; a registry in a local directory, with check and repair |
//! | [`oci`] | packages in OCI registries: push and pull |
//! | [`signature`] | who vouches for a package, and whether that is needed |

pub mod component;
pub mod contract;
pub mod index;
pub mod manifest;
mod nearest;
pub mod oci;
pub mod package;
pub mod signature;

pub use component::ComponentError;
pub use index::{
    Deprecation, IndexError, Notice, NoticeError, Published, Registry, Release, Releases, Scope, VersionQuery,
};
pub use manifest::{Capability, Manifest, ManifestError};
pub use oci::OciError;
pub use package::{Expected, PackError, Package, ReadError, Versioning, pack, read};
pub use signature::{Envelope, SignatureError, SignaturePolicy, SigningKey, TrustedKeys, Verified, sign, verify};
