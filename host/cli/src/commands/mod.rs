//! The client commands, one file each: its arguments, what it asks, what it shows.

pub(crate) mod api;
pub(crate) mod decision;
pub(crate) mod follow;
pub(crate) mod namespace;
pub(crate) mod plugin;
pub(crate) mod preview;
pub(crate) mod registry;
pub(crate) mod request;
pub(crate) mod resource;
pub(crate) mod scaffold;
pub(crate) mod template;

use clap::CommandFactory as _;

use crate::args::{Cli, Global};
use crate::client::Client;
use crate::exit::End;
use crate::output::Output;
use crate::show::{facts, text};

/// Who is signed in.
pub(crate) fn whoami(global: &Global, output: &mut Output<'_>) -> anyhow::Result<End> {
    let whoami = Client::new(global)?.get("/whoami")?;
    output.value(&whoami, |whoami| {
        let list = |pointer| {
            let items = whoami.pointer(pointer).and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
            items.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", ")
        };
        Ok(facts(&[
            ("Person", text(whoami, "/person")),
            ("Team", text(whoami, "/team")),
            ("Roles", list("/roles")),
            ("Groups", list("/groups")),
        ]))
    })?;
    Ok(End::Done)
}

/// A completion script.
pub(crate) fn completions(shell: clap_complete::Shell, output: &mut Output<'_>) -> anyhow::Result<End> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "macadam", &mut script);
    output.bytes(&script)?;
    Ok(End::Done)
}
