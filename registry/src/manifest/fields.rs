//! The table of a manifest's fields, and taking them out of a TOML table one by one, so that each error can name its
//! field and say what to write there.

use serde::de::DeserializeOwned;

use super::ManifestError;
use crate::nearest::nearest;

/// One field of a manifest.
pub(super) struct Field {
    pub(super) name: &'static str,
    /// What to write there, for people who have written something else.
    pub(super) remedy: &'static str,
}

/// Every field, in the order in which people write them.
pub(super) const FIELDS: [Field; 10] = [
    Field { name: "name", remedy: "namespace/name, such as name = \"macadam/cost-threshold\"" },
    Field { name: "version", remedy: "a SemVer version without build metadata, such as version = \"1.2.0\"" },
    Field { name: "kind", remedy: "one of the four kinds, such as kind = \"approval-policy\"" },
    Field { name: "contract", remedy: "the version of macadam:plugin it is built for, such as contract = \"0.2.0\"" },
    Field { name: "summary", remedy: "one line of at most 200 characters for people who choose a plugin" },
    Field { name: "license", remedy: "an SPDX expression, such as license = \"Apache-2.0\"" },
    Field { name: "authors", remedy: "a list of lines, such as authors = [\"Platform team <platform@example.com>\"]" },
    Field { name: "capabilities", remedy: "a list of `secrets`, `sql:NAME` and `files:NAME`" },
    Field { name: "settings", remedy: "a table that can be written as JSON" },
    Field { name: "limits", remedy: "a table of whole numbers above zero, such as fuel = 200000000" },
];

/// What is left of a manifest's table.
pub(super) struct Fields(toml::Table);

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, ManifestError> {
        text.parse().map(Self).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            ManifestError::Syntax { line, column, reason: error.message().to_owned() }
        })
    }

    /// Takes a field that may be left out.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, ManifestError> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        value.try_into().map(Some).map_err(|error| invalid(name, error.message()))
    }

    /// Takes a field that must be there.
    pub(super) fn need<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, ManifestError> {
        self.take(name)?.ok_or(ManifestError::Missing { field: name, remedy: remedy(name) })
    }

    /// Refuses what nobody has taken.
    pub(super) fn finish(self) -> Result<(), ManifestError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((field, _)) => {
                let nearest = nearest(&field, FIELDS.iter().map(|field| field.name));
                Err(ManifestError::UnknownField { field: field.chars().take(80).collect(), nearest })
            }
        }
    }
}

/// The error for a field, or a part of one after a dot, that does not hold what it should.
pub(super) fn invalid(field: &str, reason: impl Into<String>) -> ManifestError {
    let reason = reason.into().replace('\n', " ");
    ManifestError::Invalid { field: field.to_owned(), reason, remedy: remedy(field) }
}

fn remedy(field: &str) -> &'static str {
    let whole = field.split('.').next().unwrap_or(field);
    FIELDS.iter().find(|field| field.name == whole).map_or("what the documentation says", |field| field.remedy)
}
