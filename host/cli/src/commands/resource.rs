//! `macadam resource`: ask for resources, change and remove them, look at them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use macadam_core::lifecycle::ResourceState;
use macadam_core::names::{EnvironmentName, Namespace, ResourceKey, ResourceName, ResourceType};
use macadam_core::selector::Selector;
use serde_json::{Map, Value, json};

use crate::args::Global;
use crate::client::{Client, encoded, with_query};
use crate::commands::follow::FollowArgs;
use crate::exit::End;
use crate::inputs::{Pair, Setting, object_from, over, pairs, seconds, word};
use crate::output::{Output, table};
use crate::show::{facts, items, text};

/// What can be done with resources.
#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// Ask for a resource
    #[command(after_help = "\
Examples:
  macadam resource create local-directory team-files --env dev --set quota_mb=512 --tag owner=dana --wait
  macadam resource create postgres-database orders --env prod --spec orders.json --ttl 7d

A value of --set is JSON, or text where it is none: quota_mb=512 is a number, region=eu a text, and version='\"16\"' a
text that looks like a number. A dot leads into an object: backup.days=7.")]
    Create(CreateArgs),
    /// Ask for a change to a resource
    #[command(after_help = "\
Example:
  macadam resource update payments/dev/local-directory/team-files --set quota_mb=1024 --wait

--set changes the specification as it is now; --spec replaces it.")]
    Update(UpdateArgs),
    /// Show one resource
    Get {
        /// namespace/environment/type/name
        resource: ResourceKey,
    },
    /// List resources
    List(ListArgs),
    /// List what can be asked for, and who makes it
    Types,
    /// Show through which states one has gone, and by which requests
    Transitions {
        /// namespace/environment/type/name
        resource: ResourceKey,
    },
    /// Ask for a resource's removal
    Delete(DeleteArgs),
    /// Show a resource's outputs, secrets included; each time is audited
    Credentials {
        /// namespace/environment/type/name
        resource: ResourceKey,
    },
    /// Has the provider look at one
    Health {
        /// namespace/environment/type/name
        resource: ResourceKey,
    },
}

/// What a new resource is to be.
#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// What it is to be
    #[arg(value_name = "TYPE")]
    pub(crate) resource_type: ResourceType,
    /// What it is to be called
    pub(crate) name: ResourceName,
    /// Where
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub(crate) environment: EnvironmentName,
    #[command(flatten)]
    pub(crate) content: Content,
}

/// A specification, labels and life time.
#[derive(Debug, Args)]
pub(crate) struct Content {
    /// A value of the specification; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<Setting>,
    /// The specification as a JSON file, or `-` for standard input; --set goes over it
    #[arg(long, value_name = "FILE")]
    pub(crate) spec: Option<PathBuf>,
    /// A label; may be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<Pair>,
    /// How long it lives once it is ready, such as 2h or 7d
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) ttl: Option<u64>,
}

/// Create.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    wish: Wish,
    #[command(flatten)]
    follow: FollowArgs,
}

/// Update.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// namespace/environment/type/name
    resource: ResourceKey,
    #[command(flatten)]
    content: Content,
    /// The revision that you looked at; refused when there has been another since
    #[arg(long)]
    revision: Option<u64>,
    #[command(flatten)]
    follow: FollowArgs,
}

/// Delete.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// namespace/environment/type/name
    resource: ResourceKey,
    /// The revision that you looked at; refused when there has been another since
    #[arg(long)]
    revision: Option<u64>,
    #[command(flatten)]
    follow: FollowArgs,
}

/// Which resources.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only of this namespace
    #[arg(long)]
    namespace: Option<Namespace>,
    /// Only in this environment
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environment: Option<EnvironmentName>,
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE")]
    resource_type: Option<ResourceType>,
    /// Only in this state
    #[arg(long, value_parser = word::<ResourceState>(ResourceState::ALL.iter().map(|state| state.as_str())))]
    state: Option<ResourceState>,
    /// Also those that are deleted or failed
    #[arg(long)]
    include_gone: bool,
    /// Only those with such tags: `team=payments,tier!=dev,env in (a,b),!x`
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<Selector>,
    /// How many at most
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Those that follow this id, which the page before has shown
    #[arg(long, value_name = "ID")]
    after: Option<macadam_store::ResourceId>,
}

impl Wish {
    /// The body of a create.
    pub(crate) fn document(&self) -> anyhow::Result<Value> {
        let mut document = self.content.document(Map::new())?;
        document.insert("environment".to_owned(), json!(self.environment));
        document.insert("type".to_owned(), json!(self.resource_type));
        document.insert("name".to_owned(), json!(self.name));
        Ok(Value::Object(document))
    }
}

impl Content {
    /// What of a body it says: nothing for what is left out. Settings go over the file, or else over the base.
    pub(crate) fn document(&self, base: Map<String, Value>) -> anyhow::Result<Map<String, Value>> {
        let mut document = Map::new();
        if self.spec.is_some() || !self.set.is_empty() {
            let base = self.spec.as_deref().map_or(Ok(base), object_from)?;
            document.insert("spec".to_owned(), Value::Object(over(base, &self.set)?));
        }
        if !self.tags.is_empty() {
            document.insert("tags".to_owned(), json!(pairs(&self.tags)));
        }
        if let Some(ttl) = self.ttl {
            document.insert("ttl_seconds".to_owned(), json!(ttl));
        }
        Ok(document)
    }

    /// Whether the specification as it is now has a part in what it is to be.
    pub(crate) fn needs_current(&self) -> bool {
        self.spec.is_none() && !self.set.is_empty()
    }
}

/// Runs `macadam resource`.
pub(crate) fn run(global: &Global, command: ResourceCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let client = Client::new(global)?;
    match command {
        ResourceCommand::Create(CreateArgs { wish, follow }) => {
            let taken = client.post("/resources", &wish.document()?, &follow.headers())?;
            follow.follow(&client, &taken, output)
        }
        ResourceCommand::Update(args) => update(&client, &args, output),
        ResourceCommand::Delete(args) => {
            let revision = args.revision.map(|revision| format!("\"{revision}\""));
            let taken = client.delete(&path_of(&args.resource), &headers(revision.as_deref(), &args.follow))?;
            args.follow.follow(&client, &taken, output)
        }
        ResourceCommand::Get { resource } => {
            output.value(&client.get(&path_of(&resource))?, |resource| Ok(shown(resource)))?;
            Ok(End::Done)
        }
        ResourceCommand::List(args) => list(&client, &args, output),
        ResourceCommand::Types => {
            let all = client.get("/resource-types")?;
            output.value(&all, |all| {
                let row = |offered: &Value| ["/type", "/title", "/plugin"].map(|part| text(offered, part));
                Ok(table(["type", "title", "made by"], items(all).iter().map(row)))
            })?;
            Ok(End::Done)
        }
        ResourceCommand::Transitions { resource } => {
            let all = client.get(&format!("{}/transitions", path_of(&resource)))?;
            output.value(&all, |all| {
                let row = |change: &Value| ["/at", "/from", "/to", "/request"].map(|part| text(change, part));
                Ok(table(["at", "from", "to", "request"], items(all).iter().map(row)))
            })?;
            Ok(End::Done)
        }
        ResourceCommand::Credentials { resource } => {
            let credentials = client.get(&format!("{}/credentials", path_of(&resource)))?;
            output.value(&credentials, |credentials| {
                let outputs = credentials.get("outputs").and_then(Value::as_object).cloned().unwrap_or_default();
                Ok(table(["output", "value"], outputs.iter().map(|(name, value)| [name.clone(), text(value, "")])))
            })?;
            Ok(End::Done)
        }
        ResourceCommand::Health { resource } => {
            let health = client.get(&format!("{}/health", path_of(&resource)))?;
            output.value(&health, |health| {
                let field = |name: &str| health.get(name).map(|value| text(value, "")).unwrap_or_default();
                Ok(table(["health", "detail"], [[field("health"), field("detail")]]))
            })?;
            Ok(End::Done)
        }
    }
}

fn path_of(key: &ResourceKey) -> String {
    format!("/resources/{key}")
}

fn headers<'a>(revision: Option<&'a str>, follow: &'a FollowArgs) -> Vec<(&'a str, &'a str)> {
    revision.map(|revision| ("if-match", revision)).into_iter().chain(follow.headers()).collect()
}

fn update(client: &Client, args: &UpdateArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let UpdateArgs { resource, content, revision, follow } = args;
    let (mut base, mut revision) = (Map::new(), revision.map(|revision| revision.to_string()));
    if content.needs_current() {
        let current = client.get(&path_of(resource))?;
        base = current.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
        // What is sent rests on what was just read, so nobody else's change in between may be written over.
        revision = revision.or_else(|| Some(text(&current, "/revision")));
    }
    let revision = revision.map(|revision| format!("\"{revision}\""));
    let document = Value::Object(content.document(base)?);
    let taken = client.put(&path_of(resource), &document, &headers(revision.as_deref(), follow))?;
    follow.follow(client, &taken, output)
}

fn list(client: &Client, args: &ListArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let path = with_query(
        "/resources",
        &[
            ("namespace", args.namespace.as_ref().map(ToString::to_string)),
            ("environment", args.environment.as_ref().map(ToString::to_string)),
            ("type", args.resource_type.as_ref().map(ToString::to_string)),
            ("state", args.state.map(|state| state.to_string())),
            ("include_gone", args.include_gone.then(|| "true".to_owned())),
            ("selector", args.selector.as_ref().map(|selector| encoded(&selector.to_string()))),
            ("limit", Some(args.limit.to_string())),
            ("after", args.after.map(|id| id.to_string())),
        ],
    );
    let page = client.get(&path)?;
    output.value(&page, |page| {
        let row = |resource: &Value| {
            let of = |pointer| text(resource, pointer);
            [name_of(resource), of("/state"), of("/health/state"), of("/monthly_cost"), of("/expires_at")]
        };
        Ok(table(["resource", "state", "health", "monthly", "expires"], items(page).iter().map(row)))
    })?;
    super::request::more(&page, output)?;
    Ok(End::Done)
}

/// How it was when its provider last looked.
fn health(resource: &Value) -> String {
    let of = |pointer| text(resource, pointer);
    match (of("/health/state"), of("/health/message")) {
        (state, _) if state.is_empty() => state,
        (state, message) if message.is_empty() => format!("{state} since {}", of("/health/since")),
        (state, message) => format!("{state} since {}: {message}", of("/health/since")),
    }
}

fn name_of(resource: &Value) -> String {
    ["/namespace", "/environment", "/type", "/name"].map(|part| text(resource, part)).join("/")
}

fn shown(resource: &Value) -> String {
    let of = |pointer| text(resource, pointer);
    let mut shown = facts(&[
        ("Resource", name_of(resource)),
        ("State", of("/state")),
        ("Health", health(resource)),
        ("Team", of("/team")),
        ("Revision", of("/revision")),
        ("Monthly cost", of("/monthly_cost")),
        ("Provider", of("/provider")),
        ("Open request", of("/open_request")),
        ("Created", of("/created_at")),
        ("Ready", of("/ready_at")),
        ("Expires", of("/expires_at")),
        ("Specification", of("/spec")),
        ("Tags", of("/tags")),
    ]);
    let outputs = resource.get("outputs").and_then(Value::as_object).cloned().unwrap_or_default();
    if !outputs.is_empty() {
        let row = |(name, value): (&String, &Value)| {
            let secret = value.get("secret").is_some();
            [
                name.clone(),
                if secret { "(secret; see `macadam resource credentials`)".to_owned() } else { text(value, "") },
            ]
        };
        shown.push('\n');
        shown.push_str(&table(["output", "value"], outputs.iter().map(row)));
    }
    shown
}
