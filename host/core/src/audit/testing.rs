//! A log as it should be, for tests to spoil.

use jiff::{SignedDuration, Timestamp};

use super::{CHAIN_VERSION, Entry, Head, Heads, Recorded};

const STREAMS: [&str; 3] = ["platform", "team/payments", "team/search"];

/// Entries of three streams, bound as they should be.
pub(crate) fn chain(entries: u64) -> Vec<Entry> {
    let mut all = (1..=entries).map(entry).collect::<Vec<_>>();
    rebind(&mut all);
    all
}

fn entry(seq: u64) -> Entry {
    Entry {
        version: CHAIN_VERSION,
        seq,
        stream: STREAMS[usize::try_from(seq * seq % 3 + seq % 2).unwrap() % 3].to_owned(),
        place: 0,
        at: Timestamp::UNIX_EPOCH + SignedDuration::from_micros(i64::try_from(seq).unwrap()),
        actor: (!seq.is_multiple_of(4)).then(|| format!("person-{}", seq % 4)),
        action: "request.approved".to_owned(),
        subject: format!("requests/{seq}"),
        address: Some("192.0.2.7".to_owned()),
        request_id: Some(format!("id-{seq}")),
        credential: Some("token".to_owned()),
        decision: None,
        request: None,
        before: None,
        after: None,
        data: Recorded::new(format!(r#"{{"n":{seq}}}"#)),
        previous: String::new(),
        hash: String::new(),
    }
}

/// Numbers, places and binds entries anew, as somebody would who rewrites the log and knows how it is made.
pub(crate) fn rebind(entries: &mut [Entry]) {
    let mut reached: std::collections::BTreeMap<String, (u64, String)> = Default::default();
    for (seq, entry) in (1..).zip(entries) {
        let nothing = (0, Entry::nothing_before().to_string());
        let (place, previous) = reached.get(&entry.stream).cloned().unwrap_or(nothing);
        (entry.seq, entry.place, entry.previous) = (seq, place + 1, previous);
        if entry.version == 1 {
            assert_eq!(entry.seq, entry.place, "version 1 had one chain");
        }
        entry.hash = entry.computed_hash().unwrap().to_string();
        reached.insert(entry.stream.clone(), (entry.place, entry.hash.clone()));
    }
}

/// Where the streams end.
pub(crate) fn heads(entries: &[Entry]) -> Heads {
    let last = |stream: &&str| entries.iter().rfind(|entry| entry.stream == **stream);
    let head = |entry: &Entry| Head {
        stream: entry.stream.parse().unwrap(),
        place: entry.place,
        seq: entry.seq,
        hash: entry.hash.parse().unwrap(),
    };
    let heads = STREAMS.iter().filter_map(last).map(head).collect();
    Heads { at: Timestamp::UNIX_EPOCH, entries: Some(entries.len() as u64), heads }
}
