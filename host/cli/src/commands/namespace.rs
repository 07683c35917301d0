//! `macadam namespace`: whose plugins have a name that starts like this, and which signatures count for them.

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use macadam_core::names::{Namespace, TeamId};
use macadam_registry::signature::Identity;
use macadam_registry::signature::keyless::IDENTITY;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::output::{Output, table};
use crate::show::{items, text};

/// What can be done with namespaces.
#[derive(Debug, Subcommand)]
pub(crate) enum NamespaceCommand {
    /// List the namespaces with their teams and keys
    List,
    /// Give a namespace that nobody has to a team, or say whether its packages must be signed
    Set {
        /// The namespace
        name: Namespace,
        /// The team
        #[arg(long)]
        team: TeamId,
        /// Whether its packages must be signed
        #[arg(long, value_enum, default_value = "optional")]
        signatures: Signatures,
    },
    /// Trust a public key for a namespace, or an identity that signs without one
    #[command(after_help = "\
Examples:
  macadam namespace trust acme macadam-ed25519-public:...
  macadam namespace trust acme --issuer https://token.actions.githubusercontent.com \\
    --subject https://github.com/acme/gate/.github/workflows/release.yml@refs/heads/main

Identities count only on a host that is built with the feature `keyless` and has a trusted root.")]
    Trust {
        /// The namespace
        name: Namespace,
        /// The public key, as `plugin keygen` shows it
        #[arg(required_unless_present = "issuer", conflicts_with = "issuer")]
        public_key: Option<String>,
        /// The OIDC issuer that vouches for the identity
        #[arg(long, value_name = "URL", requires = "subject")]
        issuer: Option<String>,
        /// The identity's subject, as the certificate has it: a mail address, or the address of a workflow
        #[arg(long, value_name = "TEXT", requires = "issuer")]
        subject: Option<String>,
    },
    /// Trust a key no more, for good: what only it has signed goes out
    Revoke {
        /// The namespace
        name: Namespace,
        /// The key's id, as `namespace list` shows it
        key: String,
        /// Why, for the record
        #[arg(long)]
        reason: String,
    },
}

/// Whether packages must be signed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Signatures {
    /// A signature is checked when there is one
    Optional,
    /// A package without a good signature is refused
    Required,
}

/// Runs `macadam namespace`.
pub(crate) fn run(global: &Global, command: NamespaceCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let client = Client::new(global)?;
    let answer = match command {
        NamespaceCommand::List => client.get("/namespaces")?,
        NamespaceCommand::Set { name, team, signatures } => {
            let signatures = match signatures {
                Signatures::Optional => "optional",
                Signatures::Required => "required",
            };
            let wish = json!({"team": team, "signatures": signatures});
            one(&client.put(&format!("/namespaces/{name}"), &wish, &[])?)
        }
        NamespaceCommand::Trust { name, public_key, issuer, subject } => {
            let public_key = match (public_key, issuer, subject) {
                (Some(key), ..) => key,
                (None, Some(issuer), Some(subject)) => Identity::new(&issuer, &subject)?.to_string(),
                (None, ..) => bail!("say a public key, or `--issuer` and `--subject`"),
            };
            one(&client.post(&format!("/namespaces/{name}/keys"), &json!({"public_key": public_key}), &[])?)
        }
        NamespaceCommand::Revoke { name, key, reason } => {
            let wish = json!({"key": key, "reason": reason});
            one(&client.post(&format!("/namespaces/{name}/revocations"), &wish, &[])?)
        }
    };
    output.value(&answer, |answer| Ok(shown(answer)))?;
    Ok(End::Done)
}

fn one(namespace: &Value) -> Value {
    json!({"items": [namespace]})
}

fn shown(answer: &Value) -> String {
    let rows = items(answer).iter().flat_map(|namespace| {
        let of = |pointer| text(namespace, pointer);
        let keys = namespace.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
        let head = [of("/name"), of("/team"), of("/signatures")];
        let key = |key: &Value| {
            let revoked = text(key, "/revoked/reason");
            let state = if revoked.is_empty() { "active".to_owned() } else { format!("revoked: {revoked}") };
            // An identity says who it is; of a key, that is in its id.
            let who = text(key, "/public_key").strip_prefix(IDENTITY).map(str::to_owned);
            (text(key, "/id"), who.unwrap_or_default(), state)
        };
        let mut keys: Vec<_> = keys.iter().map(key).collect();
        if keys.is_empty() {
            keys.push(Default::default());
        }
        let [name, team, signatures] = head;
        keys.into_iter().map(move |(id, who, state)| [name.clone(), team.clone(), signatures.clone(), id, who, state])
    });
    table(["namespace", "team", "signatures", "key", "identity", "state"], rows)
}
