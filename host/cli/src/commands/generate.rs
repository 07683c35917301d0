//! `macadam generate`: the document that you would have to write, with everything in it that is known.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use macadam_core::kind::PluginKind;
use macadam_core::names::{PluginName, ResourceType, TemplateId};
use serde_json::{Map, Value, json};

use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::inputs::{Setting, over};
use crate::output::{Output, note};
use crate::show::text;

/// What document.
#[derive(Debug, Subcommand)]
pub(crate) enum GenerateCommand {
    /// The specification of a resource, for --spec of `macadam resource create` and `macadam preview`
    Resource {
        /// What it is to be
        #[arg(value_name = "TYPE")]
        resource_type: ResourceType,
        #[command(flatten)]
        known: Known,
    },
    /// The parameters of a project, for --params of `macadam scaffold`
    Project {
        /// The golden path
        template: TemplateId,
        #[command(flatten)]
        known: Known,
    },
    /// The settings of a plugin, for the binding that activates it
    Settings {
        /// Which, such as macadam/cost-threshold or 'acme/gate@^1.2'
        plugin: String,
        #[command(flatten)]
        known: Known,
    },
    /// The manifest of a plugin that you are about to write, as plugin.toml
    Manifest {
        /// What it is to be called, such as acme/tag-police
        name: PluginName,
        /// What it is to be for
        #[arg(long, value_parser = PossibleValuesParser::new(PluginKind::ALL.map(PluginKind::as_str)))]
        kind: String,
        #[command(flatten)]
        place: Place,
    },
}

/// What is known already, and where the document goes.
#[derive(Debug, Args)]
pub(crate) struct Known {
    /// A value that is known; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<Setting>,
    #[command(flatten)]
    place: Place,
}

/// Where the document goes.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Write it to this file, which must not be there yet, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs `macadam generate`.
pub(crate) fn run(global: &Global, command: GenerateCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let (wanted, place) = match command {
        GenerateCommand::Resource { resource_type, known: Known { set, place } } => {
            (json!({"for": "resource", "type": resource_type, "values": over(Map::new(), &set)?}), place)
        }
        GenerateCommand::Project { template, known: Known { set, place } } => {
            (json!({"for": "project", "template": template, "values": over(Map::new(), &set)?}), place)
        }
        GenerateCommand::Settings { plugin, known: Known { set, place } } => {
            (json!({"for": "settings", "plugin": plugin, "values": over(Map::new(), &set)?}), place)
        }
        GenerateCommand::Manifest { name, kind, place } => {
            (json!({"for": "manifest", "name": name, "kind": kind}), place)
        }
    };
    let made = Client::new(global)?.ask("/tools/generate/config", &wanted)?;
    match &place.out {
        Some(path) => {
            let file = OpenOptions::new().write(true).create_new(true).open(path);
            let written = file.and_then(|mut file| file.write_all(text(&made, "/content").as_bytes()));
            written.with_context(|| format!("{} cannot be written", path.display()))?;
            output.value(&made, |_| Ok(format!("{} is written", path.display())))?;
        }
        None => output.value(&made, |made| Ok(text(made, "/content")))?,
    }
    if !output.is_for_programs() {
        remind(&made);
    }
    Ok(End::Done)
}

/// Says, beside the document, what in it is to be filled in.
fn remind(made: &Value) {
    let fields = made.get("fields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for field in fields.iter().filter(|field| field.get("to_fill_in") == Some(&Value::Bool(true))) {
        let description = text(field, "/description");
        let colon = if description.is_empty() { "" } else { ": " };
        note(&format!("to be filled in: {}{colon}{description}", text(field, "/field")));
    }
}
