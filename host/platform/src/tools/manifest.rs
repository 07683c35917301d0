//! Manifests: one that is looked over, and one to begin with.

use macadam_core::kind::PluginKind;
use macadam_core::names::PluginName;
use macadam_core::violation::Violation;
use macadam_registry::{Manifest, contract};

/// Reads a plugin's manifest, the text of its `plugin.toml`.
///
/// # Errors
/// Everything that is wrong with it, by field.
pub fn check_manifest(text: &str) -> Result<Manifest, Vec<Violation>> {
    Manifest::check(text).map_err(|wrong| {
        let violation = |error: &macadam_registry::ManifestError| {
            let pointer = error.field().split('.').filter(|part| !part.is_empty());
            Violation::new(pointer.map(|part| format!("/{part}")).collect::<String>(), error.to_string())
        };
        wrong.each().map(violation).collect()
    })
}

/// A manifest to begin with: everything that has to be there, and for what may be there what it is for.
pub(super) fn new_manifest(name: &PluginName, kind: PluginKind) -> String {
    let newest = contract::KNOWN.last().map(ToString::to_string).unwrap_or_default();
    let (summary, capabilities) = of_kind(kind);
    format!(
        "\
name = \"{name}\"
# Published versions never change; SemVer says which are compatible.
version = \"0.1.0\"
kind = \"{kind}\"
# The version of the WIT package `{package}` that it is built for.
contract = \"{newest}\"
# One line for people who choose.
summary = \"{summary}\"
license = \"Apache-2.0\"
authors = []
{capabilities}

# The settings that count where an administrator has not set others.
[settings]

# Where its calls need other limits than the host's defaults.
[limits]
# fuel = 5_000_000
# deadline-ms = 500
# memory-bytes = 4_194_304
",
        package = contract::PACKAGE,
    )
}

/// What a plugin of a kind says of itself, and what it may ask for.
fn of_kind(kind: PluginKind) -> (&'static str, &'static str) {
    const PURE: &str = "# A plugin of this kind is a pure function, and may ask for nothing.\ncapabilities = []";
    match kind {
        PluginKind::ApprovalPolicy => ("Says which requests need an approval.", PURE),
        PluginKind::CostEstimator => ("Says what requests cost.", PURE),
        PluginKind::TemplateGenerator => ("Makes projects from a golden path.", PURE),
        PluginKind::Provider => (
            "Makes resources of one type.",
            "# What it asks to be allowed, and an administrator grants: \"secrets\", \"sql:CONNECTION\", \"files:WORKSPACE\".\n\
             capabilities = []",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_to_begin_with_is_one_for_every_kind() {
        for kind in PluginKind::ALL {
            let name = "acme/gate".parse().unwrap();
            let manifest = check_manifest(&new_manifest(&name, kind)).unwrap();
            assert_eq!((manifest.name, manifest.kind), (name, kind));
            assert!(contract::serving(&manifest.contract).is_some());
        }
    }
}
