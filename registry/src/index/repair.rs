//! Mending a registry without inventing anybody's word.
//!
//! A repair never makes something available that nobody has published, and never deletes what somebody has: files that
//! no index names go to `lost/TIME/`, where they can be looked at and published again. An index that cannot be read is
//! made again from its archives, but what only it knew is gone: which releases were yanked, and which bytes were
//! published. What it says of deprecations is kept as far as it can be read, since that decides nothing. So every release comes back yanked: who names it exactly still gets it, with its signature verified as
//! ever, and a range finds it once somebody has looked at it and un-yanked it.
//!
//! Signatures that cannot be used stay where they are and go on being refused. Taking them away would turn a package
//! that somebody has signed into one that nobody has.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use macadam_core::names::{PluginName, PluginRef};
use semver::Version;
use serde::Deserialize as _;
use serde_json::Value;

use super::check::{Named, named};
use super::errors::at;
use super::files::{self, ensure_parent};
use super::{Deprecation, Disagreement, IndexError, Registry, Release, Releases};
use crate::package::{self, Expected};

/// What a repair found and what it did about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What it found.
    pub found: Disagreement,
    /// What it did.
    pub outcome: Outcome,
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The index was made again from the archives, each release yanked.
    Rebuilt {
        /// How many releases it has now.
        releases: usize,
    },
    /// The file was moved away.
    SetAside {
        /// Where it is now.
        path: PathBuf,
    },
    /// The file was deleted.
    Removed,
    /// Somebody else has seen to it meanwhile.
    Settled,
    /// Only a person can mend it.
    Left {
        /// How.
        remedy: &'static str,
    },
}

impl Registry {
    /// Mends what [`Registry::check`] finds, as far as that needs nobody's word; publishers may go on meanwhile.
    ///
    /// # Errors
    /// [`IndexError::Io`] when the disk fails; what was mended before stays so.
    pub fn repair(&self, now: Timestamp) -> Result<Vec<Repair>, IndexError> {
        let mend = |found: Disagreement| Ok(Repair { outcome: self.mend(&found, now)?, found });
        self.check(now)?.into_iter().map(mend).collect()
    }

    fn mend(&self, found: &Disagreement, now: Timestamp) -> Result<Outcome, IndexError> {
        match found {
            Disagreement::IndexUnreadable { plugin, .. } => self.rebuild(plugin, now),
            Disagreement::ArchiveUnnamed { plugin, path } | Disagreement::SignatureUnnamed { plugin, path } => {
                let _lock = self.lock(&plugin.name)?;
                // Somebody may have published it since it was found.
                if self.index_lacks(plugin)? { self.set_aside(path, now) } else { Ok(Outcome::Settled) }
            }
            Disagreement::Leftover { path } => match fs::remove_file(path) {
                Ok(()) => Ok(Outcome::Removed),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Outcome::Settled),
                Err(error) => Err(at(path)(error)),
            },
            Disagreement::ArchiveGone { .. } | Disagreement::ArchiveDamaged { .. } => {
                Ok(Outcome::Left { remedy: "publish the same package again, which puts it back" })
            }
            Disagreement::SignatureDamaged { .. } => Ok(Outcome::Left { remedy: "sign the package again" }),
        }
    }

    fn rebuild(&self, plugin: &PluginName, now: Timestamp) -> Result<Outcome, IndexError> {
        let _lock = self.lock(plugin)?;
        if !matches!(self.read_index(plugin), Err(IndexError::Corrupt { .. })) {
            return Ok(Outcome::Settled);
        }
        let path = self.index_path(plugin, "json");
        let mut releases = Releases::found(plugin.clone(), self.releases_on_disk(plugin)?);
        keep_deprecations(&mut releases, &files::read_if_there(&path)?.unwrap_or_default());
        let count = releases.as_slice().len();
        if count == 0 {
            return Ok(Outcome::Left { remedy: "none of its archives can be read; put the index back from a backup" });
        }
        self.copy_aside(&path, now)?;
        self.write_index(&releases)?;
        Ok(Outcome::Rebuilt { releases: count })
    }

    /// The releases that a plugin's archives tell of.
    fn releases_on_disk(&self, name: &PluginName) -> Result<Vec<Release>, IndexError> {
        let directory = self.root.join("packages").join(name.namespace());
        if !directory.is_dir() {
            return Ok(Vec::new());
        }
        let mut releases = Vec::new();
        for (file, path) in files::entries(&directory)? {
            match named(name.namespace(), &file) {
                Named::Archive(plugin) if plugin.name == *name => releases.extend(release_of(&path, plugin)?),
                _ => {}
            }
        }
        Ok(releases)
    }

    fn set_aside(&self, path: &Path, now: Timestamp) -> Result<Outcome, IndexError> {
        let place = self.lost(path, now)?;
        fs::rename(path, &place).map_err(at(path))?;
        Ok(Outcome::SetAside { path: place })
    }

    /// A copy, so that at no moment there is no index: a plugin without one can be published anew.
    fn copy_aside(&self, path: &Path, now: Timestamp) -> Result<(), IndexError> {
        let place = self.lost(path, now)?;
        fs::copy(path, &place).map(drop).map_err(at(path))
    }

    fn lost(&self, path: &Path, now: Timestamp) -> Result<PathBuf, IndexError> {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let place = self.root.join("lost").join(now.as_second().to_string()).join(relative);
        ensure_parent(&place)?;
        Ok(place)
    }
}

/// Takes over what a damaged index says of deprecations: all that is well-formed of them.
fn keep_deprecations(releases: &mut Releases, damaged: &[u8]) {
    let Ok(damaged) = serde_json::from_slice::<Value>(damaged) else { return };
    let said = |of: &Value| of.get("deprecated").and_then(|said| Deprecation::deserialize(said).ok());
    *releases.deprecated_mut() = said(&damaged);
    for there in damaged.get("releases").and_then(Value::as_array).into_iter().flatten() {
        let version = there.get("version").and_then(|version| Version::deserialize(version).ok());
        if let Some(release) = version.and_then(|version| releases.get_mut(&version)) {
            release.deprecated = said(there);
        }
    }
}

/// An archive as a release that no query finds; none if the archive is not one.
fn release_of(path: &Path, plugin: PluginRef) -> Result<Option<Release>, IndexError> {
    let file = fs::File::open(path).map_err(at(path))?;
    let written = file.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let published = Timestamp::try_from(written).unwrap_or(Timestamp::UNIX_EPOCH);
    let expected = Expected { plugin: Some(plugin), digest: None };
    let package = package::read(file, &expected).ok();
    Ok(package.map(|package| Release { yanked: true, ..Release::of(&package, published) }))
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rebuilt { releases } => {
                write!(f, "made again with {releases} releases, all yanked; un-yank those that are to be found")
            }
            Self::SetAside { path } => write!(f, "set aside as {}", path.display()),
            Self::Removed => f.write_str("removed"),
            Self::Settled => f.write_str("settled meanwhile"),
            Self::Left { remedy } => write!(f, "left as it is: {remedy}"),
        }
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.found, self.outcome)
    }
}
