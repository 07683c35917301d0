//! The index of plugin packages: which versions of which plugin there are, and who has signed them.
//!
//! What the index says of one plugin is a *document* that the store does not look into, with a revision that counts its
//! changes; signatures are kept beside it, by version. A change names the revision that it starts from, so of two who
//! publish at once the second looks again, and it brings the audit entry of what it does: both are kept or neither is.
//! The packages themselves are blobs, and are there before the index names them.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::canonical::CanonicalJson;
use macadam_core::names::{PluginName, PluginRef};
use semver::Version;

use crate::{NewAuditEntry, StoreError};

/// What the index says of one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageIndexRecord {
    /// Which plugin.
    pub plugin: PluginName,
    /// How often this was changed.
    pub revision: u64,
    /// Its releases.
    pub document: CanonicalJson,
}

/// A change of what the index says of one plugin.
#[derive(Debug, Clone)]
pub struct PackageIndexChange {
    /// Which plugin.
    pub plugin: PluginName,
    /// The revision that was looked at; `None` when there was nothing.
    pub expected: Option<u64>,
    /// What it is to say.
    pub document: CanonicalJson,
    /// Versions whose signatures are to be these from now on.
    pub signatures: Vec<(Version, Vec<u8>)>,
    /// What the audit log keeps of it; nothing for what nobody has set about.
    pub entry: Option<NewAuditEntry>,
}

/// Why the index was not changed; nothing was.
#[derive(Debug, thiserror::Error)]
pub enum PackageIndexError {
    /// Somebody else has changed it since it was looked at.
    #[error("the index of {plugin} was changed meanwhile; look at it again")]
    Conflict {
        /// Which plugin.
        plugin: PluginName,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The index of plugin packages.
#[async_trait]
pub trait PackageIndex: Send + Sync {
    /// What is said of one plugin.
    async fn package_index(&self, plugin: &PluginName) -> Result<Option<PackageIndexRecord>, StoreError>;

    /// What is said of every plugin, by name.
    async fn package_indexes(&self) -> Result<Vec<PackageIndexRecord>, StoreError>;

    /// The names of all plugins, in order.
    async fn package_names(&self) -> Result<Vec<PluginName>, StoreError>;

    /// The signatures of a version, if it has some.
    async fn package_signatures(&self, plugin: &PluginRef) -> Result<Option<Vec<u8>>, StoreError>;

    /// Changes what is said of one plugin, and answers with its new revision.
    ///
    /// # Errors
    /// [`PackageIndexError::Conflict`] when it is not what was looked at.
    async fn change_package_index(&self, change: &PackageIndexChange, now: Timestamp)
    -> Result<u64, PackageIndexError>;
}
