//! `macadam template`: what golden paths there are.

use anyhow::bail;
use clap::Subcommand;
use macadam_core::names::TemplateId;
use serde_json::Value;

use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::output::{Output, table};
use crate::show::{facts, items, text};

/// What can be done with golden paths.
#[derive(Debug, Subcommand)]
pub(crate) enum TemplateCommand {
    /// List golden paths
    List,
    /// Show one: its features and parameters
    Show {
        /// The golden path's id
        template: TemplateId,
    },
}

/// Runs `macadam template`.
pub(crate) fn run(global: &Global, command: TemplateCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let all = Client::new(global)?.get("/templates")?;
    match command {
        TemplateCommand::List => output.value(&all, |all| {
            let row = |template: &Value| {
                ["/id", "/version", "/language", "/framework", "/title"].map(|part| text(template, part))
            };
            Ok(table(["template", "version", "language", "framework", "title"], items(all).iter().map(row)))
        })?,
        TemplateCommand::Show { template } => {
            let Some(found) = items(&all).iter().find(|each| text(each, "/id") == template.as_str()) else {
                let known: Vec<_> = items(&all).iter().map(|each| text(each, "/id")).collect();
                bail!("there is no golden path {template}; there are: {}", known.join(", "))
            };
            output.value(found, |template| Ok(shown(template)))?;
        }
    }
    Ok(End::Done)
}

fn shown(template: &Value) -> String {
    let of = |pointer| text(template, pointer);
    let head = facts(&[
        ("Template", format!("{} {}", of("/id"), of("/version"))),
        ("Title", of("/title")),
        ("Category", of("/category")),
        ("Language", of("/language")),
        ("Framework", of("/framework")),
        ("Plugin", [of("/plugin/name"), of("/plugin/version")].join("@")),
        ("Replaced by", of("/deprecated_by")),
        ("Description", of("/description")),
    ]);
    format!("{head}\n{}\n\n{}", features(template), parameters(template))
}

fn features(template: &Value) -> String {
    let features = template.get("features").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let row = |feature: &Value| {
        let default = if text(feature, "/default") == "true" { "in" } else { "out" };
        [text(feature, "/name"), default.to_owned(), text(feature, "/title")]
    };
    table(["feature", "by default", "what"], features.iter().map(row))
}

fn parameters(template: &Value) -> String {
    let properties = template.pointer("/parameters/properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let required = template.pointer("/parameters/required").and_then(Value::as_array).cloned().unwrap_or_default();
    let row = |(name, schema): (&String, &Value)| {
        let must = required.iter().any(|each| each.as_str() == Some(name));
        let default = if must { "required".to_owned() } else { text(schema, "/default") };
        let what = [text(schema, "/title"), text(schema, "/description")];
        [
            name.clone(),
            text(schema, "/type"),
            default,
            what.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
        ]
    };
    table(["parameter", "type", "default", "what"], properties.iter().map(row))
}
