//! `macadam event`: what happens, as it happens.

use std::io::{self, ErrorKind};
use std::thread::sleep;
use std::time::Duration;

use clap::{Args, Subcommand};
use macadam_core::names::TeamId;
use serde_json::Value;

use crate::args::Global;
use crate::client::{Client, Problem, encoded, with_query};
use crate::exit::End;
use crate::messages::{Message, Messages};
use crate::output::{Format, Output, clean, note};
use crate::show::text;

/// What can be done with events.
#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// Show events as they happen, until it is interrupted
    #[command(after_help = "\
Examples:
  macadam event tail
  macadam event tail --type macadam.request. --after 0
  macadam event tail --subject resources/payments/prod/ --output json | jq .data

Each line begins with the event's place; --after goes on from there. When the connection breaks, it is made again from
the last event that was shown. --output json writes a CloudEvent a line.")]
    Tail(TailArgs),
}

/// Which events.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// Only those whose type starts with this, such as macadam.request.
    #[arg(long = "type", value_name = "PREFIX")]
    event_type: Option<String>,
    /// Only those whose subject starts with this, such as resources/payments/
    #[arg(long, value_name = "PREFIX")]
    subject: Option<String>,
    /// Only those of this team
    #[arg(long)]
    team: Option<TeamId>,
    /// Those after this place; 0 is everything that is kept; what comes from now on if nothing is said
    #[arg(long, value_name = "PLACE")]
    after: Option<u64>,
    /// End after so many events
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
}

/// How long to wait before a connection is made again, at first and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs `macadam event`.
pub(crate) fn run(global: &Global, command: &EventCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let EventCommand::Tail(args) = command;
    let client = Client::new(global)?;
    let path = with_query(
        "/events",
        &[
            ("type", args.event_type.as_deref().map(encoded)),
            ("subject", args.subject.as_deref().map(encoded)),
            ("team", args.team.as_ref().map(ToString::to_string)),
        ],
    );
    let mut tail = Tail { place: args.after, left: args.count, json: global.output == Format::Json };
    let mut pause = PAUSE;
    let mut connected = false;
    while tail.left != Some(0) {
        let before = tail.place;
        let ended = tail.follow(&client, &path, output);
        connected |= ended.is_ok() || tail.place != before;
        match ended {
            // A stream ends now and then, so that its client signs in anew.
            Ok(()) => {}
            // What the server refuses, it refuses again.
            Err(error) if error.downcast_ref::<Problem>().is_some_and(|problem| !problem.may_pass()) => {
                return Err(error);
            }
            // What is not understood is not understood from the same place again.
            Err(error)
                if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::InvalidData) =>
            {
                return Err(error);
            }
            // A first connection that fails is a mistake in the address more often than a passing failure.
            Err(error) if !connected => return Err(error),
            Err(error) => note(&format!("{error:#}; trying again")),
        }
        pause = if tail.place == before { (pause * 2).min(LONGEST_PAUSE) } else { PAUSE };
        if tail.left != Some(0) {
            sleep(pause);
        }
    }
    Ok(End::Done)
}

/// How far one is.
struct Tail {
    place: Option<u64>,
    left: Option<u64>,
    json: bool,
}

impl Tail {
    /// Shows what one connection brings.
    fn follow(&mut self, client: &Client, path: &str, output: &mut Output<'_>) -> anyhow::Result<()> {
        for message in Messages::of(client.stream(path, self.place)?) {
            let message = message?;
            self.place = message.id.or(self.place);
            if !message.data.is_empty() {
                self.show(&message, output)?;
            }
            if self.left == Some(0) {
                break;
            }
        }
        Ok(())
    }

    fn show(&mut self, message: &Message, output: &mut Output<'_>) -> anyhow::Result<()> {
        self.left = self.left.map(|left| left.saturating_sub(1));
        if self.json {
            return output.line(&message.data);
        }
        let event: Value = serde_json::from_str(&message.data)?;
        let of = |pointer| text(&event, pointer);
        output.line(
            clean(&format!("{}  {}  {}  {}{}", of("/id"), of("/time"), of("/type"), of("/subject"), said(&event)))
                .trim_end(),
        )
    }
}

/// What an event says in words.
fn said(event: &Value) -> String {
    let words: Vec<_> = ["/data/note", "/data/reason", "/data/text"]
        .map(|pointer| text(event, pointer))
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() { String::new() } else { format!("  ({})", words.join("; ")) }
}
