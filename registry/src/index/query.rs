//! Which version of a plugin is meant.
//!
//! | written | means |
//! |---|---|
//! | `namespace/name`, `namespace/name@latest` | the highest version that is neither a prerelease nor yanked |
//! | `namespace/name@1.2.3` | exactly this version, also a prerelease or one that was yanked |
//! | `namespace/name@^1.2`, `@1.2`, `@>=1, <3`, `@*` | the highest version in the range that is not yanked |
//! | `namespace/name@dev` | the `-dev` version that was published last and not yanked |
//!
//! A range finds a prerelease only if it names one of the same version, such as `^1.2.0-rc.1`.

use std::fmt;
use std::str::FromStr;

use macadam_core::names::{NameError, PluginName};
use semver::{Version, VersionReq};

use super::Release;
use crate::package::is_dev;

/// A plugin and which version of it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionQuery {
    /// Which plugin.
    pub name: PluginName,
    /// Which version.
    pub wanted: Wanted,
}

/// Which version of a plugin is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The highest that is neither a prerelease nor yanked.
    Latest,
    /// The `-dev` version that was published last.
    Dev,
    /// This one, whatever it is.
    Exact(Version),
    /// The highest in a range that is not yanked.
    Range(VersionReq),
}

/// Why a text is not a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The part before the `@` is not a plugin's name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The part after the `@` is not a version or a range.
    #[error("{text:?} is not a version ({reason}); write one such as 1.2.3, a range such as ^1.2, `latest` or `dev`")]
    Version {
        /// What stands there.
        text: String,
        /// In the parser's words.
        reason: String,
    },
}

impl Wanted {
    /// The release that is meant, of some releases in any order.
    #[must_use]
    pub fn pick<'a>(&self, releases: &'a [Release]) -> Option<&'a Release> {
        let offered = releases.iter().filter(|release| !release.yanked);
        match self {
            Self::Latest => offered.filter(|release| release.version.pre.is_empty()).max_by_key(|r| &r.version),
            Self::Range(range) => {
                offered.filter(|release| range.matches(&release.version)).max_by_key(|release| &release.version)
            }
            Self::Dev => offered.filter(|release| is_dev(&release.version)).max_by_key(|r| (r.published, &r.version)),
            Self::Exact(version) => releases.iter().find(|release| release.version == *version),
        }
    }
}

impl FromStr for Wanted {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        match text {
            "latest" => return Ok(Self::Latest),
            "dev" => return Ok(Self::Dev),
            _ => {}
        }
        if let Ok(version) = text.parse() {
            return Ok(Self::Exact(version));
        }
        text.parse().map(Self::Range).map_err(|error: semver::Error| QueryError::Version {
            text: text.chars().take(80).collect(),
            reason: error.to_string(),
        })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Dev => f.write_str("dev"),
            Self::Exact(version) => version.fmt(f),
            Self::Range(range) => range.fmt(f),
        }
    }
}

impl FromStr for VersionQuery {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let (name, wanted) = text.split_once('@').unwrap_or((text, "latest"));
        Ok(Self { name: name.parse()?, wanted: wanted.parse()? })
    }
}

impl fmt::Display for VersionQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.wanted)
    }
}
