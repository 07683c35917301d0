//! `plugin.toml`: what a plugin says of itself.
//!
//! ```toml
//! name = "macadam/postgres"
//! version = "1.2.0"
//! kind = "provider"
//! contract = "0.2.0"
//! summary = "Databases on a shared PostgreSQL server."
//! license = "Apache-2.0"
//! authors = ["Platform team <platform@example.com>"]
//! capabilities = ["secrets", "sql:main"]
//!
//! [settings]
//! max-connections = 20
//!
//! [limits]
//! deadline-ms = 5000
//! ```
//!
//! A field that is not known is refused, since it is most often one that was meant to do something. Capabilities are
//! asked for here and granted elsewhere; a plugin that is a pure function may ask for none.

mod capability;
mod errors;
mod fields;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use macadam_core::kind::PluginKind;
use macadam_core::limits::LimitOverrides;
use macadam_core::names::{PluginName, PluginRef};
use semver::Version;
use serde_json::{Map, Value};

pub use capability::{Capability, CapabilityError};
pub use errors::ManifestError;
use fields::{Fields, invalid};

/// A version ends up in file names and tags; OCI allows 128 characters in a tag.
const VERSION_MAX: usize = 64;
const LINE_MAX: usize = 200;
const AUTHORS_MAX: usize = 50;

/// What a plugin says of itself. Only [`Manifest::parse`] makes one.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Manifest {
    /// What it is called.
    pub name: PluginName,
    /// Which version it is; without build metadata, which two different packages of one version could hide in.
    pub version: Version,
    /// What it is for.
    pub kind: PluginKind,
    /// The version of `macadam:plugin` that it is built for.
    pub contract: Version,
    /// One line for people who choose.
    pub summary: String,
    /// Under which terms it may be used.
    pub license: License,
    /// Who made it.
    pub authors: Vec<String>,
    /// What it asks to be allowed.
    pub capabilities: BTreeSet<Capability>,
    /// The settings that count where an administrator has not set others.
    pub settings: Map<String, Value>,
    /// Where its calls need other limits than the host's defaults.
    pub limits: LimitOverrides,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError`] names the first field that is wrong and says what to write there.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        Self::check(text).map_err(|Wrong { first, .. }| first)
    }

    /// Reads a manifest to its end, whatever is wrong on the way.
    ///
    /// # Errors
    /// [`Wrong`] has everything that is, in the order of the fields.
    pub fn check(text: &str) -> Result<Self, Wrong> {
        let mut fields = Fields::parse(text).map_err(Wrong::only)?;
        let mut wrong = Vec::new();
        let name = kept(fields.need("name"), &mut wrong);
        let version = kept(fields.need("version").and_then(checked_version), &mut wrong);
        let kind: Option<PluginKind> = kept(fields.need("kind"), &mut wrong);
        let contract = kept(fields.need("contract"), &mut wrong);
        let summary = fields.need("summary").and_then(|summary| checked_line("summary", summary));
        let summary = kept(summary, &mut wrong);
        let license = kept(fields.need("license"), &mut wrong);
        let authors = fields.take("authors").and_then(|authors| authors.map_or(Ok(Vec::new()), checked_authors));
        let authors = kept(authors, &mut wrong);
        let capabilities: Option<BTreeSet<Capability>> =
            kept(fields.take("capabilities").map(Option::unwrap_or_default), &mut wrong);
        let settings = fields.take("settings").and_then(|settings| settings.map_or(Ok(Map::new()), settings_as_json));
        let settings = kept(settings, &mut wrong);
        let limits = fields.take("limits");
        let limits = limits.and_then(|limits| limits.map_or(Ok(LimitOverrides::default()), checked_limits));
        let limits = kept(limits, &mut wrong);
        kept(fields.finish(), &mut wrong);
        let asked = capabilities.iter().flatten().next();
        if let Some((kind, capability)) = kind.filter(|kind| kind.is_pure()).zip(asked) {
            wrong.push(ManifestError::NotForThisKind { capability: capability.clone(), kind });
        }
        let read = || {
            Some(Self {
                name: name?,
                version: version?,
                kind: kind?,
                contract: contract?,
                summary: summary?,
                license: license?,
                authors: authors?,
                capabilities: capabilities?,
                settings: settings?,
                limits: limits?,
            })
        };
        let mut wrong = wrong.into_iter();
        match (wrong.next(), read()) {
            (None, Some(manifest)) => Ok(manifest),
            (Some(first), _) => Err(Wrong { first, more: wrong.collect() }),
            // A field that is not there has said why.
            (None, None) => {
                Err(Wrong::only(ManifestError::Missing { field: "name", remedy: "every field that is needed" }))
            }
        }
    }

    /// The plugin and version that it describes.
    #[must_use]
    pub fn reference(&self) -> PluginRef {
        PluginRef { name: self.name.clone(), version: self.version.clone() }
    }
}

/// Everything that is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    first: ManifestError,
    more: Vec<ManifestError>,
}

impl Wrong {
    fn only(first: ManifestError) -> Self {
        Self { first, more: Vec::new() }
    }

    /// Each thing that is wrong.
    pub fn each(&self) -> impl Iterator<Item = &ManifestError> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

fn kept<T>(field: Result<T, ManifestError>, wrong: &mut Vec<ManifestError>) -> Option<T> {
    field.map_err(|error| wrong.push(error)).ok()
}

/// An SPDX licence expression.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct License(String);

/// Why a text is not an SPDX licence expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an SPDX licence expression ({reason})")]
pub struct LicenseError {
    text: String,
    reason: String,
}

impl License {
    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for License {
    type Err = LicenseError;

    fn from_str(text: &str) -> Result<Self, LicenseError> {
        let refused = |reason: String| LicenseError { text: text.chars().take(80).collect(), reason };
        if text.len() > LINE_MAX {
            return Err(refused("it is too long".into()));
        }
        spdx::Expression::parse(text).map_err(|error| refused(error.reason.to_string()))?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for License {
    type Error = LicenseError;
    fn try_from(text: String) -> Result<Self, LicenseError> {
        text.parse()
    }
}

fn checked_version(version: Version) -> Result<Version, ManifestError> {
    if !version.build.is_empty() {
        return Err(invalid("version", format!("{version} has build metadata, which does not tell versions apart")));
    }
    if version.to_string().len() > VERSION_MAX {
        return Err(invalid("version", format!("it is longer than {VERSION_MAX} characters")));
    }
    Ok(version)
}

fn checked_line(field: &'static str, line: String) -> Result<String, ManifestError> {
    let length = line.chars().count();
    match line.trim().is_empty() || line.chars().any(char::is_control) || length > LINE_MAX {
        true => Err(invalid(field, format!("it must be one line of 1 to {LINE_MAX} characters, not {length}"))),
        false => Ok(line),
    }
}

fn checked_authors(authors: Vec<String>) -> Result<Vec<String>, ManifestError> {
    if authors.len() > AUTHORS_MAX {
        return Err(invalid("authors", format!("there are more than {AUTHORS_MAX}")));
    }
    authors.into_iter().map(|author| checked_line("authors", author)).collect()
}

fn checked_limits(limits: LimitOverrides) -> Result<LimitOverrides, ManifestError> {
    let given = [
        ("limits.fuel", limits.fuel),
        ("limits.deadline-ms", limits.deadline_ms),
        ("limits.memory-bytes", limits.memory_bytes),
        ("limits.output-bytes", limits.output_bytes),
        ("limits.concurrency", limits.concurrency.map(u64::from)),
    ];
    match given.iter().find(|(_, limit)| *limit == Some(0)) {
        Some((field, _)) => Err(invalid(field, "with zero no call could end well")),
        None => Ok(limits),
    }
}

fn settings_as_json(settings: BTreeMap<String, toml::Value>) -> Result<Map<String, Value>, ManifestError> {
    settings
        .into_iter()
        .map(|(key, value)| {
            let path = format!("settings.{key}");
            Ok((key, as_json(&path, value)?))
        })
        .collect()
}

/// JSON has no infinity, no NaN and no dates: the first two are refused, a date becomes its text.
fn as_json(path: &str, value: toml::Value) -> Result<Value, ManifestError> {
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(moment) => Value::String(moment.to_string()),
        toml::Value::Float(number) => serde_json::Number::from_f64(number)
            .map(Value::Number)
            .ok_or_else(|| invalid(path, format!("JSON has no number {number}")))?,
        toml::Value::Array(items) => {
            items.into_iter().map(|item| as_json(path, item)).collect::<Result<_, _>>().map(Value::Array)?
        }
        toml::Value::Table(table) => {
            let entry = |(key, value): (String, _)| Ok((key.clone(), as_json(&format!("{path}.{key}"), value)?));
            table.into_iter().map(entry).collect::<Result<_, _>>().map(Value::Object)?
        }
    })
}
