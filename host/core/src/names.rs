//! Names that are checked once, where they enter, and are right from then on.
//!
//! Every name but a person's is a *slug*: lower-case letters, digits and single hyphens, starting with a letter. Slugs
//! are safe in URLs, file names and DNS labels without any quoting, and have no two spellings.

use std::fmt;
use std::str::FromStr;

use crate::text_schema;
use crate::text_schema::TextRule;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {what}: {rule}")]
pub struct NameError {
    what: &'static str,
    text: String,
    rule: &'static str,
}

impl NameError {
    pub(crate) fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        let text = text.chars().take(80).collect();
        Self { what, text, rule }
    }
}

const SLUG_RULE: &str =
    "use 1 to 63 lower-case letters, digits and single hyphens, starting with a letter and not ending with a hyphen";

/// 63 is the longest DNS label (RFC 1035, section 2.3.4), the narrowest place where a name ends up.
const SLUG_MAX: usize = 63;

fn is_slug(text: &str) -> bool {
    let hyphens_are_single = !text.contains("--") && !text.ends_with('-');
    text.len() <= SLUG_MAX
        && hyphens_are_single
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// How a slug looks in the API's document.
const fn slug(example: &'static str) -> TextRule {
    TextRule { pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", example, longest: SLUG_MAX }
}

/// A person's id goes into logs, headers and audit entries: printable, without spaces, bounded.
fn is_person(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@+-".contains(&b))
}

macro_rules! name {
    ($(#[doc = $doc:literal])* $type:ident, $what:literal, $check:path, $rule:expr, $document:expr) => {
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// [`NameError`] says which rule the text breaks.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                if $check(&text) { Ok(Self(text)) } else { Err(NameError::new($what, &text, $rule)) }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        text_schema!($type, [$($doc),+], $document);
    };
}

name!(
    /// Who publishes a plugin or owns a resource: the first part of `namespace/name`. A team's resources live in the
    /// namespace that has the team's name.
    Namespace, "namespace", is_slug, SLUG_RULE, slug("payments")
);
name!(
    /// A team.
    TeamId, "team", is_slug, SLUG_RULE, slug("payments")
);
name!(
    /// A person, whatever token they hold: a login name or an e-mail address.
    PersonId, "person", is_person, "use 1 to 128 letters, digits and the characters . _ @ + -",
    TextRule { pattern: "^[A-Za-z0-9._@+-]{1,128}$", example: "dana", longest: 128 }
);
name!(
    /// A group whose members may approve.
    GroupName, "approval group", is_slug, SLUG_RULE, slug("finance")
);
name!(
    /// An environment, such as `dev` or `prod-eu`.
    EnvironmentName, "environment", is_slug, SLUG_RULE, slug("dev")
);
name!(
    /// The type of a resource, such as `postgres-database`; one provider serves it.
    ResourceType, "resource type", is_slug, SLUG_RULE, slug("postgres-database")
);
name!(
    /// A resource's name within its namespace, environment and type.
    ResourceName, "resource name", is_slug, SLUG_RULE, slug("orders-db")
);
name!(
    /// A golden path, such as `rest-api`.
    TemplateId, "template", is_slug, SLUG_RULE, slug("rest-api")
);
name!(
    /// A connection, root or other thing that a capability is granted on.
    GrantName, "grant", is_slug, SLUG_RULE, slug("main")
);
name!(
    /// A binding: what an administrator calls one plugin that should be active, such as `cost-threshold`.
    BindingName, "binding", is_slug, SLUG_RULE, slug("cost-threshold")
);
name!(
    /// An access policy: what administrators call one rule that they add to who may do what.
    AccessPolicyName, "access policy", is_slug, SLUG_RULE, slug("no-friday-deploys")
);
name!(
    /// Work that is done by the clock, such as `expiry`.
    ScheduleName, "schedule", is_slug, SLUG_RULE, slug("expiry")
);

impl From<&TeamId> for Namespace {
    fn from(team: &TeamId) -> Self {
        Self(team.0.clone())
    }
}

/// A plugin's name: `namespace/name`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PluginName {
    full: String,
    slash: usize,
}

impl PluginName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// [`NameError`] when it is not two slugs joined by one `/`.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let full = text.into();
        match full.split_once('/') {
            Some((namespace, name)) if is_slug(namespace) && is_slug(name) => {
                let slash = namespace.len();
                Ok(Self { full, slash })
            }
            _ => Err(NameError::new("plugin name", &full, "write namespace/name, such as macadam/cost-threshold")),
        }
    }

    /// The name as text, `namespace/name`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.full
    }

    /// The part before the slash.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.full.get(..self.slash).unwrap_or_default()
    }

    /// The part after the slash.
    #[must_use]
    pub fn name(&self) -> &str {
        self.full.get(self.slash + 1..).unwrap_or_default()
    }
}

impl From<&PluginName> for Namespace {
    fn from(plugin: &PluginName) -> Self {
        Self(plugin.namespace().to_owned())
    }
}

impl TryFrom<String> for PluginName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl FromStr for PluginName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl From<PluginName> for String {
    fn from(name: PluginName) -> Self {
        name.full
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl fmt::Debug for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.full, f)
    }
}

text_schema!(
    PluginName,
    ["A plugin's name: `namespace/name`."],
    TextRule {
        pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*/[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        example: "macadam/cost-threshold",
        longest: 2 * SLUG_MAX + 1,
    }
);

/// One version of a plugin: `namespace/name@1.2.3`.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
pub struct PluginRef {
    /// Which plugin.
    pub name: PluginName,
    /// Which version of it.
    #[schema(value_type = String, example = "1.2.3")]
    pub version: semver::Version,
}

impl fmt::Display for PluginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// Where a resource is: `namespace/environment/type/name`, unique and stable.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
pub struct ResourceKey {
    /// The owning team's namespace.
    pub namespace: Namespace,
    /// The environment it lives in.
    pub environment: EnvironmentName,
    /// What it is.
    #[serde(rename = "type")]
    pub resource_type: ResourceType,
    /// Its name among its like.
    pub name: ResourceName,
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.namespace, self.environment, self.resource_type, self.name)
    }
}

impl FromStr for ResourceKey {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [namespace, environment, resource_type, name] => Ok(Self {
                namespace: Namespace::new(*namespace)?,
                environment: EnvironmentName::new(*environment)?,
                resource_type: ResourceType::new(*resource_type)?,
                name: ResourceName::new(*name)?,
            }),
            _ => Err(NameError::new("resource", text, "write namespace/environment/type/name")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slug_has_one_spelling_and_needs_no_quoting() {
        for good in ["a", "orders", "orders-db-2", &"a".repeat(63)] {
            assert!(ResourceName::new(good).is_ok(), "{good} is a good name");
        }
        for bad in ["", "A", "1a", "-a", "a-", "a--b", "a_b", "a/b", "a b", "ä", "a\0", &"a".repeat(64)] {
            assert!(ResourceName::new(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn a_plugin_name_is_a_namespace_and_a_name() {
        let name = PluginName::new("macadam/cost-threshold").unwrap();
        assert_eq!((name.namespace(), name.name()), ("macadam", "cost-threshold"));
        for bad in ["cost-threshold", "a/b/c", "/a", "a/", "../x", "a/B"] {
            assert!(PluginName::new(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn an_invalid_name_is_refused_wherever_it_is_read() {
        let error = serde_json::from_str::<TeamId>("\"Team A\"").unwrap_err().to_string();
        assert!(error.contains("Team A") && error.contains("lower-case"), "the error names text and rule: {error}");
    }

    proptest! {
        #[test]
        fn a_resource_key_reads_back_what_it_prints(
            n in "[a-z][a-z0-9]{0,9}", e in "[a-z][a-z0-9]{0,9}", t in "[a-z][a-z0-9]{0,9}", r in "[a-z][a-z0-9]{0,9}"
        ) {
            let text = format!("{n}/{e}/{t}/{r}");
            prop_assert_eq!(text.parse::<ResourceKey>().unwrap().to_string(), text);
        }

        #[test]
        fn no_text_makes_a_name_that_differs_from_it(text in "\\PC{0,70}") {
            if let Ok(name) = PersonId::new(text.clone()) {
                prop_assert_eq!(name.as_str(), text);
            }
        }
    }
}
