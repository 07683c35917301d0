//! What helps people who write plugins, and changes nothing.

use macadam_core::violation::Violation;
use macadam_registry::Manifest;

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
