//! What the index says of one plugin, and how that changes. Nothing here touches a disk: where an index is kept, in a
//! directory or in a database of several hosts, is for whoever keeps it.

use std::fmt;

use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::names::{PluginName, PluginRef};
use semver::Version;

use super::{Deprecation, IndexError, VersionQuery, Wanted};
use crate::package::{self, Package};

/// One version of a plugin, as the index has it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Release {
    /// Which version.
    pub version: Version,
    /// The archive's address.
    pub digest: Digest,
    /// What the plugin is for.
    pub kind: PluginKind,
    /// The version of `macadam:plugin` that it is built for.
    pub contract: Version,
    /// One line for people who choose.
    pub summary: String,
    /// Whether queries pass it over.
    #[serde(default)]
    pub yanked: bool,
    /// What was said of just this version; [`Releases::deprecation`] knows what was said of its plugin, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
    /// When it was published; for a `-dev` version, when it was last published.
    pub published: Timestamp,
}

/// What naming a package in an index has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The version is there now.
    New,
    /// The same bytes were there, and are a `-dev` version that is the most recent one now.
    Later,
    /// Nothing.
    Already,
}

impl Release {
    pub(super) fn of(package: &Package, published: Timestamp) -> Self {
        let manifest = package.manifest();
        Self {
            version: manifest.version.clone(),
            digest: package.digest(),
            kind: manifest.kind,
            contract: manifest.contract.clone(),
            summary: manifest.summary.clone(),
            yanked: false,
            deprecated: None,
            published,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.version, if self.yanked { " (yanked)" } else { "" })
    }
}

/// A plugin's releases, oldest version first, each version once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Releases {
    plugin: PluginName,
    /// What was said of all versions, those to come among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deprecated: Option<Deprecation>,
    releases: Vec<Release>,
}

impl Releases {
    /// Nothing yet.
    #[must_use]
    pub fn none_of(plugin: PluginName) -> Self {
        Self { plugin, deprecated: None, releases: Vec::new() }
    }

    /// Releases that were found in any order.
    pub(super) fn found(plugin: PluginName, mut releases: Vec<Release>) -> Self {
        releases.sort_by(|one, other| one.version.cmp(&other.version));
        Self { plugin, deprecated: None, releases }
    }

    /// Whose releases these are.
    #[must_use]
    pub fn plugin(&self) -> &PluginName {
        &self.plugin
    }

    /// What was said of all versions.
    #[must_use]
    pub fn deprecated(&self) -> Option<&Deprecation> {
        self.deprecated.as_ref()
    }

    /// What holds for one of the releases: what was said of it, or else of its plugin.
    #[must_use]
    pub fn deprecation<'a>(&'a self, release: &'a Release) -> Option<&'a Deprecation> {
        release.deprecated.as_ref().or(self.deprecated.as_ref())
    }

    pub(super) fn deprecated_mut(&mut self) -> &mut Option<Deprecation> {
        &mut self.deprecated
    }

    /// The releases, oldest version first.
    #[must_use]
    pub fn as_slice(&self) -> &[Release] {
        &self.releases
    }

    /// The releases, oldest version first.
    #[must_use]
    pub fn into_vec(self) -> Vec<Release> {
        self.releases
    }

    /// The release that is wanted.
    ///
    /// # Errors
    /// [`IndexError::NoSuchVersion`] says what there is.
    pub fn wanted(&self, wanted: &Wanted) -> Result<&Release, IndexError> {
        wanted.pick(&self.releases).ok_or_else(|| self.lacks(wanted.clone()))
    }

    /// Names a package. A version's bytes never change: the same bytes again are no error, others are. A `-dev` version
    /// that is named again becomes the most recent one.
    ///
    /// # Errors
    /// [`IndexError::VersionTaken`] when the version is there with other bytes.
    pub fn name(&mut self, package: &Package, now: Timestamp) -> Result<Named, IndexError> {
        let plugin = package.reference();
        let Some(there) = self.get_mut(&plugin.version) else {
            self.insert(Release::of(package, now));
            return Ok(Named::New);
        };
        if there.digest != package.digest() {
            let (there, offered) = (there.digest, package.digest());
            return Err(IndexError::VersionTaken { plugin: Box::new(plugin), there, offered });
        }
        if package::is_dev(&plugin.version) && now > there.published {
            there.published = now;
            return Ok(Named::Later);
        }
        Ok(Named::Already)
    }

    /// Takes a version out of what queries find, or puts it back; answers whether that changed anything.
    ///
    /// # Errors
    /// [`IndexError::NoSuchVersion`] says what there is.
    pub fn set_yanked(&mut self, version: &Version, yanked: bool) -> Result<bool, IndexError> {
        let before = self.wanted(&Wanted::Exact(version.clone()))?.yanked;
        if let Some(release) = self.get_mut(version) {
            release.yanked = yanked;
        }
        Ok(before != yanked)
    }

    /// Takes over the releases of another index of the same plugin, as they are there, and answers which are new here.
    /// What is here already stays, but that a `-dev` version may have been published later there; what another index has
    /// under a version with other bytes is left to it.
    pub fn take_over(&mut self, other: &Self) -> Vec<PluginRef> {
        if self.releases.is_empty() {
            self.deprecated.clone_from(&other.deprecated);
        }
        let mut new = Vec::new();
        for release in &other.releases {
            match self.get_mut(&release.version) {
                None => {
                    self.insert(release.clone());
                    new.push(PluginRef { name: self.plugin.clone(), version: release.version.clone() });
                }
                Some(there) if there.digest == release.digest && package::is_dev(&there.version) => {
                    there.published = there.published.max(release.published);
                }
                Some(_) => {}
            }
        }
        new
    }

    /// The same but for some versions.
    #[must_use]
    pub fn without(mut self, versions: &[Version]) -> Self {
        self.releases.retain(|release| !versions.contains(&release.version));
        self
    }

    pub(super) fn lacks(&self, wanted: Wanted) -> IndexError {
        let query = VersionQuery { name: self.plugin.clone(), wanted };
        IndexError::NoSuchVersion { query: Box::new(query), there: self.releases.clone() }
    }

    pub(super) fn has(&self, version: &Version) -> bool {
        self.releases.iter().any(|release| release.version == *version)
    }

    pub(super) fn get_mut(&mut self, version: &Version) -> Option<&mut Release> {
        self.releases.iter_mut().find(|release| release.version == *version)
    }

    pub(super) fn insert(&mut self, release: Release) {
        let place = self.releases.partition_point(|other| other.version < release.version);
        self.releases.insert(place, release);
    }
}
