//! The contract versions that this host knows, and when two versions are of one line.
//!
//! A contract version is the version of the WIT package `macadam:plugin`. Within one line (`0.1.x`, later `1.x.y`) only
//! host imports are added, so a host that knows a version also runs components built for an earlier one of its line. A
//! component for a later one may need what this host does not have, and is refused by name. Lines live side by side: a
//! host runs components of each that it knows.
//!
//! The WIT text itself is built in: a component's interfaces are compared with it, type by type, when it is packed and
//! when it is read, so that a component that cannot be linked never becomes a package.

use std::sync::LazyLock;

use semver::Version;
use wit_parser::{Resolve, SourceMap};

/// The WIT package of the contract.
pub const PACKAGE: &str = "macadam:plugin";

/// The versions that this host knows, oldest first.
pub static KNOWN: [Version; COUNT] = [Version::new(0, 1, 0), Version::new(0, 2, 0)];

/// How many versions there are.
const COUNT: usize = 2;

/// One version's text: file names and contents.
type Text = &'static [(&'static str, &'static str)];

/// The files of one version's folder.
macro_rules! text {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../wit/", $folder, "/", $file)))),+]
    };
}

/// The texts of [`KNOWN`], in its order.
const TEXTS: [Text; COUNT] = [
    text!("v0.1":
        "approval-policy.wit", "cost-estimator.wit", "files.wit", "log.wit", "plugin.wit", "provider.wit",
        "secrets.wit", "sql.wit", "template-generator.wit", "types.wit", "worlds.wit",
    ),
    text!("v0.2":
        "approval-policy.wit", "context.wit", "cost-estimator.wit", "files.wit", "log.wit", "plugin.wit",
        "provider.wit", "request.wit", "secrets.wit", "sql.wit", "template-generator.wit", "types.wit", "worlds.wit",
    ),
];

/// Whether two versions are of one line, by Cargo's reading of SemVer, which wasmtime's linker shares: the first part
/// that is not zero is the same, and a prerelease is a line of its own.
#[must_use]
pub fn same_line(one: &Version, other: &Version) -> bool {
    if one.pre != other.pre || !one.pre.is_empty() {
        return one == other;
    }
    match (one.major, one.minor) {
        (0, 0) => one.major == other.major && one.minor == other.minor && one.patch == other.patch,
        (0, minor) => other.major == 0 && other.minor == minor,
        (major, _) => other.major == major,
    }
}

/// The known version that serves components built for this one.
#[must_use]
pub fn serving(version: &Version) -> Option<&'static Version> {
    KNOWN.iter().rev().find(|known| same_line(known, version) && version <= *known)
}

/// A known version's WIT package in its binary form, which is a component that exports every world as a type.
pub(crate) fn encoded(version: &Version) -> Result<&'static [u8], String> {
    static ENCODED: LazyLock<Vec<Result<Vec<u8>, String>>> = LazyLock::new(|| TEXTS.iter().map(encode).collect());
    let place = KNOWN.iter().position(|known| known == version);
    match place.and_then(|place| ENCODED.get(place)) {
        Some(Ok(bytes)) => Ok(bytes),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err(format!("{version} is not known")),
    }
}

fn encode(text: &Text) -> Result<Vec<u8>, String> {
    let mut sources = SourceMap::default();
    for (name, content) in *text {
        sources.push_str(name, *content);
    }
    let group = sources.parse().map_err(|(_, error)| error.to_string())?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group).map_err(|error| error.to_string())?;
    wit_component::encode(&resolve, package).map_err(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn every_known_version_is_built_in_and_can_be_read() {
        for (known, text) in KNOWN.iter().zip(TEXTS) {
            assert!(encoded(known).is_ok(), "the text of {known} must be valid WIT: {:?}", encoded(known));
            let package = format!("package {PACKAGE}@{known};");
            assert!(text.iter().any(|(_, wit)| wit.contains(&package)), "one file of {known} must say `{package}`");
        }
    }

    #[test]
    fn a_line_is_what_the_first_part_that_is_not_zero_says() {
        for (one, other, same) in [
            ("0.1.0", "0.1.7", true),
            ("0.1.0", "0.2.0", false),
            ("1.0.0", "1.9.3", true),
            ("1.0.0", "2.0.0", false),
            ("0.0.1", "0.0.2", false),
            ("0.1.0", "1.1.0", false),
            ("0.1.0-rc.1", "0.1.0", false),
            ("0.1.0-rc.1", "0.1.0-rc.1", true),
        ] {
            assert_eq!(same_line(&version(one), &version(other)), same, "{one} and {other}");
            assert_eq!(same_line(&version(other), &version(one)), same, "{other} and {one}: the order must not matter");
        }
    }

    #[test]
    fn a_later_version_than_the_host_knows_is_not_served() {
        assert_eq!(serving(&version("0.1.0")), Some(&KNOWN[0]));
        assert_eq!(serving(&version("0.2.0")), Some(&KNOWN[1]));
        for later in ["0.1.1", "0.2.1", "0.3.0", "1.0.0", "0.1.0-rc.1"] {
            assert_eq!(serving(&version(later)), None, "{later} may need what this host does not have");
        }
    }
}
