//! The client commands, one file each: its arguments, what it asks, what it shows.

pub(crate) mod access;
pub(crate) mod actions;
pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod decision;
pub(crate) mod environment;
pub(crate) mod event;
pub(crate) mod follow;
pub(crate) mod generate;
pub(crate) mod job;
pub(crate) mod login;
pub(crate) mod namespace;
pub(crate) mod plugin;
pub(crate) mod preview;
pub(crate) mod profile;
pub(crate) mod registry;
pub(crate) mod request;
pub(crate) mod resource;
pub(crate) mod scaffold;
pub(crate) mod schedule;
pub(crate) mod team;
pub(crate) mod template;
pub(crate) mod token;
pub(crate) mod webhook;

use std::time::Duration;

use anyhow::Context as _;

use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::output::Output;
use crate::session;
use crate::show::{facts, text};
use crate::trust;

/// How long the server may take to say whether it is ready: who asks is a health check, which asks again.
const READY_WITHIN: Duration = Duration::from_secs(4);

/// Whether the server is ready.
pub(crate) fn ready(global: &Global, output: &mut Output<'_>) -> anyhow::Result<End> {
    let url = format!("{}/readyz", session::server(global)?);
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(READY_WITHIN));
    let agent: ureq::Agent = config.tls_config(trust::of(&url)?).build().into();
    let mut answer = agent.get(&url).call().with_context(|| format!("{url} does not answer"))?;
    let document: serde_json::Value =
        answer.body_mut().read_json().with_context(|| format!("{url} is no Macadam host"))?;
    anyhow::ensure!(answer.status().is_success(), "the server is not ready: {}", text(&document, "/detail"));
    output.value(&document, |document| Ok(text(document, "/status")))?;
    Ok(End::Done)
}

/// Who is signed in.
pub(crate) fn whoami(global: &Global, output: &mut Output<'_>) -> anyhow::Result<End> {
    let whoami = Client::new(global)?.get("/whoami")?;
    output.value(&whoami, |whoami| {
        let list = |pointer| {
            let items = whoami.pointer(pointer).and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
            items.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", ")
        };
        let is_service = text(whoami, "/credential/kind") == "service-token";
        Ok(facts(&[
            (if is_service { "Service" } else { "Person" }, text(whoami, "/person")),
            ("Team", text(whoami, "/team")),
            ("Roles", list("/roles")),
            ("Groups", list("/groups")),
            ("Scopes", list("/scopes")),
            ("Signed in by", signed_in_by(whoami)),
        ]))
    })?;
    Ok(End::Done)
}

/// What somebody is signed in by, and until when.
fn signed_in_by(whoami: &serde_json::Value) -> String {
    let of = |member: &str| text(whoami, &format!("/credential/{member}"));
    match of("kind").as_str() {
        "oidc" => format!("{} until {}", of("issuer"), of("expires_at")),
        "service-token" => format!("the service token {} until {}", of("id"), of("expires_at")),
        "development-token" => "a development token".to_owned(),
        other => other.to_owned(),
    }
}

/// A completion script.
pub(crate) fn completions(shell: clap_complete::Shell, output: &mut Output<'_>) -> anyhow::Result<End> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut actions::command(), "macadam", &mut script);
    output.bytes(&script)?;
    Ok(End::Done)
}
