//! `macadam audit tail`: the newest entries, and what comes.

use std::thread::sleep;
use std::time::Duration;

use macadam_core::audit::Entry;

use super::TailArgs;
use super::ask::{PAGE, Wish, entries};
use crate::client::Client;
use crate::exit::End;
use crate::output::{Output, clean};

/// Soon enough for people, and seldom enough for the server.
const POLL: Duration = Duration::from_secs(1);

pub(super) fn run(client: &Client, args: &TailArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let wish = Wish::default()
        .with("stream", args.stream.as_ref())
        .with("actor", args.actor.as_ref())
        .with("action", args.action.as_ref())
        .with("subject", args.subject.as_ref())
        .since(args.since);
    let newest = wish.clone().with("order", Some("newest")).with("limit", Some(args.lines));
    let mut last = 0;
    for entry in entries(client, &newest)?.iter().rev() {
        show(entry, output)?;
        last = entry.seq;
    }
    if !args.follow {
        return Ok(End::Done);
    }
    loop {
        let next = wish.clone().with("after", Some(last)).with("limit", Some(PAGE));
        let new = entries(client, &next)?;
        for entry in &new {
            show(entry, output)?;
            last = entry.seq;
        }
        if new.is_empty() {
            sleep(POLL);
        }
    }
}

fn show(entry: &Entry, output: &mut Output<'_>) -> anyhow::Result<()> {
    if output.is_for_programs() {
        return output.line(&serde_json::to_string(entry)?);
    }
    let actor = entry.actor.as_deref().unwrap_or("-");
    let from = entry.address.as_deref().unwrap_or("-");
    let Entry { seq, at, stream, action, subject, .. } = entry;
    output.line(&clean(&format!("{seq:>6}  {at:.3}  {stream:<14}  {actor:<10}  {action:<26}  {subject}  {from}")))
}
