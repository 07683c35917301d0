//! The packages that there are: the index in the store, the packages themselves among the blobs.
//!
//! Every host on one database and one place of blobs has the same ones. A package is put among the blobs before the
//! index names it, and what the index says of a plugin is changed from the revision that was looked at, together with its
//! audit entry: of two who publish at once the second looks again. What was made the same way in a registry's directory
//! is taken over ([`Packages::take_over`]).

mod change;
mod take_over;

use std::sync::Arc;

use macadam_blobs::{BlobError, Blobs};
use macadam_core::digest::Digest;
use macadam_core::names::{PluginName, PluginRef};
use macadam_registry::index::Wanted;
use macadam_registry::signature::Envelope;
use macadam_registry::{Deprecation, Expected, IndexError, Package, Release, Releases, Scope, VersionQuery, read};
use macadam_store::{Store, StoreError};
use tokio::task::JoinError;

pub(super) use change::Account;
pub use take_over::TakenOver;

/// The packages that there are. Cheap to clone.
#[derive(Clone)]
pub struct Packages {
    store: Arc<dyn Store>,
    blobs: Blobs,
}

/// Why packages are not what somebody asked for.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// The index refuses.
    #[error(transparent)]
    Registry(#[from] IndexError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The package cannot be had.
    #[error("the package of {plugin} cannot be had: {source}")]
    Blob {
        /// Which.
        plugin: Box<PluginRef>,
        /// Why.
        source: Box<BlobError>,
    },
    /// What is kept of a plugin is not what this program writes.
    #[error("the index of {plugin} cannot be read: {reason}; restore the database from a backup")]
    Unreadable {
        /// Which.
        plugin: PluginName,
        /// What is wrong.
        reason: String,
    },
    /// Others were always faster.
    #[error("the index of {plugin} changes all the time; try again")]
    Busy {
        /// Which.
        plugin: PluginName,
    },
    /// The work was cut off.
    #[error("the work on the packages was cut off: {0}")]
    CutOff(#[from] JoinError),
}

impl PackagesError {
    /// Whether there is no such plugin or version.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Registry(IndexError::UnknownPlugin { .. } | IndexError::NoSuchVersion { .. }))
    }

    /// Whether the place of the packages cannot be reached, so that the same may work a little later.
    #[must_use]
    pub fn is_out_of_reach(&self) -> bool {
        matches!(self, Self::Blob { source, .. } if matches!(**source, BlobError::Failed { .. }))
    }

    /// Whether the same may work a little later, since something is out of reach or busy.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Store(error) => error.passes(),
            Self::Busy { .. } => true,
            _ => self.is_out_of_reach(),
        }
    }

    fn blob(plugin: PluginRef, source: BlobError) -> Self {
        Self::Blob { plugin: Box::new(plugin), source: Box::new(source) }
    }
}

impl Packages {
    /// The packages in a store and a place of blobs.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, blobs: Blobs) -> Self {
        Self { store, blobs }
    }

    /// The packages that the index names: yanked ones too, since whoever names one exactly gets it.
    pub(crate) async fn in_use(&self) -> Result<Vec<Digest>, PackagesError> {
        let mut all = Vec::new();
        for record in self.store.package_indexes().await? {
            let releases: Releases = record.document.read().map_err(|error| unreadable(&record.plugin, &error))?;
            all.extend(releases.as_slice().iter().map(|release| release.digest));
        }
        Ok(all)
    }

    /// The release that a query names.
    ///
    /// # Errors
    /// [`IndexError::UnknownPlugin`] and [`IndexError::NoSuchVersion`] say what there is.
    pub async fn resolve(&self, query: &VersionQuery) -> Result<(PluginRef, Release), PackagesError> {
        let release = self.releases(&query.name).await?.wanted(&query.wanted)?.clone();
        Ok((PluginRef { name: query.name.clone(), version: release.version.clone() }, release))
    }

    /// One version's release, if it is there; one that was yanked is.
    ///
    /// # Errors
    /// [`PackagesError`] when the index cannot be read.
    pub async fn release(&self, plugin: &PluginRef) -> Result<Option<Release>, PackagesError> {
        match self.resolve(&exactly(plugin)).await {
            Ok((_, release)) => Ok(Some(release)),
            Err(error) if error.is_unknown() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A plugin's releases, oldest version first.
    ///
    /// # Errors
    /// As for [`Packages::releases`].
    pub async fn versions(&self, name: &PluginName) -> Result<Vec<Release>, PackagesError> {
        self.releases(name).await.map(Releases::into_vec)
    }

    /// A plugin's releases, with what was said of all of them.
    ///
    /// # Errors
    /// [`IndexError::UnknownPlugin`] says which plugins there are.
    pub async fn releases(&self, name: &PluginName) -> Result<Releases, PackagesError> {
        match self.looked_up(name).await? {
            (Some(_), releases) => Ok(releases),
            (None, _) => Err(IndexError::unknown(name.clone(), self.store.package_names().await?).into()),
        }
    }

    /// A version's package, compared with the digest in the index. A yanked one can still be had.
    ///
    /// # Errors
    /// [`PackagesError::Blob`] when it is gone, damaged or out of reach.
    pub async fn fetch(&self, plugin: &PluginRef) -> Result<Package, PackagesError> {
        let (plugin, release) = self.resolve(&exactly(plugin)).await?;
        let failed = |source| PackagesError::blob(plugin.clone(), source);
        let bytes = self.blobs.get(&release.digest).await.map_err(failed)?;
        let expected = Expected { plugin: Some(plugin.clone()), digest: Some(release.digest) };
        let package = tokio::task::spawn_blocking(move || read(bytes.as_ref(), &expected)).await?;
        let refused = |source| IndexError::Package { plugin: Box::new(plugin), source: Box::new(source) };
        Ok(package.map_err(refused)?)
    }

    /// The signatures of a version, if it has some.
    ///
    /// # Errors
    /// [`IndexError::Envelope`] when they cannot be read: they are not taken for absent, since somebody has signed.
    pub async fn signature(&self, plugin: &PluginRef) -> Result<Option<Envelope>, PackagesError> {
        let Some(bytes) = self.store.package_signatures(plugin).await? else { return Ok(None) };
        let refused = |source| IndexError::Envelope { plugin: Box::new(plugin.clone()), source: Box::new(source) };
        Ok(Some(Envelope::from_bytes(&bytes).map_err(refused)?))
    }

    /// The notice that holds for a plugin, or for a version: its own or its plugin's.
    ///
    /// # Errors
    /// [`IndexError::UnknownPlugin`] and [`IndexError::NoSuchVersion`] say what there is.
    pub async fn deprecation(&self, scope: &Scope) -> Result<Option<Deprecation>, PackagesError> {
        Ok(self.releases(&scope.name).await?.holds_for(scope)?.cloned())
    }

    /// The versions that some queries name, each with the notice that holds for it; nothing where none does, and where
    /// nobody can say: a notice is advice, and what it is about must not fail for want of it.
    pub async fn deprecated(&self, queries: Vec<VersionQuery>) -> Vec<Option<(PluginRef, Deprecation)>> {
        let mut all = Vec::with_capacity(queries.len());
        for query in queries {
            let found = self.releases(&query.name).await;
            all.push(match found {
                Ok(releases) => said_of(&releases, &query),
                Err(error) => {
                    tracing::debug!(%query, %error, "nobody can say whether it is deprecated");
                    None
                }
            });
        }
        all
    }

    /// What is said of a plugin, and at which revision; nothing at no revision.
    async fn looked_up(&self, name: &PluginName) -> Result<(Option<u64>, Releases), PackagesError> {
        match self.store.package_index(name).await? {
            None => Ok((None, Releases::none_of(name.clone()))),
            Some(record) => {
                let releases = record.document.read().map_err(|error| unreadable(name, &error))?;
                Ok((Some(record.revision), releases))
            }
        }
    }
}

impl std::fmt::Debug for Packages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packages").field("blobs", &self.blobs.place()).finish_non_exhaustive()
    }
}

fn exactly(plugin: &PluginRef) -> VersionQuery {
    VersionQuery { name: plugin.name.clone(), wanted: Wanted::Exact(plugin.version.clone()) }
}

fn unreadable(plugin: &PluginName, error: &serde_json::Error) -> PackagesError {
    PackagesError::Unreadable { plugin: plugin.clone(), reason: error.to_string() }
}

fn said_of(releases: &Releases, query: &VersionQuery) -> Option<(PluginRef, Deprecation)> {
    let release = query.wanted.pick(releases.as_slice())?;
    let plugin = PluginRef { name: query.name.clone(), version: release.version.clone() };
    releases.deprecation(release).map(|said| (plugin, said.clone()))
}

#[cfg(test)]
mod tests;
