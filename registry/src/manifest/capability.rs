//! Capabilities: the authority that a plugin asks for, by name. Asking grants nothing; an administrator does.

use std::fmt;
use std::str::FromStr;

use macadam_core::names::{GrantName, NameError};

/// One thing that a plugin asks to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Capability {
    /// `secrets`: have credentials made and used, without seeing them.
    Secrets,
    /// `sql:NAME`: run statements on a connection.
    Sql(GrantName),
    /// `files:NAME`: keep files below a root.
    Files(GrantName),
}

macadam_core::text_schema!(
    Capability,
    ["One thing that a plugin asks to be allowed: `secrets`, `sql:NAME` or `files:NAME`."],
    macadam_core::text_schema::TextRule {
        pattern: "^(secrets|(sql|files):[a-z][a-z0-9]*(-[a-z0-9]+)*)$",
        example: "sql:main",
        longest: 69,
    }
);

/// Why a text is not a capability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    /// No capability is written like this.
    #[error("{0:?} is not a capability; write `secrets`, `sql:NAME` or `files:NAME`")]
    Unknown(String),
    /// The name after the colon is not one.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Capability {
    /// How capabilities are written: the interface of the contract that each one opens, and the form of its text.
    pub const FORMS: [(&'static str, &'static str); 3] =
        [("secrets", "secrets"), ("sql", "sql:NAME"), ("files", "files:NAME")];

    /// The interface of the contract that it opens, without package and version.
    #[must_use]
    pub const fn interface(&self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Sql(_) => "sql",
            Self::Files(_) => "files",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secrets => f.write_str("secrets"),
            Self::Sql(name) => write!(f, "sql:{name}"),
            Self::Files(name) => write!(f, "files:{name}"),
        }
    }
}

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, CapabilityError> {
        match text.split_once(':') {
            None if text == "secrets" => Ok(Self::Secrets),
            Some(("sql", name)) => Ok(Self::Sql(GrantName::new(name)?)),
            Some(("files", name)) => Ok(Self::Files(GrantName::new(name)?)),
            _ => Err(CapabilityError::Unknown(text.chars().take(80).collect())),
        }
    }
}

impl TryFrom<String> for Capability {
    type Error = CapabilityError;
    fn try_from(text: String) -> Result<Self, CapabilityError> {
        text.parse()
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> Self {
        capability.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_reads_back_what_it_prints() {
        for text in ["secrets", "sql:main", "files:workspaces"] {
            assert_eq!(text.parse::<Capability>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_capability_is_refused() {
        for bad in ["", "http", "sql", "sql:", "sql:Main", "files:../x", "secrets:all", "log"] {
            assert!(bad.parse::<Capability>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn every_form_belongs_to_the_interface_it_names() {
        for (interface, form) in Capability::FORMS {
            let capability: Capability = form.replace("NAME", "main").parse().unwrap();
            assert_eq!(capability.interface(), interface, "the table and the type must agree");
        }
    }
}
