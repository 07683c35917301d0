//! `macadam scaffold` and `macadam fetch`: a project from a golden path, as a directory or as its archive.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use macadam_core::digest::Digest;
use macadam_core::names::{EnvironmentName, ResourceName, TemplateId};
use macadam_store::ScaffoldId;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::inputs::{Pair, Setting, object_from, over, pairs};
use crate::output::{Output, note};
use crate::show::text;
use crate::unpack;

/// What project, and where it goes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  macadam scaffold rest-api orders --param owner=payments --param description='Takes orders'
  macadam scaffold rest-api orders --param owner=payments --param description=Orders --param port=8080 \\
    --feature health-checks --archive orders.tar.gz

`macadam template show TEMPLATE` says what parameters and features there are. A project that needs approval is fetched
later with `macadam fetch`.")]
pub(crate) struct ScaffoldArgs {
    /// Which golden path
    template: TemplateId,
    /// What the project is to be called
    name: ResourceName,
    /// A parameter; may be given several times
    #[arg(long = "param", value_name = "KEY=VALUE")]
    params: Vec<Setting>,
    /// The parameters as a JSON file, or `-` for standard input; --param goes over it
    #[arg(long = "params", value_name = "FILE")]
    file: Option<PathBuf>,
    /// A feature that is in; without any, the template's defaults are
    #[arg(long = "feature", value_name = "FEATURE", conflicts_with = "no_features")]
    features: Vec<String>,
    /// No features at all
    #[arg(long)]
    no_features: bool,
    /// Where the service is to run first
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environment: Option<EnvironmentName>,
    /// A label; may be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    tags: Vec<Pair>,
    #[command(flatten)]
    place: Place,
}

/// Where a project goes.
#[derive(Debug, Args)]
struct Place {
    /// The directory to make; by default one with the project's name
    #[arg(long, value_name = "DIR", conflicts_with = "archive")]
    dir: Option<PathBuf>,
    /// Write the archive to this file instead
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
}

/// Which project, and where it goes.
#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// The project's id, as `macadam scaffold` has shown it
    scaffold: ScaffoldId,
    #[command(flatten)]
    place: Place,
}

/// Runs `macadam scaffold`.
pub(crate) fn run(global: &Global, args: &ScaffoldArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    // Found out before a project is made that has nowhere to go.
    args.place.check(args.name.as_str())?;
    let client = Client::new(global)?;
    let made = client.post("/scaffolds", &document(args)?, &[])?;
    for warning in made.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        note(&format!("warning: {}", text(warning, "")));
    }
    if text(&made, "/state") == "succeeded" {
        return receive(&client, &made, &args.place, output);
    }
    output.value(&made, |made| {
        let (request, id) = (text(made, "/request"), text(made, "/id"));
        Ok(format!("The project waits for approval as request {request}. Once it has it: macadam fetch {id}"))
    })?;
    Ok(End::Pending)
}

fn document(args: &ScaffoldArgs) -> anyhow::Result<Value> {
    let base = args.file.as_deref().map(object_from).transpose()?.unwrap_or_default();
    let parameters = over(base, &args.params)?;
    let mut document = json!({
        "template": args.template, "name": args.name, "parameters": parameters, "tags": pairs(&args.tags),
    });
    if let Some(document) = document.as_object_mut() {
        if args.no_features || !args.features.is_empty() {
            document.insert("features".to_owned(), json!(args.features));
        }
        if let Some(environment) = &args.environment {
            document.insert("environment".to_owned(), json!(environment));
        }
    }
    Ok(document)
}

/// Runs `macadam fetch`.
pub(crate) fn fetch(global: &Global, args: &FetchArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let client = Client::new(global)?;
    let scaffold = client.get(&format!("/scaffolds/{}", args.scaffold))?;
    if text(&scaffold, "/state") == "pending-approval" {
        output.value(&scaffold, |scaffold| {
            Ok(format!("The project waits for approval as request {}.", text(scaffold, "/request")))
        })?;
        return Ok(End::Pending);
    }
    receive(&client, &scaffold, &args.place, output)
}

fn receive(client: &Client, scaffold: &Value, place: &Place, output: &mut Output<'_>) -> anyhow::Result<End> {
    let name: ResourceName = text(scaffold, "/answers/parameters/name").parse().context("the project has no name")?;
    place.check(name.as_str())?;
    let digest: Digest = text(scaffold, "/archive").parse().context("the server gave no digest")?;
    let bytes = client.bytes(&format!("/scaffolds/{}/archive", text(scaffold, "/id")))?;
    if Digest::of(&bytes) != digest {
        bail!("the archive is not the one that was made (it should be {digest}); fetch it again");
    }
    let written = place.write(&bytes, name.as_str())?;
    output.value(scaffold, |_| Ok(written))?;
    Ok(End::Done)
}

impl Place {
    fn directory(&self, name: &str) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| PathBuf::from(name))
    }

    fn check(&self, name: &str) -> anyhow::Result<()> {
        match &self.archive {
            Some(file) if file.exists() => bail!("{} is there already; name another file", file.display()),
            Some(_) => Ok(()),
            None => unpack::check_free(&self.directory(name)),
        }
    }

    fn write(&self, bytes: &[u8], name: &str) -> anyhow::Result<String> {
        if let Some(file) = &self.archive {
            write_new(file, bytes).with_context(|| format!("{} cannot be written", file.display()))?;
            return Ok(format!("Wrote {}", file.display()));
        }
        let directory = self.directory(name);
        let count = unpack::unpack(bytes, &directory)?;
        Ok(format!("Made {} with {count} files", directory.display()))
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes)
}
