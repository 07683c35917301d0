//! `macadam token`: the tokens of services, such as a pipeline's.

use clap::{Args, Subcommand};
use macadam_core::names::TeamId;
use macadam_core::service::Scope;
use macadam_platform::Role;
use macadam_platform::service_tokens::WishedServiceToken;
use macadam_store::ServiceTokenId;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::{Client, with_query};
use crate::exit::End;
use crate::output::{Output, note, table};
use crate::serve::{self, DatabaseArgs};
use crate::show::{items, text};

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token for a service of your team; it is shown once
    #[command(after_help = "\
Examples:
  macadam token create --name deploy --role developer --scope 'resource.*' --scope request.read --days 90
  MACADAM_TOKEN=$(macadam token create --name ci --role developer --scope 'plugin.publish')

A service has no more rights than whoever makes its token, and never decides on requests; whoever made a token of it does
not approve what it asks for. A token for another team than yours is for nothing that only its members may do, such as
getting credentials, so name its scopes one by one. Tokens of one name in one team are one service, so that a token can be replaced while the
old one still counts.")]
    Create(Wish),
    /// List the tokens of your team and of others that you may see, without the tokens themselves
    List {
        /// Show what comes after this one
        #[arg(long, value_name = "ID")]
        after: Option<ServiceTokenId>,
    },
    /// End a token now and for good
    Revoke {
        /// Its id, as `token list` shows it
        id: ServiceTokenId,
    },
    /// On the host itself: make a first token without being signed in, by writing to the store
    #[command(after_help = "\
Examples:
  macadam token bootstrap --data /var/lib/macadam --team platform --name setup --role admin --days 1

Whoever can read and write the data directory, or the database, is the operator of the host, and needs nothing else for
this. The token's making is in the audit log. The server may run meanwhile.")]
    Bootstrap(BootstrapArgs),
}

/// A token as one wants it.
#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// What the service is called within its team
    #[arg(long)]
    name: String,
    /// Whose service it is; your team if nothing is said
    #[arg(long)]
    team: Option<TeamId>,
    /// What it may do; several times for several
    #[arg(long = "role", value_name = "ROLE", required = true, value_parser = role)]
    roles: Vec<Role>,
    /// What the token may be used for: an action, `KIND.*`, or `*`; several times for several
    #[arg(long = "scope", value_name = "SCOPE", default_value = "*")]
    scopes: Vec<Scope>,
    /// How many days it lasts
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=macadam_platform::service_tokens::MAX_DAYS))]
    days: i64,
}

/// What `macadam token bootstrap` takes.
#[derive(Debug, Args)]
pub(crate) struct BootstrapArgs {
    #[command(flatten)]
    wish: Wish,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// A role by its word.
fn role(word: &str) -> Result<Role, String> {
    serde_json::from_value(Value::String(word.to_owned())).map_err(|error| error.to_string())
}

impl Wish {
    fn wished(self) -> WishedServiceToken {
        let Self { name, team, roles, scopes, days } = self;
        WishedServiceToken { name, team, roles, scopes, expires_in_days: days }
    }
}

/// Runs `macadam token`.
pub(crate) fn run(global: &Global, command: TokenCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    match command {
        TokenCommand::Create(wish) => {
            let Wish { name, team, roles, scopes, days } = wish;
            let wish = json!({"name": name, "team": team, "roles": roles, "scopes": scopes, "expires_in_days": days});
            made(&Client::new(global)?.post("/service-tokens", &wish, &[])?, output)
        }
        TokenCommand::List { after } => {
            let after = after.map(|id| id.to_string());
            let list = Client::new(global)?.get(&with_query("/service-tokens", &[("after", after)]))?;
            output.value(&list, |list| Ok(shown(list)))?;
            Ok(End::Done)
        }
        TokenCommand::Revoke { id } => {
            let revoked = Client::new(global)?.delete(&format!("/service-tokens/{id}"), &[])?;
            output.value(&json!({"items": [revoked]}), |list| Ok(shown(list)))?;
            Ok(End::Done)
        }
        TokenCommand::Bootstrap(BootstrapArgs { wish, database }) => {
            let (record, secret) = serve::bootstrap(global, &database, &wish.wished())?;
            let mut answer = serde_json::to_value(record)?;
            if let Value::Object(members) = &mut answer {
                members.insert("token".to_owned(), json!(secret.reveal()));
            }
            made(&answer, output)
        }
    }
}

/// Shows a token the one time that it can be; alone on standard output, so that it can be taken from there.
fn made(answer: &Value, output: &mut Output<'_>) -> anyhow::Result<End> {
    note(&format!(
        "The token {} of the service {}/{} counts until {}; it is shown this once:",
        text(answer, "/id"),
        text(answer, "/team"),
        text(answer, "/name"),
        text(answer, "/expires_at"),
    ));
    output.value(answer, |answer| Ok(text(answer, "/token")))?;
    Ok(End::Done)
}

fn shown(list: &Value) -> String {
    let now = jiff::Timestamp::now();
    let rows = items(list).iter().map(|token| {
        let of = |pointer| text(token, pointer);
        let words = |member: &str| {
            let all = token.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
            all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        };
        let expired = of("/expires_at").parse::<jiff::Timestamp>().is_ok_and(|at| at <= now);
        let state = match (of("/revoked_at").is_empty(), expired) {
            (false, _) => "revoked".to_owned(),
            (true, true) => "expired".to_owned(),
            (true, false) => format!("until {}", of("/expires_at")),
        };
        let service = format!("{}/{}", of("/team"), of("/name"));
        [of("/id"), service, words("roles"), words("scopes"), of("/created_by"), state, of("/last_used_at")]
    });
    table(["id", "service", "roles", "scopes", "made by", "state", "last used"], rows)
}
