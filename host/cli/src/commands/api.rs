//! `macadam api`: what programs need to know to talk to a server.

use clap::Subcommand;

use crate::exit::End;
use crate::output::Output;

/// What there is to know of the API.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiCommand {
    /// Write the API's OpenAPI 3.1 document, as this binary serves it; no server is asked
    #[command(after_help = "\
Examples:
  macadam api document > openapi.json
  macadam api document | npx @redocly/cli lint /dev/stdin

A server has the same document at /api/v1/openapi.json, and a page for people at /docs.")]
    Document,
}

/// Runs `macadam api`.
pub(crate) fn run(command: &ApiCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    match command {
        ApiCommand::Document => output.line(&serde_json::to_string_pretty(&macadam_server::document())?)?,
    }
    Ok(End::Done)
}
