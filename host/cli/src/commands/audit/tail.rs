//! `macadam audit tail`: the newest entries, and what comes.

use std::thread::sleep;
use std::time::Duration;

use macadam_core::audit::Entry;

use super::TailArgs;
use super::ask::{PAGE, Wish, entries};
use crate::client::{Client, Problem};
use crate::exit::End;
use crate::output::{Output, clean, note};

/// Soon enough for people, and seldom enough for the server.
const POLL: Duration = Duration::from_secs(1);

/// The longest pause before a server that was not there is asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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
    let mut pause = POLL;
    loop {
        let next = wish.clone().with("after", Some(last)).with("limit", Some(PAGE));
        let new = match entries(client, &next) {
            Ok(new) => new,
            // The first page came, so the address is right: a server that is started anew is there in a while.
            Err(error) if may_pass(&error) => {
                note(&format!("{error:#}; trying again"));
                pause = (pause * 2).min(LONGEST_PAUSE);
                sleep(pause);
                continue;
            }
            Err(error) => return Err(error),
        };
        pause = POLL;
        for entry in &new {
            show(entry, output)?;
            last = entry.seq;
        }
        if new.is_empty() {
            sleep(POLL);
        }
    }
}

/// Whether the same question may be answered in a while: not if the server refuses it, or says what is not understood.
fn may_pass(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<Problem>() {
        Some(problem) => problem.may_pass(),
        None => error.downcast_ref::<serde_json::Error>().is_none(),
    }
}

fn show(entry: &Entry, output: &mut Output<'_>) -> anyhow::Result<()> {
    if output.is_for_programs() {
        return output.line(&serde_json::to_string(entry)?);
    }
    let actor = entry.actor.as_deref().unwrap_or("-");
    let from = entry.address.as_deref().unwrap_or("-");
    let Entry { seq, at, stream, action, subject, .. } = entry;
    let line = format!("{seq:>6}  {at:.3}  {stream:<14}  {actor:<10}  {action:<26}  {subject}  {from}");
    // What others wrote must not look like an entry of its own.
    output.line(&clean(&line.replace('\n', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context as _, anyhow};
    use serde_json::json;

    #[test]
    fn what_is_refused_or_not_understood_ends_it_and_a_server_that_is_away_does_not() {
        let answered = |status| anyhow::Error::from(Problem::of(json!({}), status));
        assert!(may_pass(&answered(503)) && may_pass(&answered(429)));
        assert!(!may_pass(&answered(401)) && !may_pass(&answered(403)));
        assert!(may_pass(&anyhow!("refused").context("it cannot be reached")));
        let nonsense = serde_json::from_str::<Entry>("{").context("the server's answer is not understood");
        assert!(!may_pass(&nonsense.unwrap_err()));
    }
}
