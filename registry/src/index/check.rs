//! Looking whether index, archives and signatures agree.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use macadam_core::names::{PluginName, PluginRef};

use super::errors::at;
use super::{ARCHIVE, IndexError, Registry, Release, SIGNATURE, files};
use crate::signature::Statement;

/// From what age on a file that nobody finished is taken for left over: no upload takes an hour, and one that is being
/// written now must not be taken away from under its writer.
pub const LEFTOVER_AGE: Duration = Duration::from_secs(3600);

/// Something on which index and files do not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disagreement {
    /// An index cannot be read, so that nobody can say which releases the plugin has.
    IndexUnreadable {
        /// Whose index it is.
        plugin: PluginName,
        /// What is wrong with it.
        reason: String,
    },
    /// An index names a release whose archive is not there.
    ArchiveGone {
        /// Which release.
        plugin: PluginRef,
    },
    /// An archive is not the one that was published, or not one that this host takes any more.
    ArchiveDamaged {
        /// Which release.
        plugin: PluginRef,
        /// What is wrong with it.
        reason: String,
    },
    /// No index names an archive, as when a publisher died between the two.
    ArchiveUnnamed {
        /// Which release it would be.
        plugin: PluginRef,
        /// Where it is.
        path: PathBuf,
    },
    /// The signatures beside an archive cannot be read, or are those of another package.
    SignatureDamaged {
        /// Which release.
        plugin: PluginRef,
        /// What is wrong with them.
        reason: String,
    },
    /// There are signatures of a release that no index names.
    SignatureUnnamed {
        /// Which release it would be.
        plugin: PluginRef,
        /// Where they are.
        path: PathBuf,
    },
    /// A file that somebody began to write and never finished.
    Leftover {
        /// Where it is.
        path: PathBuf,
    },
}

/// What a file in `packages/` is by its name.
pub(super) enum Named {
    Archive(PluginRef),
    Signature(PluginRef),
    Unfinished,
    /// Not one that this registry writes, and so nobody's business.
    Other,
}

impl Registry {
    /// Everything on which index, archives and signatures do not agree. Every archive is read whole, so this takes a
    /// while on a large registry; it changes nothing, and publishers may go on.
    ///
    /// # Errors
    /// [`IndexError::Io`] when the disk does not let it look.
    pub fn check(&self, now: Timestamp) -> Result<Vec<Disagreement>, IndexError> {
        let mut found = Vec::new();
        for name in self.names()? {
            match self.read_index(&name) {
                Ok(Some(releases)) => {
                    for release in releases.as_slice() {
                        let plugin = PluginRef { name: name.clone(), version: release.version.clone() };
                        found.extend(self.check_release(plugin, release)?);
                    }
                }
                // Gone since the names were read.
                Ok(None) => {}
                Err(IndexError::Corrupt { reason, .. }) => {
                    found.push(Disagreement::IndexUnreadable { plugin: name, reason });
                }
                Err(error) => return Err(error),
            }
        }
        self.check_files(now, &mut found)?;
        Ok(found)
    }

    fn check_release(&self, plugin: PluginRef, release: &Release) -> Result<Option<Disagreement>, IndexError> {
        let package = match self.read_package(&plugin, release) {
            Ok(package) => package,
            Err(IndexError::ArchiveGone { .. }) => return Ok(Some(Disagreement::ArchiveGone { plugin })),
            Err(IndexError::Package { source, .. }) => {
                return Ok(Some(Disagreement::ArchiveDamaged { plugin, reason: source.to_string() }));
            }
            Err(error) => return Err(error),
        };
        let reason = match self.read_signature(&plugin) {
            Ok(None) => return Ok(None),
            Ok(Some(envelope)) => match envelope.statement().difference(&Statement::of(&package)) {
                None => return Ok(None),
                Some(difference) => format!("they are those of {difference}"),
            },
            Err(IndexError::Envelope { source, .. }) => source.to_string(),
            Err(error) => return Err(error),
        };
        Ok(Some(Disagreement::SignatureDamaged { plugin, reason }))
    }

    fn check_files(&self, now: Timestamp, found: &mut Vec<Disagreement>) -> Result<(), IndexError> {
        for folder in ["packages", "index"] {
            for (namespace, directory) in files::entries(&self.root.join(folder))? {
                if !directory.is_dir() {
                    continue;
                }
                for (file, path) in files::entries(&directory)? {
                    found.extend(self.check_file(&named(&namespace, &file), path, now)?);
                }
            }
        }
        Ok(())
    }

    fn check_file(&self, named: &Named, path: PathBuf, now: Timestamp) -> Result<Option<Disagreement>, IndexError> {
        Ok(match named {
            Named::Archive(plugin) if self.is_unnamed(plugin)? => {
                Some(Disagreement::ArchiveUnnamed { plugin: plugin.clone(), path })
            }
            Named::Signature(plugin) if self.is_unnamed(plugin)? => {
                Some(Disagreement::SignatureUnnamed { plugin: plugin.clone(), path })
            }
            Named::Unfinished if is_left_over(&path, now)? => Some(Disagreement::Leftover { path }),
            _ => None,
        })
    }

    /// Whether no index names a release, and none that cannot be read could have. Waits for whoever is publishing the
    /// plugin, who writes the archive before the index.
    fn is_unnamed(&self, plugin: &PluginRef) -> Result<bool, IndexError> {
        if self.index_lacks(plugin)? {
            let _lock = self.lock(&plugin.name)?;
            return self.index_lacks(plugin);
        }
        Ok(false)
    }

    pub(super) fn index_lacks(&self, plugin: &PluginRef) -> Result<bool, IndexError> {
        match self.read_index(&plugin.name) {
            Ok(Some(releases)) => Ok(!releases.has(&plugin.version)),
            Ok(None) => Ok(true),
            Err(IndexError::Corrupt { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What a file is by its name and that of the directory it is in.
pub(super) fn named(namespace: &str, file: &str) -> Named {
    if file.starts_with(files::TEMPORARY) || file.ends_with(".part") {
        return Named::Unfinished;
    }
    let archive = file.strip_suffix(ARCHIVE).and_then(|stem| release_of(namespace, stem)).map(Named::Archive);
    let signature = || file.strip_suffix(SIGNATURE).and_then(|stem| release_of(namespace, stem)).map(Named::Signature);
    archive.or_else(signature).unwrap_or(Named::Other)
}

/// The release of `NAME-VERSION`. Both parts may have hyphens, but a name has no dots and a version starts with a number
/// and a dot, so that one hyphen at most is the one between them.
fn release_of(namespace: &str, stem: &str) -> Option<PluginRef> {
    stem.match_indices('-').find_map(|(place, _)| {
        let (name, version) = (stem.get(..place)?, stem.get(place + 1..)?);
        let name = PluginName::new(format!("{namespace}/{name}")).ok()?;
        Some(PluginRef { name, version: version.parse().ok()? })
    })
}

fn is_left_over(path: &Path, now: Timestamp) -> Result<bool, IndexError> {
    let written = match fs::metadata(path).and_then(|metadata| metadata.modified()) {
        Ok(written) => written,
        // Its writer has finished since.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(at(path)(error)),
    };
    Ok(SystemTime::from(now).duration_since(written).is_ok_and(|age| age >= LEFTOVER_AGE))
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexUnreadable { plugin, reason } => write!(f, "the index of {plugin} cannot be read: {reason}"),
            Self::ArchiveGone { plugin } => write!(f, "the archive of {plugin} is gone"),
            Self::ArchiveDamaged { plugin, reason } => write!(f, "the archive of {plugin} cannot be used: {reason}"),
            Self::ArchiveUnnamed { plugin, path } => {
                write!(f, "no index names {plugin}, whose archive is {}", path.display())
            }
            Self::SignatureDamaged { plugin, reason } => {
                write!(f, "the signatures of {plugin} cannot be used: {reason}")
            }
            Self::SignatureUnnamed { plugin, path } => {
                write!(f, "no index names {plugin}, whose signatures are {}", path.display())
            }
            Self::Leftover { path } => write!(f, "{} was never finished", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_says_which_release_it_is_of() {
        let archive = |file: &str| match named("acme", file) {
            Named::Archive(plugin) => plugin.to_string(),
            _ => String::new(),
        };
        assert_eq!(archive("rule-1.0.0.tar.gz"), "acme/rule@1.0.0");
        assert_eq!(archive("rule-2-1.0.0-rc.1.tar.gz"), "acme/rule-2@1.0.0-rc.1");
        assert_eq!(archive("rule-1.0.0-2.0.0.tar.gz"), "acme/rule@1.0.0-2.0.0");
        assert_eq!(archive("rule-1.0.0-x-2.0.0.tar.gz"), "acme/rule@1.0.0-x-2.0.0");
        for other in
            ["rule.tar.gz", "rule-1.0.tar.gz", "-1.0.0.tar.gz", "Rule-1.0.0.tar.gz", "rule-1.0.0.zip", "notes.txt"]
        {
            assert!(matches!(named("acme", other), Named::Other), "{other} is nobody's business");
        }
        assert!(matches!(named("acme", "rule-1.0.0.dsse.json"), Named::Signature(_)));
        for begun in [".tmp-x", "rule-1.0.0.tar.gz.part"] {
            assert!(matches!(named("acme", begun), Named::Unfinished), "{begun} was never finished");
        }
    }
}
