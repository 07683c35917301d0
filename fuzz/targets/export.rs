//! An export of the audit log, as somebody may have changed it: it verifies as long as its entries are those that were
//! written, and no longer.
//!
//! An input is the lines of an export. One that begins with a number is that line of a genuine export; what follows,
//! another number and a text, is put into it at that place.
#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use macadam_core::audit::{
    CHAIN_VERSION, EXPORT_VERSION, Entry, Head, Heads, HeadsKey, HeadsSigner, Line, Opening, Recorded,
};

#[path = "../../host/cli/src/commands/audit/check.rs"]
#[allow(dead_code, reason = "a report says more than is asked for here")]
mod check;

use check::{Check, Scope};

/// The streams of the genuine entries, in their order.
const STREAMS: [&str; 4] = ["platform", "team/payments", "team/payments", "platform"];

/// A genuine export, all of it ASCII.
struct Genuine {
    key: HeadsKey,
    lines: Vec<String>,
    entries: Vec<(u64, String)>,
}

static GENUINE: LazyLock<Genuine> = LazyLock::new(|| {
    let signer = HeadsSigner::new(&[7; 32]);
    let entries = entries();
    let last = |stream: &str| entries.iter().rfind(|entry| entry.stream == stream).map(head);
    let heads = ["platform", "team/payments"].into_iter().filter_map(last).collect();
    let heads = Heads { at: Timestamp::UNIX_EPOCH, entries: Some(entries.len() as u64), heads };
    let after = Heads::none(Timestamp::UNIX_EPOCH);
    let mut lines = vec![Line::Opening(Opening { format: EXPORT_VERSION, streams: None, after })];
    lines.extend(entries.iter().cloned().map(|entry| Line::Entry(Box::new(entry))));
    lines.push(Line::Heads(signer.sign(heads).unwrap()));
    let lines: Vec<_> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    let genuine = Genuine { key: signer.key(), lines, entries: entries.iter().map(named).collect() };
    assert_eq!(verified(&genuine, &genuine.lines), Some(genuine.entries.clone()), "what is genuine verifies");
    genuine
});

fn entries() -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for (seq, stream) in (1..).zip(STREAMS) {
        let before = all.iter().rfind(|entry| entry.stream == stream);
        let (place, previous) =
            before.map_or((1, Entry::nothing_before().to_string()), |entry| (entry.place + 1, entry.hash.clone()));
        let mut entry = Entry {
            version: CHAIN_VERSION,
            seq,
            stream: stream.to_owned(),
            place,
            at: Timestamp::UNIX_EPOCH,
            actor: Some("ana".to_owned()),
            action: "request.approved".to_owned(),
            subject: format!("requests/{seq}"),
            address: None,
            request_id: None,
            credential: None,
            decision: None,
            request: None,
            before: None,
            after: None,
            data: Recorded::new("{}"),
            previous,
            hash: String::new(),
        };
        entry.hash = entry.computed_hash().unwrap().to_string();
        all.push(entry);
    }
    all
}

fn head(entry: &Entry) -> Head {
    let (stream, hash) = (entry.stream.parse().unwrap(), entry.hash.parse().unwrap());
    Head { stream, place: entry.place, seq: entry.seq, hash }
}

/// What an entry is known by: its hash is over all of it.
fn named(entry: &Entry) -> (u64, String) {
    (entry.seq, entry.hash.clone())
}

/// The entries of an export that verifies.
fn verified(genuine: &Genuine, lines: &[String]) -> Option<Vec<(u64, String)>> {
    let mut check = Check::new(Some(genuine.key.clone()), Vec::new(), Scope::default());
    check.lines("x.jsonl", lines.iter().cloned().map(Ok)).ok()?;
    let report = check.end().ok()?;
    let entry = |line: &String| match Line::read(line) {
        Ok(Line::Entry(entry)) => Some(named(&entry)),
        _ => None,
    };
    report.is_clean().then(|| lines.iter().filter_map(entry).collect())
}

/// A line that an input names, or that it is.
fn line(text: &str) -> String {
    let mut parts = text.splitn(3, ' ');
    let mut number = || parts.next().and_then(|part| part.parse::<usize>().ok());
    let Some(genuine) = number().and_then(|number| GENUINE.lines.get(number)) else { return text.to_owned() };
    let (at, put) = (number().filter(|at| *at <= genuine.len()), parts.next());
    let Some((at, put)) = at.zip(put) else { return genuine.clone() };
    let after = genuine.len().min(at + put.len());
    format!("{}{put}{}", &genuine[..at], &genuine[after..])
}

fuzz_target!(|text: &str| {
    let lines: Vec<_> = text.lines().map(line).collect();
    if let Some(entries) = verified(&GENUINE, &lines) {
        assert_eq!(entries, GENUINE.entries, "what verifies is what was written");
    }
});
