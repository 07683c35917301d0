//! `macadam webhook`: who is told of events by a call, and how receivers check what they are sent.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use macadam_core::names::TeamId;
use macadam_core::signature::{Received, WebhookSecret, verify};
use macadam_store::{DeliveryId, WebhookId};
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::{Client, with_query};
use crate::commands::request::more;
use crate::exit::End;
use crate::inputs::seconds;
use crate::output::{Output, table};
use crate::show::{facts, items, text};

/// What can be done with webhooks.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Make a webhook; its secret is shown this once
    #[command(after_help = "\
Examples:
  macadam webhook create https://hooks.example/macadam --type macadam.request. --type macadam.resource.
  macadam webhook create https://hooks.example/macadam --subject resources/payments/prod/ --description 'the pager'

The receiver is told of the team's events from now on, as CloudEvents JSON, and checks them with the secret as
https://www.standardwebhooks.com says. `macadam webhook test` sends one to try.")]
    Create(CreateArgs),
    /// List the webhooks that you may see, or a team's
    List(ListArgs),
    /// Show one webhook
    Get {
        /// The webhook's id
        id: WebhookId,
    },
    /// Change whom a webhook calls, or which events it is told of
    #[command(after_help = "\
Examples:
  macadam webhook change 0198c0de-0000-7000-8000-000000000000 --url https://hooks.example/new
  macadam webhook change 0198c0de-0000-7000-8000-000000000000 --all-types --subject ''")]
    Change(ChangeArgs),
    /// Give a webhook a new secret; the one it had counts as well for a day
    Rotate {
        /// The webhook's id
        id: WebhookId,
    },
    /// Send a message that tells nothing, and show what came of it; exit code 1 when it did not arrive
    Test {
        /// The webhook's id
        id: WebhookId,
    },
    /// Let a webhook that was disabled be told of events again, from where it stopped
    Enable {
        /// The webhook's id
        id: WebhookId,
    },
    /// Remove a webhook
    Delete {
        /// The webhook's id
        id: WebhookId,
    },
    /// Show what came of a webhook's attempts, the latest first
    Deliveries(DeliveriesArgs),
    /// Check a message as its receiver has it, without a server: is it signed with the secret, and not old?
    #[command(after_help = "\
Examples:
  MACADAM_WEBHOOK_SECRET=whsec_… macadam webhook verify --id evt_42 --timestamp 1767323045 --signature 'v1,…' body.json
  curl … | macadam webhook verify --secret-file secret.txt --id … --timestamp … --signature … -

The body must be the bytes as they came: JSON that was read and written again has another signature. A message that is
more than --tolerance from now is refused; for one that was kept, say a longer time.")]
    Verify(VerifyArgs),
}

/// Make a webhook.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Whom to call, with HTTPS
    url: String,
    /// Only events whose type starts with this; several times for several
    #[arg(long = "type", value_name = "PREFIX")]
    types: Vec<String>,
    /// Only events whose subject starts with this
    #[arg(long, value_name = "PREFIX")]
    subject: Option<String>,
    /// What it is for
    #[arg(long, default_value = "")]
    description: String,
    /// Whose events; your team's if nothing is said
    #[arg(long)]
    team: Option<TeamId>,
}

/// Which webhooks.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Of this team
    #[arg(long)]
    team: Option<TeamId>,
    /// How many at most
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Those that follow this id, which the page before has shown
    #[arg(long, value_name = "ID")]
    after: Option<WebhookId>,
}

/// Change a webhook.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The webhook's id
    id: WebhookId,
    /// Whom to call, with HTTPS
    #[arg(long, required_unless_present_any = ["types", "all_types", "subject", "description"])]
    url: Option<String>,
    /// Only events whose type starts with this; several times for several
    #[arg(long = "type", value_name = "PREFIX")]
    types: Vec<String>,
    /// Events of every type
    #[arg(long, conflicts_with = "types")]
    all_types: bool,
    /// Only events whose subject starts with this; '' for all
    #[arg(long, value_name = "PREFIX")]
    subject: Option<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
}

/// Which attempts.
#[derive(Debug, Args)]
pub(crate) struct DeliveriesArgs {
    /// The webhook's id
    id: WebhookId,
    /// How many at most
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Those that follow this id, which the page before has shown
    #[arg(long, value_name = "ID")]
    after: Option<DeliveryId>,
}

/// A message and its secret.
#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// The body, or - for standard input
    body: PathBuf,
    /// The secret; better in the variable or in a file, since a command line shows in the list of processes
    #[arg(long, env = "MACADAM_WEBHOOK_SECRET", hide_env_values = true, value_name = "SECRET")]
    #[arg(required_unless_present = "secret_file")]
    secret: Option<String>,
    /// The file that the secret is in
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The header webhook-id
    #[arg(long)]
    id: String,
    /// The header webhook-timestamp
    #[arg(long)]
    timestamp: String,
    /// The header webhook-signature
    #[arg(long)]
    signature: String,
    /// How far the timestamp may be from now
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = seconds)]
    tolerance: u64,
}

impl std::fmt::Debug for VerifyArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyArgs").field("body", &self.body).field("id", &self.id).finish_non_exhaustive()
    }
}

/// Runs `macadam webhook`.
pub(crate) fn run(global: &Global, command: WebhookCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    if let WebhookCommand::Verify(args) = command {
        return check(&args, output);
    }
    let client = Client::new(global)?;
    let at = |id: WebhookId, action: &str| format!("/webhooks/{id}{action}");
    let webhook = match command {
        WebhookCommand::Create(args) => {
            let CreateArgs { url, types, subject, description, team } = args;
            let wish =
                json!({"url": url, "types": types, "subject": subject, "description": description, "team": team});
            client.post("/webhooks", &wish, &[])?
        }
        WebhookCommand::List(args) => return list(&client, &args, output),
        WebhookCommand::Get { id } => client.get(&at(id, ""))?,
        WebhookCommand::Change(args) => change(&client, args)?,
        WebhookCommand::Rotate { id } => client.post(&at(id, "/rotate"), &json!({}), &[])?,
        WebhookCommand::Test { id } => return test(&client, id, output),
        WebhookCommand::Enable { id } => client.post(&at(id, "/enable"), &json!({}), &[])?,
        WebhookCommand::Delete { id } => {
            client.delete_nothing(&at(id, ""))?;
            output.remark(&format!("webhook {id} is removed"))?;
            return Ok(End::Done);
        }
        WebhookCommand::Deliveries(args) => return deliveries(&client, &args, output),
        WebhookCommand::Verify(_) => bail!("this needs no server"),
    };
    output.value(&webhook, |webhook| Ok(shown(webhook)))?;
    Ok(End::Done)
}

fn change(client: &Client, args: ChangeArgs) -> anyhow::Result<Value> {
    let ChangeArgs { id, url, types, all_types, subject, description } = args;
    let mut wish = serde_json::Map::new();
    let mut set = |name: &str, value: Option<Value>| value.map(|value| wish.insert(name.to_owned(), value));
    set("url", url.map(Value::from));
    set("types", (all_types || !types.is_empty()).then(|| json!(types)));
    set("subject", subject.map(Value::from));
    set("description", description.map(Value::from));
    client.put(&format!("/webhooks/{id}"), &Value::Object(wish), &[])
}

fn list(client: &Client, args: &ListArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let path = with_query(
        "/webhooks",
        &[
            ("team", args.team.as_ref().map(ToString::to_string)),
            ("limit", Some(args.limit.to_string())),
            ("after", args.after.map(|id| id.to_string())),
        ],
    );
    let page = client.get(&path)?;
    output.value(&page, |page| {
        let row = |webhook: &Value| {
            ["/id", "/team", "/state", "/failures", "/last_success_at", "/url"].map(|pointer| text(webhook, pointer))
        };
        Ok(table(["webhook", "team", "state", "failures", "last success", "url"], items(page).iter().map(row)))
    })?;
    more(&page, output)?;
    Ok(End::Done)
}

fn deliveries(client: &Client, args: &DeliveriesArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let path = with_query(
        &format!("/webhooks/{}/deliveries", args.id),
        &[("limit", Some(args.limit.to_string())), ("after", args.after.map(|id| id.to_string()))],
    );
    let page = client.get(&path)?;
    output.value(&page, |page| {
        let row = |attempt: &Value| {
            let of = |pointer| text(attempt, pointer);
            let came = if of("/error").is_empty() { "arrived".to_owned() } else { of("/error") };
            [of("/at"), of("/event"), of("/type"), of("/attempt"), of("/took_ms"), of("/status"), came]
        };
        let head = ["at", "event", "type", "attempt", "ms", "status", "what came of it"];
        Ok(table(head, items(page).iter().map(row)))
    })?;
    more(&page, output)?;
    Ok(End::Done)
}

fn test(client: &Client, id: WebhookId, output: &mut Output<'_>) -> anyhow::Result<End> {
    let tried = client.post(&format!("/webhooks/{id}/test"), &json!({}), &[])?;
    output.value(&tried, |tried| {
        Ok(facts(&[("Status", text(tried, "/status")), ("Took", format!("{} ms", text(tried, "/took_ms")))]))
    })?;
    match text(&tried, "/error").as_str() {
        "" => Ok(End::Done),
        error => Err(anyhow!("the test did not arrive: {error}")),
    }
}

fn check(args: &VerifyArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let secret = match (&args.secret_file, &args.secret) {
        (Some(path), _) => {
            std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?
        }
        (None, secret) => secret.clone().unwrap_or_default(),
    };
    let secret: WebhookSecret = secret.parse()?;
    let body = if args.body.as_os_str() == "-" {
        let mut body = Vec::new();
        std::io::stdin().lock().read_to_end(&mut body).context("standard input cannot be read")?;
        body
    } else {
        std::fs::read(&args.body).with_context(|| format!("{} cannot be read", args.body.display()))?
    };
    let VerifyArgs { id, timestamp, signature, tolerance, .. } = args;
    let message = Received { id, timestamp: timestamp.trim(), signature: signature.trim(), body: &body };
    let tolerance = SignedDuration::from_secs(i64::try_from(*tolerance).unwrap_or(i64::MAX));
    verify(&secret, &message, Timestamp::now(), tolerance)?;
    output.value(&json!({"verified": true}), |_| Ok("The message is signed with this secret.".to_owned()))?;
    Ok(End::Done)
}

fn shown(webhook: &Value) -> String {
    let of = |pointer| text(webhook, pointer);
    let types = webhook.get("types").and_then(Value::as_array).cloned().unwrap_or_default();
    let types: Vec<_> = types.iter().filter_map(Value::as_str).collect();
    let mut shown = facts(&[
        ("Webhook", of("/id")),
        ("Team", of("/team")),
        ("Description", of("/description")),
        ("URL", of("/url")),
        ("Types", if types.is_empty() { "all".to_owned() } else { types.join(", ") }),
        ("Subject", of("/subject")),
        ("State", of("/state")),
        ("Reason", of("/reason")),
        ("Failures", of("/failures")),
        ("Failing since", of("/failing_since")),
        ("Next attempt", of("/next_attempt")),
        ("Last success", of("/last_success_at")),
        ("Last error", of("/last_error")),
        ("Old secret until", of("/previous_secret_until")),
        ("Created", format!("{} by {}", of("/created_at"), of("/created_by"))),
    ]);
    let secret = of("/secret");
    if !secret.is_empty() {
        shown.push_str(&format!("\nSecret, shown this once: {secret}\n"));
    }
    shown
}
