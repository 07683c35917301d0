//! `macadam preview`: what a request would do and cost, and what every policy says.

use clap::Args;
use macadam_core::names::{EnvironmentName, ResourceKey, ResourceName, ResourceType};
use serde_json::{Map, Value, json};

use crate::args::Global;
use crate::client::Client;
use crate::commands::follow::end_if_asked;
use crate::commands::resource::Content;
use crate::exit::{End, UsageError};
use crate::output::Output;
use crate::show::{self, Decision, facts, text};

/// Create by default; update or delete of a resource that exists.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  macadam preview local-directory team-files --env dev --set quota_mb=512 --tag owner=dana
  macadam preview --update payments/dev/local-directory/team-files --set quota_mb=4096
  macadam preview --delete payments/dev/local-directory/team-files

Ends with 3 when the request would be denied, and with 4 when it would wait for approval.")]
pub(crate) struct PreviewArgs {
    /// What a new resource is to be
    #[arg(value_name = "TYPE", requires_all = ["name", "environment"])]
    #[arg(required_unless_present_any = ["update", "delete"])]
    resource_type: Option<ResourceType>,
    /// What it is to be called
    name: Option<ResourceName>,
    /// Where
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environment: Option<EnvironmentName>,
    #[command(flatten)]
    content: Content,
    /// Preview a change to this resource instead
    #[arg(long, value_name = "RESOURCE", conflicts_with_all = ["resource_type", "delete"])]
    update: Option<ResourceKey>,
    /// Preview the removal of this resource instead
    #[arg(long, value_name = "RESOURCE", conflicts_with_all = ["resource_type", "set", "spec", "tags", "ttl"])]
    delete: Option<ResourceKey>,
}

/// Runs `macadam preview`.
pub(crate) fn run(global: &Global, args: PreviewArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let client = Client::new(global)?;
    let preview = client.ask("/preview", &document(&client, args)?)?;
    let decision: Decision = serde_json::from_value(preview.clone())?;
    output.value(&preview, |preview| Ok(shown(preview, &decision)))?;
    Ok(end_if_asked(&decision))
}

fn document(client: &Client, args: PreviewArgs) -> anyhow::Result<Value> {
    let PreviewArgs { resource_type, name, environment, content, update, delete } = args;
    match (resource_type, name, environment, update, delete) {
        (_, _, _, Some(resource), _) => {
            let current =
                if content.needs_current() { client.get(&format!("/resources/{resource}"))? } else { json!({}) };
            let base = current.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
            let mut document = content.document(base)?;
            document
                .extend([("action".to_owned(), json!("update")), ("resource".to_owned(), json!(resource.to_string()))]);
            Ok(Value::Object(document))
        }
        (_, _, _, _, Some(resource)) => Ok(json!({"action": "delete", "resource": resource.to_string()})),
        (Some(resource_type), Some(name), Some(environment), _, _) => {
            let mut document = content.document(Map::new())?;
            document.insert("type".to_owned(), json!(resource_type));
            document.insert("name".to_owned(), json!(name));
            document.insert("environment".to_owned(), json!(environment));
            Ok(Value::Object(document))
        }
        _ => Err(UsageError("name the type, the name and --env of a resource".to_owned()).into()),
    }
}

fn shown(preview: &Value, decision: &Decision) -> String {
    let key = ["/resource/namespace", "/resource/environment", "/resource/type", "/resource/name"];
    let head = facts(&[
        ("Resource", key.map(|part| text(preview, part)).join("/")),
        ("Action", text(preview, "/action")),
        ("Specification", text(preview, "/spec")),
        ("Digest", text(preview, "/digest")),
    ]);
    format!("{head}\n{}", show::decision(decision))
}
