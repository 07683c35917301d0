//! Generates REST services from the golden path `templates/rest-api`, which this plugin carries with it.

use macadam_sdk::template::{GoldenPath, Tree};
use macadam_sdk::{Plugin, embedded_template, export_generator};

embedded_template!();

/// The generator.
pub struct RestApi;

/// There is nothing to decide.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

impl Plugin for RestApi {
    type Settings = Settings;
    const SUMMARY: &'static str =
        "Generates REST services in TypeScript with tests, CI, a container image and a Terraform module.";
    const SETTINGS_SCHEMA: &'static str = r#"{"type": "object", "additionalProperties": false}"#;
}

impl GoldenPath for RestApi {
    const TREE: &'static Tree = &TREE;
}

export_generator!(RestApi);

#[cfg(test)]
mod tests;
