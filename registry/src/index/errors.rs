//! Why a registry does not do what it was asked.

use std::io;
use std::path::{Path, PathBuf};

use macadam_core::digest::Digest;
use macadam_core::names::{PluginName, PluginRef};

use super::{NoticeError, Release, VersionQuery, Wanted};
use crate::nearest::{hint, nearest};
use crate::package::{ReadError, is_dev};
use crate::signature::{Difference, EnvelopeError, MergeError};

/// Why a registry does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The version is there, with other bytes.
    #[error("{plugin} is published already with other contents ({there}, not {offered}); raise the version")]
    VersionTaken {
        /// Which version.
        plugin: Box<PluginRef>,
        /// The package that is there.
        there: Digest,
        /// The package that was offered.
        offered: Digest,
    },
    /// No plugin has this name.
    #[error("there is no plugin {name}{}; there are {}", hint(nearest.as_deref()), list(known.iter()))]
    UnknownPlugin {
        /// The name that was asked for.
        name: PluginName,
        /// The name that was probably meant.
        nearest: Option<String>,
        /// The names that there are.
        known: Vec<PluginName>,
    },
    /// The plugin has no release that fits.
    #[error("no release fits {query}; there are {}{}", list(there.iter().rev()), dev_hint(query, there))]
    NoSuchVersion {
        /// What was asked for.
        query: Box<VersionQuery>,
        /// The releases that there are, oldest version first.
        there: Vec<Release>,
    },
    /// A deprecation is not taken.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// The index names a release whose archive is not there.
    #[error("the archive of {plugin} is gone from the registry; publish the same package again to put it back")]
    ArchiveGone {
        /// Which one.
        plugin: Box<PluginRef>,
    },
    /// An archive is not the one that was published, or not one that this host takes any more.
    #[error("the archive of {plugin} cannot be used: {source}")]
    Package {
        /// Which one.
        plugin: Box<PluginRef>,
        /// What is wrong with it.
        source: Box<ReadError>,
    },
    /// A signature is of another package than the one it is to be kept beside.
    #[error("the signature is not of {plugin} but of {difference}; sign this package")]
    SignatureOfAnother {
        /// The package that it was offered for.
        plugin: Box<PluginRef>,
        /// In what they differ.
        difference: Difference,
    },
    /// The signatures of a package cannot be read. They are not taken for absent: somebody has signed.
    #[error("the signatures of {plugin} cannot be used: {source}; sign the package again")]
    Envelope {
        /// Which one.
        plugin: Box<PluginRef>,
        /// What is wrong with them.
        source: Box<EnvelopeError>,
    },
    /// A package has as many signatures as it may have.
    #[error("the signatures of {plugin} stay as they are: {source}")]
    Merge {
        /// Which one.
        plugin: Box<PluginRef>,
        /// Why.
        source: MergeError,
    },
    /// An index is damaged.
    #[error("{} is damaged ({reason}); put it back from a backup, or repair the registry", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk fails.
    #[error("{} cannot be read or written: {source}; look at its permissions and the free space", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl IndexError {
    /// No plugin has this name; these are known.
    #[must_use]
    pub fn unknown(name: PluginName, known: Vec<PluginName>) -> Self {
        let nearest = nearest(name.as_str(), known.iter().map(PluginName::as_str)).map(str::to_owned);
        Self::UnknownPlugin { name, nearest, known }
    }
}

/// A registry that holds nothing but builds that are being worked on has no latest version; say how to get one.
fn dev_hint(query: &VersionQuery, there: &[Release]) -> &'static str {
    let dev = there.iter().any(|release| is_dev(&release.version) && !release.yanked);
    if query.wanted == Wanted::Latest && dev { "; `@dev` finds the build that was published last" } else { "" }
}

/// Names the file in an error of the system.
pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> IndexError {
    move |source| IndexError::Io { path: path.to_owned(), source }
}

/// Enough of a list for a sentence.
fn list<T: ToString>(items: impl ExactSizeIterator<Item = T>) -> String {
    const SHOWN: usize = 10;
    let length = items.len();
    let mut words: Vec<String> = items.take(SHOWN).map(|item| item.to_string()).collect();
    match length {
        0 => words.push("none yet".into()),
        length if length > SHOWN => words.push(format!("{} more", length - SHOWN)),
        _ => {}
    }
    words.join(", ")
}
