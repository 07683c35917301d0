//! `macadam audit export`: entries and heads as lines of JSON, written as they come.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};

use anyhow::{Context as _, bail, ensure};
use macadam_core::audit::{EXPORT_VERSION, Head, Heads, Line, Opening, Stream};

use super::ExportArgs;
use super::ask::{self, LogEnd, PAGE, Wish};
use crate::client::Client;
use crate::exit::End;
use crate::output::Output;

pub(super) fn run(client: &Client, args: &ExportArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    if args.out.as_os_str() == "-" {
        write(client, args, &mut std::io::stdout().lock())?;
        return Ok(End::Done);
    }
    let (path, mut options) = (&args.out, OpenOptions::new());
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file =
        options.open(path).with_context(|| format!("{} cannot be written; is it there already?", path.display()))?;
    let mut writer = BufWriter::new(file);
    let written = write(client, args, &mut writer).and_then(|entries| {
        writer.flush()?;
        writer.get_ref().sync_all()?;
        Ok(entries)
    });
    let entries = written.inspect_err(|_| {
        // Half an export would look like a log that was cut.
        let _ = std::fs::remove_file(path);
    })?;
    output.remark(&format!("{entries} entries are in {}", path.display()))?;
    Ok(End::Done)
}

/// Writes everything up to where the log ends now, and says how many entries that is.
fn write(client: &Client, args: &ExportArgs, to: &mut dyn Write) -> anyhow::Result<u64> {
    let wish = Wish::default().with("stream", args.stream.as_ref());
    let now = LogEnd::ask(client, &wish)?;
    let streams = args.stream.clone().map(|stream| BTreeSet::from([stream])).or_else(|| now.streams());
    let streams = streams.map(|streams| streams.into_iter().collect());
    let end = now.last(|stream| is_wanted(args, stream));
    if let Some(stream) = args.stream.as_ref().filter(|_| end == 0) {
        // It would look like a stream that was cut.
        bail!("there is no entry of the stream {stream}; is that its name?");
    }
    let after = before(client, args, &now)?;
    let (mut last, mut entries) = (after.entries.unwrap_or(0), 0);
    line(to, &Line::Opening(Opening { format: EXPORT_VERSION, streams, after }))?;
    while last < end {
        let page = ask::entries(client, &wish.clone().with("after", Some(last)).with("limit", Some(PAGE)))?;
        ensure!(!page.is_empty(), "the log ends at entry {last}, before its head at {end}; verify it on the server");
        for entry in page.into_iter().filter(|entry| entry.seq <= end) {
            last = entry.seq;
            entries += 1;
            line(to, &Line::Entry(Box::new(entry)))?;
        }
    }
    line(to, &Line::Heads(now.heads))?;
    Ok(entries)
}

/// Where the streams ended before the first entry that is wanted, and its number less one.
fn before(client: &Client, args: &ExportArgs, now: &LogEnd) -> anyhow::Result<Heads> {
    let statement = &now.heads.statement;
    let mut before = Heads::none(statement.at);
    if args.since.is_none() {
        return Ok(before);
    }
    let wish = Wish::default().with("stream", args.stream.as_ref()).since(args.since).with("limit", Some(1));
    let first = ask::entries(client, &wish)?.first().map_or_else(|| now.last(|_| true) + 1, |entry| entry.seq);
    before.entries = Some(first - 1);
    for Head { stream, .. } in &statement.heads {
        if !is_wanted(args, stream) {
            continue;
        }
        let wish = Wish::default().with("stream", Some(stream)).with("order", Some("newest"));
        let last = ask::entries(client, &wish.with("after", Some(first)).with("limit", Some(1)))?;
        if let Some(entry) = last.first() {
            let is_none = || {
                let number = entry.seq;
                format!("entry {number}, after which it would begin, has no hash any more; begin earlier than that")
            };
            let hash = entry.hash.parse().with_context(is_none)?;
            before.heads.push(Head { stream: stream.clone(), place: entry.place, seq: entry.seq, hash });
        }
    }
    Ok(before)
}

fn is_wanted(args: &ExportArgs, stream: &Stream) -> bool {
    args.stream.as_ref().is_none_or(|wanted| wanted == stream)
}

fn line(to: &mut dyn Write, line: &Line) -> anyhow::Result<()> {
    writeln!(to, "{}", serde_json::to_string(line)?).context("the export cannot be written")
}
