//! A registry in a local directory: packages that never change, and an index that says which there are.
//!
//! ```text
//! packages/NAMESPACE/NAME-VERSION.tar.gz    the archives
//! packages/NAMESPACE/NAME-VERSION.dsse.json the signatures, where there are some
//! index/NAMESPACE/NAME.json                 the releases of one plugin
//! index/NAMESPACE/NAME.lock                 held by whoever changes them
//! lost/TIME/…                               what a repair has set aside
//! ```
//!
//! The index is the truth: a version exists from the moment its index names it. Publishing writes the archive first and
//! the index second, each to a temporary file that is synced and then renamed, so that a reader sees the index before
//! or after and never between, and a crash leaves at most an archive that nobody sees and the next publisher replaces.
//! Publishers of one plugin wait for each other, in this process and in others; readers wait for nobody.
//!
//! A version can be yanked, which hides it from queries, and deprecated, which only says something of it.
//!
//! Signatures are kept, not judged: whose count is the host's to say ([`crate::signature`]). What a disk or a hand has
//! put out of order, [`Registry::check`] names and [`Registry::repair`] mends as far as that needs nobody's word.
//!
//! All calls block on the disk. Times come in as arguments.

mod check;
mod deprecation;
mod errors;
mod files;
mod query;
mod release;
mod repair;
mod scope;
mod signatures;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::names::{PluginName, PluginRef};
use semver::Version;

pub use check::{Disagreement, LEFTOVER_AGE};
pub use deprecation::{Deprecation, MAX_MESSAGE, Notice, NoticeError};
pub use errors::IndexError;
use errors::at;
use files::{Lock, ensure_directory, read_if_there, write_whole};
pub use query::{QueryError, VersionQuery, Wanted};
pub use release::{Named, Release, Releases};
pub use repair::{Outcome, Repair};
pub use scope::{Scope, ScopeError};
pub use signatures::join_signatures;

use crate::package::{self, Expected, Package};

/// How the name of an archive's file ends.
const ARCHIVE: &str = ".tar.gz";
/// How the name of an envelope's file ends.
const SIGNATURE: &str = ".dsse.json";

/// A registry in a directory.
#[derive(Debug, Clone)]
pub struct Registry {
    root: PathBuf,
}

/// How a package was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is there now.
    New,
    /// The same bytes were there already.
    Already,
}

impl Registry {
    /// Opens a registry, making its directories if they are not there.
    ///
    /// # Errors
    /// [`IndexError::Io`] when the directories cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, IndexError> {
        let registry = Self { root: root.into() };
        for directory in ["packages", "index"] {
            ensure_directory(&registry.root.join(directory))?;
        }
        Ok(registry)
    }

    /// A registry that is there already and is only read, such as one on a read-only disk. Nothing is looked at yet.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Publishes a package. A version's bytes never change: the same bytes again are a success, others are refused. A
    /// `-dev` version that is published again becomes the most recent one.
    ///
    /// # Errors
    /// [`IndexError::VersionTaken`] when the version is there with other bytes, [`IndexError::Io`] when the disk fails.
    pub fn publish(&self, package: &Package, now: Timestamp) -> Result<Published, IndexError> {
        let plugin = package.reference();
        let _lock = self.lock(&plugin.name)?;
        let mut releases = self.read_index(&plugin.name)?.unwrap_or_else(|| Releases::none_of(plugin.name.clone()));
        match releases.name(package, now)? {
            Named::New => {
                self.write_package(package)?;
                self.write_index(&releases)?;
                return Ok(Published::New);
            }
            Named::Later => self.write_index(&releases)?,
            Named::Already => {}
        }
        self.restore(package)?;
        Ok(Published::Already)
    }

    /// Every plugin with its releases, in the order of their names.
    ///
    /// # Errors
    /// [`IndexError::Io`] and [`IndexError::Corrupt`] when an index cannot be read.
    pub fn list(&self) -> Result<Vec<Releases>, IndexError> {
        self.names()?.iter().filter_map(|name| self.read_index(name).transpose()).collect()
    }

    /// The releases of a plugin, oldest version first.
    ///
    /// # Errors
    /// [`IndexError::UnknownPlugin`] says which plugins there are.
    pub fn versions(&self, name: &PluginName) -> Result<Vec<Release>, IndexError> {
        Ok(self.releases(name)?.into_vec())
    }

    /// The release that a query names.
    ///
    /// # Errors
    /// [`IndexError::UnknownPlugin`] and [`IndexError::NoSuchVersion`] say what there is.
    pub fn resolve(&self, query: &VersionQuery) -> Result<(PluginRef, Release), IndexError> {
        let releases = self.releases(&query.name)?;
        let release = releases.wanted(&query.wanted)?.clone();
        Ok((PluginRef { name: query.name.clone(), version: release.version.clone() }, release))
    }

    /// A release's package, read again and compared with the digest in the index. A yanked one can still be had.
    ///
    /// # Errors
    /// [`IndexError::Package`] when the archive is not the one that was published.
    pub fn fetch(&self, name: &PluginName, version: &Version) -> Result<Package, IndexError> {
        let (plugin, release) = self.release(name, version)?;
        self.read_package(&plugin, &release)
    }

    /// Takes a version out of what queries find; whoever names it exactly still gets it.
    ///
    /// # Errors
    /// [`IndexError::UnknownPlugin`] and [`IndexError::NoSuchVersion`] say what there is.
    pub fn yank(&self, name: &PluginName, version: &Version) -> Result<(), IndexError> {
        self.set_yanked(name, version, true)
    }

    /// Undoes [`Registry::yank`].
    ///
    /// # Errors
    /// As for [`Registry::yank`].
    pub fn unyank(&self, name: &PluginName, version: &Version) -> Result<(), IndexError> {
        self.set_yanked(name, version, false)
    }

    fn set_yanked(&self, name: &PluginName, version: &Version, yanked: bool) -> Result<(), IndexError> {
        // A name that nobody has published must not leave a lock file behind.
        self.releases(name)?;
        let _lock = self.lock(name)?;
        let mut releases = self.releases(name)?;
        releases.set_yanked(version, yanked)?;
        self.write_index(&releases)
    }

    /// One version, whether it was yanked or not.
    fn release(&self, name: &PluginName, version: &Version) -> Result<(PluginRef, Release), IndexError> {
        self.resolve(&VersionQuery { name: name.clone(), wanted: Wanted::Exact(version.clone()) })
    }

    fn read_package(&self, plugin: &PluginRef, release: &Release) -> Result<Package, IndexError> {
        let path = self.package_path(plugin);
        let file = fs::File::open(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => IndexError::ArchiveGone { plugin: Box::new(plugin.clone()) },
            _ => at(&path)(error),
        })?;
        let expected = Expected { plugin: Some(plugin.clone()), digest: Some(release.digest) };
        package::read(file, &expected)
            .map_err(|source| IndexError::Package { plugin: Box::new(plugin.clone()), source: Box::new(source) })
    }

    /// Puts an archive back that was published and is gone or damaged.
    fn restore(&self, package: &Package) -> Result<(), IndexError> {
        let path = self.package_path(&package.reference());
        let there = read_if_there(&path)?.is_some_and(|bytes| Digest::of(&bytes) == package.digest());
        if there { Ok(()) } else { self.write_package(package) }
    }

    /// The releases of a plugin, with what was said of all of them.
    ///
    /// # Errors
    /// [`IndexError::UnknownPlugin`] says which plugins there are.
    pub fn releases(&self, name: &PluginName) -> Result<Releases, IndexError> {
        if let Some(releases) = self.read_index(name)? {
            return Ok(releases);
        }
        Err(IndexError::unknown(name.clone(), self.names()?))
    }

    /// The names of the plugins that have an index; other files in its directory are nobody's business.
    ///
    /// # Errors
    /// [`IndexError::Io`] when the directory cannot be read.
    pub fn names(&self) -> Result<Vec<PluginName>, IndexError> {
        let (mut names, index) = (Vec::new(), self.root.join("index"));
        if !index.is_dir() {
            return Ok(names);
        }
        for (namespace, path) in files::entries(&index)? {
            if !path.is_dir() {
                continue;
            }
            for (file, _) in files::entries(&path)? {
                let name = file.strip_suffix(".json").map(|name| PluginName::new(format!("{namespace}/{name}")));
                names.extend(name.and_then(Result::ok));
            }
        }
        names.sort();
        Ok(names)
    }

    fn read_index(&self, name: &PluginName) -> Result<Option<Releases>, IndexError> {
        let path = self.index_path(name, "json");
        let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
        let corrupt = |reason: String| IndexError::Corrupt { path: path.clone(), reason };
        let releases: Releases = serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
        match releases.plugin() == name {
            true => Ok(Some(releases)),
            false => Err(corrupt(format!("it is the index of {}", releases.plugin()))),
        }
    }

    fn write_index(&self, releases: &Releases) -> Result<(), IndexError> {
        let path = self.index_path(releases.plugin(), "json");
        let text = serde_json::to_vec_pretty(releases)
            .map_err(|error| IndexError::Corrupt { path: path.clone(), reason: error.to_string() })?;
        write_whole(&path, &text)
    }

    fn write_package(&self, package: &Package) -> Result<(), IndexError> {
        write_whole(&self.package_path(&package.reference()), package.archive())
    }

    fn lock(&self, name: &PluginName) -> Result<Lock, IndexError> {
        Lock::take(&self.index_path(name, "lock"))
    }

    fn package_path(&self, plugin: &PluginRef) -> PathBuf {
        self.root.join("packages").join(package::path_of(plugin))
    }

    fn signature_path(&self, plugin: &PluginRef) -> PathBuf {
        let PluginRef { name, version } = plugin;
        let file = format!("{}-{version}{SIGNATURE}", name.name());
        self.root.join("packages").join(name.namespace()).join(file)
    }

    fn index_path(&self, name: &PluginName, extension: &str) -> PathBuf {
        self.root.join("index").join(Path::new(name.namespace())).join(format!("{}.{extension}", name.name()))
    }
}
