//! What a signature vouches for.

use std::fmt;

use macadam_core::digest::Digest;
use macadam_core::names::{PluginName, PluginRef};
use semver::Version;

use crate::package::Package;

/// A plugin's name and version, and what each file of its package is. Two packages of one statement hold the same files
/// under the same name, however they were packed and carried.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    files: FileDigests,
    name: PluginName,
    version: Version,
}

/// The sha256 of each file in a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigests {
    /// Of `README.md`.
    #[serde(rename = "README.md")]
    pub readme: Digest,
    /// Of `plugin.toml`.
    #[serde(rename = "plugin.toml")]
    pub manifest: Digest,
    /// Of `plugin.wasm`.
    #[serde(rename = "plugin.wasm")]
    pub component: Digest,
}

/// In what a package differs from the one that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It is another plugin.
    Name,
    /// It is another version of the plugin.
    Version,
    /// It is the same version with other files.
    Contents {
        /// Which ones.
        files: Vec<&'static str>,
    },
}

impl Statement {
    /// The statement of a package.
    #[must_use]
    pub fn of(package: &Package) -> Self {
        let files = FileDigests {
            readme: Digest::of(package.readme().as_bytes()),
            manifest: Digest::of(package.manifest_text().as_bytes()),
            component: package.component().digest(),
        };
        let PluginRef { name, version } = package.reference();
        Self { files, name, version }
    }

    /// The plugin and version.
    #[must_use]
    pub fn plugin(&self) -> PluginRef {
        PluginRef { name: self.name.clone(), version: self.version.clone() }
    }

    /// What each file is.
    #[must_use]
    pub fn files(&self) -> &FileDigests {
        &self.files
    }

    /// In what another statement differs from this one: the first that counts of name, version and contents.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        if self.name != other.name {
            return Some(Difference::Name);
        }
        if self.version != other.version {
            return Some(Difference::Version);
        }
        let files = self.files.differing(&other.files);
        if files.is_empty() { None } else { Some(Difference::Contents { files }) }
    }

    /// The bytes that are signed: canonical JSON. Names, versions and digests have no character that JSON escapes, so
    /// the text can be written as it is and cannot fail.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let FileDigests { readme, manifest, component } = self.files;
        format!(
            r#"{{"files":{{"README.md":"{readme}","plugin.toml":"{manifest}","plugin.wasm":"{component}"}},"name":"{}","version":"{}"}}"#,
            self.name, self.version
        )
        .into_bytes()
    }

    /// Reads what was signed; only the text that [`Statement::to_bytes`] writes is one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let statement: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if statement.to_bytes() == bytes { Ok(statement) } else { Err("it is not written in canonical JSON".into()) }
    }
}

impl FileDigests {
    fn differing(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            ("README.md", self.readme, other.readme),
            ("plugin.toml", self.manifest, other.manifest),
            ("plugin.wasm", self.component, other.component),
        ];
        pairs.into_iter().filter(|(_, one, other)| one != other).map(|(name, ..)| name).collect()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("another plugin"),
            Self::Version => f.write_str("another version"),
            Self::Contents { files } => write!(f, "other contents ({} differ)", files.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use macadam_core::digest::canonical_json;

    fn statement(name: &str, version: &str) -> Statement {
        let files = FileDigests {
            readme: Digest::of(b"readme"),
            manifest: Digest::of(b"manifest"),
            component: Digest::of(b"component"),
        };
        Statement { files, name: name.parse().unwrap(), version: version.parse().unwrap() }
    }

    #[test]
    fn what_is_signed_is_canonical_json_and_is_read_back() {
        let statement = statement("macadam/cost-threshold", "1.2.0-rc.1");
        let text = String::from_utf8(statement.to_bytes()).unwrap();
        assert_eq!(text, canonical_json(&statement).unwrap());
        assert_eq!(Statement::from_bytes(text.as_bytes()).unwrap(), statement);
    }

    #[test]
    fn a_statement_has_one_writing() {
        let text = String::from_utf8(statement("a/b", "1.0.0").to_bytes()).unwrap();
        let more = text.replace("\"name\"", "\"note\":\"\",\"name\"");
        for bad in [
            format!("{text} "),
            text.replace(':', ": "),
            text.replace("a/b", "a\\/b"),
            more,
            text.replace("1.0.0", "1.0"),
        ] {
            assert!(Statement::from_bytes(bad.as_bytes()).is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn the_first_difference_that_counts_is_named() {
        let one = statement("a/b", "1.0.0");
        assert_eq!(one.difference(&one), None);
        assert_eq!(one.difference(&statement("a/c", "2.0.0")), Some(Difference::Name));
        assert_eq!(one.difference(&statement("a/b", "2.0.0")), Some(Difference::Version));
        let mut other = one.clone();
        other.files.readme = Digest::of(b"another");
        other.files.component = Digest::of(b"another");
        let difference = one.difference(&other).unwrap();
        assert_eq!(difference, Difference::Contents { files: vec!["README.md", "plugin.wasm"] });
        assert_eq!(difference.to_string(), "other contents (README.md, plugin.wasm differ)");
    }
}
