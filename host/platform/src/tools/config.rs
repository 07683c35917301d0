//! The document that somebody has to write, made for them: what is known is in it, and what is not is named.

use macadam_core::kind::PluginKind;
use macadam_core::names::{PluginName, ResourceType, TemplateId};
use macadam_core::violation::{Violation, join};
use macadam_registry::VersionQuery;
use serde_json::{Map, Value};

use crate::Platform;
use crate::plugins::ActivateError;
use crate::tools::form::{Field, Form, form};
use crate::tools::manifest::new_manifest;

/// What a document is for.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "for", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ConfigFor {
    /// The specification of a resource.
    Resource {
        /// What it is.
        #[serde(rename = "type")]
        resource_type: ResourceType,
        /// What is known of it.
        #[serde(default)]
        values: Map<String, Value>,
    },
    /// The parameters of a project.
    Project {
        /// The golden path.
        template: TemplateId,
        /// What is known of it.
        #[serde(default)]
        values: Map<String, Value>,
    },
    /// The settings of a plugin.
    Settings {
        /// Which, such as `macadam/cost-threshold` or `acme/gate@^1.2`.
        plugin: String,
        /// What is known of them.
        #[serde(default)]
        values: Map<String, Value>,
    },
    /// The manifest of a plugin that is yet to be written.
    Manifest {
        /// What it is to be called.
        name: PluginName,
        /// What it is to be for.
        kind: PluginKind,
    },
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Syntax {
    /// JSON.
    Json,
    /// TOML.
    Toml,
}

/// A document, and what there is to say of it.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = GeneratedConfig)]
pub struct Config {
    /// How it is written.
    pub syntax: Syntax,
    /// The document's text.
    pub content: String,
    /// Whether it can be used as it is: nothing in it only shows what goes there.
    pub complete: bool,
    /// Everything that can be written in it; of a manifest its comments say so.
    pub fields: Vec<Field>,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is nothing of that name.
    #[error("{0}")]
    Unknown(String),
    /// What is known does not fit.
    #[error("{}", join(.0))]
    Invalid(Vec<Violation>),
    /// The plugin cannot be asked about its settings.
    #[error(transparent)]
    Plugin(#[from] ActivateError),
}

impl Platform {
    /// Makes a document for somebody to finish.
    ///
    /// # Errors
    /// [`ConfigError`]; values that do not fit are named below `/values`.
    pub async fn generate_config(&self, wanted: ConfigFor) -> Result<Config, ConfigError> {
        let active = self.plugins().active();
        match wanted {
            ConfigFor::Resource { resource_type, values } => {
                let of = active.providers.get(&resource_type);
                let line = of.ok_or_else(|| unknown("resource type", &resource_type, active.providers.keys()))?;
                config(form(&line.active.face.spec, values))
            }
            ConfigFor::Project { template, values } => {
                let of = active.generators.get(&template);
                let line = of.ok_or_else(|| unknown("template", &template, active.generators.keys()))?;
                // The name is said where the project is asked for, and only there.
                let named = values.into_iter().chain([("name".to_owned(), "project".into())]).collect();
                config(form(&line.active.face.parameters, named).without("name"))
            }
            ConfigFor::Settings { plugin, values } => {
                let query: VersionQuery = plugin.parse().map_err(ActivateError::Query)?;
                let (schema, defaults) = self.plugins().loader().settings_of(&query).await?;
                config(form(&schema, defaults.into_iter().chain(values).collect()))
            }
            ConfigFor::Manifest { name, kind } => {
                let content = new_manifest(&name, kind);
                Ok(Config { syntax: Syntax::Toml, content, complete: true, fields: Vec::new() })
            }
        }
    }
}

fn unknown<'a, N: std::fmt::Display + 'a>(what: &str, name: &N, known: impl Iterator<Item = &'a N>) -> ConfigError {
    let known: Vec<_> = known.map(N::to_string).collect();
    ConfigError::Unknown(format!("there is no {what} {name}; there are: {}", known.join(", ")))
}

fn config(form: Form) -> Result<Config, ConfigError> {
    let Form { document, fields, violations } = form;
    if !violations.is_empty() {
        let below = |violation: Violation| Violation { path: format!("/values{}", violation.path), ..violation };
        return Err(ConfigError::Invalid(violations.into_iter().map(below).collect()));
    }
    let complete = !fields.iter().any(|field| field.to_fill_in);
    Ok(Config { syntax: Syntax::Json, content: format!("{document:#}\n"), complete, fields })
}
