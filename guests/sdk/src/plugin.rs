//! What every plugin says of itself, and how its settings are read.

use serde::de::DeserializeOwned;

use crate::{Error, Violation, schema};

/// What every plugin says of itself, whatever its kind.
pub trait Plugin {
    /// The settings as a type of your own. Give it `#[serde(deny_unknown_fields)]`, so that a slip of the pen is an
    /// error, and defaults wherever there is a good one.
    type Settings: DeserializeOwned;

    /// One line for people who choose a plugin.
    const SUMMARY: &'static str;

    /// JSON Schema 2020-12 of the settings. [`schema`] says which of its words are checked here; `include_str!` of a
    /// `settings.schema.json` beside the plugin keeps it readable.
    const SETTINGS_SCHEMA: &'static str;

    /// Says what the schema cannot say of settings that fit it. Called when an administrator sets them, not at every
    /// call.
    fn check_settings(_settings: &Self::Settings) -> Vec<Violation> {
        Vec::new()
    }
}

/// Everything that is wrong with settings: what the schema finds, or else what serde or the plugin itself finds.
pub(crate) fn settings_violations<P: Plugin>(settings: &str) -> Vec<Violation> {
    let violations = schema::check(P::SETTINGS_SCHEMA, settings);
    if !violations.is_empty() {
        return violations;
    }
    match serde_json::from_str(settings) {
        Ok(settings) => P::check_settings(&settings),
        Err(error) => vec![Violation::new("", error.to_string())],
    }
}

/// Reads settings for a call. The document at hand is the request, so the pointers of violations lead with `/settings`.
pub(crate) fn read_settings<P: Plugin>(settings: &str) -> Result<P::Settings, Error> {
    serde_json::from_str(settings).map_err(|error| Error::Invalid(explain::<P>(settings, &error)))
}

#[cold]
fn explain<P: Plugin>(settings: &str, error: &serde_json::Error) -> Vec<Violation> {
    let mut violations = schema::check(P::SETTINGS_SCHEMA, settings);
    if violations.is_empty() {
        violations.push(Violation::new("", error.to_string()));
    }
    for violation in &mut violations {
        violation.path.insert_str(0, "/settings");
    }
    violations
}
