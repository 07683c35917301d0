//! One version of a plugin, or all of them.

use std::fmt;
use std::str::FromStr;

use macadam_core::names::{NameError, PluginName, PluginRef};
use semver::Version;

/// One version of a plugin, or all of them: `namespace/name@1.2.3` or `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    /// Which plugin.
    pub name: PluginName,
    /// Which version; all of them when nothing is said.
    pub version: Option<Version>,
}

macadam_core::text_schema!(
    Scope,
    ["One version of a plugin, or all of them: `namespace/name@1.2.3` or `namespace/name`."],
    macadam_core::text_schema::TextRule {
        pattern: "^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*(@[0-9A-Za-z.+-]+)?$",
        example: "macadam/cost-threshold@1.2.3",
        longest: 256,
    }
);

/// Why a text is neither a plugin nor a version of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// The part before the `@` is not a plugin's name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The part after the `@` is not a version.
    #[error("{text:?} is not a version ({reason}); write namespace/name or namespace/name@1.2.3, and no range")]
    Version {
        /// What stands there.
        text: String,
        /// In the parser's words.
        reason: String,
    },
}

impl Scope {
    /// Whether whatever another one means is meant by this one, too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.name == other.name && (self.version.is_none() || self.version == other.version)
    }
}

impl From<&PluginRef> for Scope {
    fn from(plugin: &PluginRef) -> Self {
        Self { name: plugin.name.clone(), version: Some(plugin.version.clone()) }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let Some((name, version)) = text.split_once('@') else {
            return Ok(Self { name: text.parse()?, version: None });
        };
        let name = name.parse()?;
        let wrong = |error: semver::Error| ScopeError::Version {
            text: version.chars().take(80).collect(),
            reason: error.to_string(),
        };
        Ok(Self { name, version: Some(version.parse().map_err(wrong)?) })
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => self.name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_plugin_or_one_version_of_it_and_never_a_range() {
        for good in ["acme/rule", "acme/rule@1.0.0", "acme/rule@1.0.0-rc.1"] {
            assert_eq!(good.parse::<Scope>().unwrap().to_string(), good);
        }
        for bad in ["", "rule", "acme/rule@", "acme/rule@^1.0", "acme/rule@latest", "acme/rule@1.0", "acme/Rule@1.0.0"]
        {
            assert!(bad.parse::<Scope>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn a_plugin_covers_its_versions_and_a_version_only_itself() {
        let covers = |one: &str, other: &str| one.parse::<Scope>().unwrap().covers(&other.parse().unwrap());
        assert!(covers("acme/rule", "acme/rule") && covers("acme/rule", "acme/rule@1.0.0"));
        assert!(covers("acme/rule@1.0.0", "acme/rule@1.0.0") && !covers("acme/rule@1.0.0", "acme/rule@1.1.0"));
        assert!(!covers("acme/rule@1.0.0", "acme/rule"), "a plugin has other versions");
        assert!(!covers("acme/rule", "acme/rules"));
    }
}
