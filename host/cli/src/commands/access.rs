//! `macadam access`: who may do what, and why not.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use macadam_core::names::{AccessPolicyName, EnvironmentName, Namespace, ResourceKey, TeamId, TemplateId};
use macadam_platform::authorization::Action;
use macadam_store::RequestId;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::{Client, with_query};
use crate::exit::End;
use crate::output::{Output, table};
use crate::show::{items, text};

/// What can be asked and said about who may do what.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    /// Say whether you may do something, and what it would take if not; exit code 3 when you may not
    #[command(after_help = "\
Examples:
  macadam access explain resource.create --resource payments/prod/postgres-database/orders
  macadam access explain request.approve --request 0198c0de-0000-7000-8000-000000000000
  macadam access explain plugin.publish --namespace acme
  macadam access explain binding.change

`macadam access actions` lists the actions.")]
    Explain(ExplainArgs),
    /// List the actions there are
    Actions,
    /// Show what each role may do to what is its own team's, and to what is another team's
    Matrix {
        /// Only this action
        #[arg(long)]
        action: Option<Action>,
    },
    /// Add to the rules, in the Cedar language
    #[command(subcommand)]
    Policy(PolicyCommand),
}

/// What the question is about.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// What would be done, such as resource.create
    action: Action,
    /// To which resource, namespace/environment/type/name; it need not exist
    #[arg(long, value_name = "KEY")]
    resource: Option<ResourceKey>,
    /// To which request
    #[arg(long, value_name = "ID")]
    request: Option<RequestId>,
    /// To which team's things; your own team's if nothing is said
    #[arg(long)]
    team: Option<TeamId>,
    /// To which namespace of plugins
    #[arg(long)]
    namespace: Option<Namespace>,
    /// From which golden path
    #[arg(long)]
    template: Option<TemplateId>,
    /// In which environment, for a project
    #[arg(long = "env", value_name = "NAME")]
    environment: Option<EnvironmentName>,
}

/// What can be done with what is added to the rules.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// List what was added
    List,
    /// Show the rules that come with the host
    Default,
    /// Show what policies can speak about
    Schema,
    /// Show one policy's text
    Show {
        /// The policy
        name: AccessPolicyName,
    },
    /// Show what a policy would change, without adding it; exit code 5 when it changes what a role may do
    Check {
        /// What it would be called
        name: AccessPolicyName,
        /// Its text
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Add a policy, or change it
    #[command(after_help = "\
Example:
  macadam access policy check freeze -f freeze.cedar
  macadam access policy put freeze -f freeze.cedar --reason 'year end'

freeze.cedar:
  @because(\"production is closed until January 2nd\")
  forbid (principal, action in Action::\"build\", resource is Resource)
  when { resource.class == \"production\" };

A policy that speaks of something that there is not is refused, and so is one that would keep you from taking it back.")]
    Put {
        /// What it is called
        name: AccessPolicyName,
        /// Its text
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        /// Why, for the record
        #[arg(long, default_value = "")]
        reason: String,
        /// The revision that you looked at, 0 for a new one; refused when it is another one
        #[arg(long)]
        revision: Option<u64>,
    },
    /// Remove a policy
    Remove {
        /// The policy
        name: AccessPolicyName,
        /// Why, for the record
        #[arg(long, default_value = "")]
        reason: String,
        /// The revision that you looked at; refused when it is another one
        #[arg(long)]
        revision: Option<u64>,
    },
}

/// Runs `macadam access`.
pub(crate) fn run(global: &Global, command: AccessCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let client = Client::new(global)?;
    match command {
        AccessCommand::Explain(args) => explain(&client, args, output),
        AccessCommand::Actions => {
            let rows = |action: &Value| ["/action", "/target", "/doing"].map(|pointer| text(action, pointer));
            let shown = |answer: &Value| table(["action", "done to", "that is"], items(answer).iter().map(rows));
            output.value(&client.get("/access/actions")?, |answer| Ok(shown(answer)))?;
            Ok(End::Done)
        }
        AccessCommand::Matrix { action } => {
            let answer = client.get("/access/matrix")?;
            let only = action.map(Action::as_str);
            output.value(&answer, |answer| Ok(matrix(items(answer), "/allowed", only)))?;
            Ok(End::Done)
        }
        AccessCommand::Policy(command) => policy(&client, command, output),
    }
}

fn explain(client: &Client, args: ExplainArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let ExplainArgs { action, resource, request, team, namespace, template, environment } = args;
    let path = with_query(
        "/authorize",
        &[
            ("action", Some(action.to_string())),
            ("resource", resource.map(|key| key.to_string())),
            ("request", request.map(|id| id.to_string())),
            ("team", team.map(|team| team.to_string())),
            ("namespace", namespace.map(|name| name.to_string())),
            ("template", template.map(|id| id.to_string())),
            ("environment", environment.map(|name| name.to_string())),
        ],
    );
    let answer = client.get(&path)?;
    let allowed = answer.get("allowed").and_then(Value::as_bool).unwrap_or_default();
    let verdict = if allowed { "yes" } else { "no" };
    output.value(&answer, |answer| Ok(format!("{verdict}: {}", text(answer, "/because"))))?;
    Ok(if allowed { End::Done } else { End::Denied })
}

fn policy(client: &Client, command: PolicyCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let path = |name: &AccessPolicyName| format!("/access/policies/{name}");
    match command {
        PolicyCommand::List => output.value(&client.get("/access/policies")?, |answer| Ok(listed(items(answer))))?,
        PolicyCommand::Default => output.line(&text(&client.get("/access/policies")?, "/default"))?,
        PolicyCommand::Schema => output.line(&text(&client.get("/access/policies")?, "/schema"))?,
        PolicyCommand::Show { name } => {
            output.value(&client.get(&path(&name))?, |answer| Ok(text(answer, "/text")))?;
        }
        PolicyCommand::Check { name, file } => {
            let answer = client.ask(&format!("{}/check", path(&name)), &json!({"text": read(&file)?}))?;
            let differences = answer.get("differences").and_then(Value::as_array).cloned().unwrap_or_default();
            output.value(&answer, |_| Ok(turned(&differences)))?;
            return Ok(if differences.is_empty() { End::Done } else { End::Differs });
        }
        PolicyCommand::Put { name, file, reason, revision } => {
            let wish = json!({"text": read(&file)?, "reason": reason, "revision": revision});
            let answer = client.put(&path(&name), &wish, &[])?;
            output.value(&answer, |answer| Ok(listed(std::slice::from_ref(answer))))?;
        }
        PolicyCommand::Remove { name, reason, revision } => {
            client.delete_with(&path(&name), &json!({"reason": reason, "revision": revision}))?;
            output.remark(&format!("{name} is removed"))?;
        }
    }
    Ok(End::Done)
}

fn read(file: &std::path::Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn listed(policies: &[Value]) -> String {
    let row = |policy: &Value| {
        ["/name", "/revision", "/person", "/changed_at", "/reason", "/error"].map(|pointer| text(policy, pointer))
    };
    table(["policy", "revision", "by", "changed", "reason", "error"], policies.iter().map(row))
}

fn turned(differences: &[Value]) -> String {
    if differences.is_empty() {
        return "it changes nothing that any single role may do; it may still count for persons, groups or names"
            .to_owned();
    }
    let allowed = differences.iter().filter(|cell| cell.get("after") == Some(&Value::Bool(true)));
    let allowed: Vec<_> = allowed.cloned().collect();
    let forbidden = differences.iter().filter(|cell| cell.get("before") == Some(&Value::Bool(true)));
    let forbidden: Vec<_> = forbidden.cloned().collect();
    let mut parts = Vec::new();
    for (what, cells, flag) in
        [("allowed from then on:", allowed, "/after"), ("forbidden from then on:", forbidden, "/before")]
    {
        if !cells.is_empty() {
            parts.push(format!("{what}\n{}", matrix(&cells, flag, None)));
        }
    }
    parts.join("\n\n")
}

/// One line for each action, team and class; the roles that may, of those cells whose flag is set.
fn matrix(cells: &[Value], flag: &str, only: Option<&str>) -> String {
    let mut lines: std::collections::BTreeMap<[String; 3], Vec<String>> = std::collections::BTreeMap::new();
    for cell in cells.iter().filter(|cell| only.is_none_or(|action| text(cell, "/action") == action)) {
        let roles = lines.entry(["/action", "/team", "/class"].map(|pointer| text(cell, pointer))).or_default();
        if cell.pointer(flag) == Some(&Value::Bool(true)) {
            let role = text(cell, "/role");
            roles.push(if role.is_empty() { "everybody".to_owned() } else { role });
        }
    }
    let roles = |mut roles: Vec<String>| {
        if roles.iter().any(|role| role == "everybody") {
            roles.truncate(1);
        }
        roles.join(", ")
    };
    let rows = lines.into_iter().map(|([action, team, class], who)| [action, team, class, roles(who)]);
    table(["action", "team", "environment", "roles"], rows)
}
