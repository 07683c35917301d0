//! What the index says of one plugin.

use std::fmt;

use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::names::PluginName;
use semver::Version;

use super::Deprecation;
use crate::package::Package;

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
    pub(super) fn none_of(plugin: PluginName) -> Self {
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
