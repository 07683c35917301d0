//! Packages: one archive that holds a plugin.
//!
//! `NAMESPACE/NAME-VERSION.tar.gz` holds exactly `README.md`, `plugin.toml` and `plugin.wasm`, in this order, with
//! owner, times and modes that do not depend on who packs: equal contents give equal bytes, and the sha256 of the bytes
//! is the package's address. [`pack`] makes one, [`read()`] takes one from anybody.

mod archive;
mod contents;
mod errors;
mod inflate;
mod pack;
mod read;

use std::fmt;
use std::sync::Arc;

use macadam_core::digest::{Blob, Digest};
use macadam_core::names::PluginRef;

use crate::component::Interfaces;
use crate::manifest::Manifest;
pub use contents::{MAX_MANIFEST, MAX_README, MAX_WASM};
pub use errors::{PackError, ReadError};
pub use inflate::{MAX_PACKED, MAX_RATIO, MAX_UNPACKED};
pub(crate) use pack::assemble;
pub use pack::{Versioning, is_dev, pack};
pub use read::{Expected, read};

/// A plugin whose archive was read whole and found right. Cloning one is cheap.
#[derive(Clone, PartialEq)]
pub struct Package {
    manifest: Manifest,
    manifest_text: String,
    readme: String,
    component: Blob,
    interfaces: Interfaces,
    archive: Arc<[u8]>,
    digest: Digest,
}

impl Package {
    /// The plugin and version.
    #[must_use]
    pub fn reference(&self) -> PluginRef {
        self.manifest.reference()
    }

    /// What the plugin says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The text of `plugin.toml`.
    #[must_use]
    pub fn manifest_text(&self) -> &str {
        &self.manifest_text
    }

    /// The text of `README.md`.
    #[must_use]
    pub fn readme(&self) -> &str {
        &self.readme
    }

    /// The component, with the digest of its bytes by which its compiled code is kept.
    #[must_use]
    pub fn component(&self) -> &Blob {
        &self.component
    }

    /// What the component imports and exports.
    #[must_use]
    pub fn interfaces(&self) -> &Interfaces {
        &self.interfaces
    }

    /// The archive's bytes.
    #[must_use]
    pub fn archive(&self) -> &Arc<[u8]> {
        &self.archive
    }

    /// The digest of the archive's bytes, which is the package's address.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Where the package is kept in a registry: `NAMESPACE/NAME-VERSION.tar.gz`.
    #[must_use]
    pub fn path(&self) -> String {
        path_of(&self.reference())
    }
}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Package({} {})", self.reference(), self.digest)
    }
}

/// Where a package is kept in a registry: `NAMESPACE/NAME-VERSION.tar.gz`. A name has no dots and a version starts with
/// a number and a dot, so no two packages share a path.
pub(crate) fn path_of(PluginRef { name, version }: &PluginRef) -> String {
    format!("{}/{}-{version}.tar.gz", name.namespace(), name.name())
}
