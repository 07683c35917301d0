//! Going through entries in their order, and finding every place where they are not what was written.
//!
//! What is kept is where each stream has got to, and the heads that are still to be met: a million entries need no more
//! memory than ten. After a finding it goes on from what is there, so that one change is not reported at every entry
//! behind it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{CHAIN_VERSION, Entry, Finding, Head, Heads, Wrong};
use crate::digest::Digest;

/// Goes through entries.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// Whether every number must be there, or only those of some streams are looked at.
    whole: bool,
    last: u64,
    entries: u64,
    streams: BTreeMap<String, Reached>,
    kept: BTreeMap<String, BTreeMap<u64, Vec<Kept>>>,
    /// The streams with entries since the last closing heads.
    unclosed: BTreeSet<String>,
    /// The closing heads that reach furthest of those that are proven to be the host's.
    closing: Option<Heads>,
}

/// Where a stream has got to.
#[derive(Debug, Clone)]
struct Reached {
    place: u64,
    seq: u64,
    hash: String,
    /// The newest version that its entries were hashed in.
    version: u32,
    /// Whether the last head that was kept of it is another one.
    differs: bool,
}

impl Reached {
    /// Compares with heads that were kept of here. What was written anew differs from every head that was kept since, of
    /// which there may be thousands: it is found once, and again only after one that fits.
    fn meet(&mut self, stream: &str, kept: &[Kept]) -> Option<Finding> {
        let found = kept.iter().find_map(|kept| compare(stream, self, *kept));
        let differed =
            if kept.is_empty() { self.differs } else { std::mem::replace(&mut self.differs, found.is_some()) };
        found.filter(|_| !differed)
    }
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    hash: Digest,
    seq: u64,
    at: Timestamp,
}

/// What was gone through.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How many entries.
    pub entries: u64,
    /// The number of the last.
    pub last: u64,
    /// Where each stream ended.
    pub heads: Vec<Head>,
    /// What only shows at the end.
    pub findings: Vec<Finding>,
    /// Heads that name entries of after the end, if some do.
    pub later: Option<Later>,
}

/// Heads were kept that are of after the end of what was gone through: what they name need not be there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Later {
    /// When the heads that it closes with are of.
    pub end: Timestamp,
    /// When the latest of those heads are of.
    pub kept: Timestamp,
}

impl Verifier {
    /// For every entry there is, from the first.
    #[must_use]
    pub fn whole() -> Self {
        Self {
            whole: true,
            last: 0,
            entries: 0,
            streams: BTreeMap::new(),
            kept: BTreeMap::new(),
            unclosed: BTreeSet::new(),
            closing: None,
        }
    }

    /// For the entries of some streams, whole ones: numbers between them may be of others.
    #[must_use]
    pub fn of_streams() -> Self {
        Self { whole: false, ..Self::whole() }
    }

    /// Starts where heads say that the entries before ended. Nothing is known of those.
    #[must_use]
    pub fn starting_after(mut self, heads: &Heads) -> Self {
        let numbers = heads.heads.iter().map(|head| head.seq);
        self.last = heads.entries.or_else(|| numbers.max()).unwrap_or_default();
        for head in &heads.heads {
            let hash = head.hash.to_string();
            let reached = Reached { place: head.place, seq: head.seq, hash, version: 0, differs: false };
            self.streams.insert(head.stream.to_string(), reached);
        }
        self
    }

    /// Keeps heads in mind that the chains must still contain. Those of places before a start are not looked at; for
    /// one at the very start hash and number are compared at once.
    pub fn expect(&mut self, heads: &Heads) -> Vec<Finding> {
        let mut findings = Vec::new();
        for head in heads.heads.iter().filter(|head| head.place > 0) {
            let stream = head.stream.to_string();
            let kept = Kept { hash: head.hash, seq: head.seq, at: heads.at };
            match self.streams.get_mut(&stream) {
                // Of a start nothing but its word is known, and an earlier place with a later number belies it.
                Some(reached) if reached.place > head.place && reached.seq > head.seq => {}
                Some(reached) if reached.place >= head.place => {
                    findings.extend(reached.meet(&stream, &[kept]));
                }
                _ => self.kept.entry(stream).or_default().entry(head.place).or_default().push(kept),
            }
        }
        findings
    }

    /// Heads that close the entries since the ones before. Whoever exports takes the heads first and stops where they
    /// end, so entries that they do not reach were put before heads of another export. If they are proven to be the
    /// host's, what was kept after them may name what is not there yet.
    pub fn close(&mut self, heads: &Heads, is_proven: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        for stream in std::mem::take(&mut self.unclosed) {
            let of_stream = heads.heads.iter().filter(|head| head.stream.to_string() == stream);
            let closed = of_stream.map(|head| head.place).max().unwrap_or(0);
            if self.streams.get(&stream).is_some_and(|reached| reached.place > closed) {
                let wrong = Wrong::Unclosed { closed, at: heads.at };
                let place = closed.saturating_add(1);
                findings.push(Finding { stream: Some(stream), place, seq: None, wrong });
            }
        }
        if is_proven {
            findings.extend(self.closing.iter().flat_map(|closing| shortened(closing, heads)));
        }
        // Those that reach furthest; when they are of says less, for the clock may have been ahead.
        let reach = |heads: &Heads| (heads.entries, heads.at);
        if is_proven && self.closing.as_ref().is_none_or(|closing| reach(closing) <= reach(heads)) {
            self.closing = Some(heads.clone());
        }
        findings
    }

    /// Whether what is of a moment is later than the closing heads, which must tell of the stream: of one that they
    /// leave out they do not say where it ended.
    fn is_later(&self, stream: &str, at: Timestamp) -> bool {
        self.closing.as_ref().is_some_and(|closing| {
            let names = || closing.heads.iter().any(|head| head.stream.to_string() == stream);
            at > closing.at && (closing.entries.is_some() || names())
        })
    }

    /// The next entry, in the order of numbers.
    pub fn entry(&mut self, entry: &Entry) -> Vec<Finding> {
        let mut findings = Vec::new();
        let found =
            |wrong| Finding { stream: Some(entry.stream.clone()), place: entry.place, seq: Some(entry.seq), wrong };
        self.entries += 1;
        findings.extend(self.numbered(entry.seq));
        let mut misplaced = entry.seq <= self.last;
        let reached = self.streams.get(&entry.stream);
        let place = reached.map_or(0, |reached| reached.place);
        let before = reached.map_or_else(|| Entry::nothing_before().to_string(), |reached| reached.hash.clone());
        if entry.place > place.saturating_add(1) {
            let entries = entry.place - place - 1;
            let stream = Some(entry.stream.clone());
            findings.push(Finding { stream, place: place + 1, seq: None, wrong: Wrong::Missing { entries } });
        } else if entry.place <= place {
            misplaced = true;
        } else if entry.previous != before {
            findings.push(found(Wrong::Detached));
        }
        if misplaced {
            findings.push(found(Wrong::Misplaced));
        }
        findings.extend(self.hashed(entry).map(found));
        self.last = self.last.max(entry.seq);
        if entry.place > place {
            findings.extend(self.reach(entry));
        }
        findings
    }

    /// Whether numbers were left out.
    fn numbered(&self, seq: u64) -> Option<Finding> {
        let missing = seq.saturating_sub(self.last).saturating_sub(1);
        let wrong = Wrong::Missing { entries: missing };
        // The last may be any number that a file names.
        let place = self.last.saturating_add(1);
        (self.whole && missing > 0).then_some(Finding { stream: None, place, seq: None, wrong })
    }

    /// Whether the hash is that of the fields, made in a way that is right where the entry is.
    fn hashed(&self, entry: &Entry) -> Option<Wrong> {
        // Once a stream is hashed in the new way, none of its entries is in an older one, which hashes less.
        let least = self.streams.get(&entry.stream).map_or(1, |reached| reached.version);
        if entry.version < least || entry.version > CHAIN_VERSION {
            return Some(Wrong::Version { version: entry.version });
        }
        // What is less than a microsecond is not hashed, and never written.
        if entry.at.subsec_nanosecond() % 1000 != 0 {
            return Some(Wrong::Changed);
        }
        let expected = entry.computed_hash().map(|hash| hash.to_string());
        (expected.as_ref() != Some(&entry.hash)).then_some(Wrong::Changed)
    }

    fn reach(&mut self, entry: &Entry) -> Option<Finding> {
        let Entry { place, seq, version, .. } = *entry;
        let before = self.streams.get(&entry.stream);
        // A version that there is not, or that is too old, is found at its entry and says nothing of those behind it.
        let version = if version > CHAIN_VERSION { 0 } else { version };
        let version = version.max(before.map_or(0, |before| before.version));
        let differs = before.is_some_and(|before| before.differs);
        let mut reached = Reached { place, seq, hash: entry.hash.clone(), version, differs };
        let met = self.kept.get_mut(&entry.stream).and_then(|kept| kept.remove(&place)).unwrap_or_default();
        let finding = reached.meet(&entry.stream, &met);
        self.streams.insert(entry.stream.clone(), reached);
        self.unclosed.insert(entry.stream.clone());
        finding
    }

    /// No more entries.
    #[must_use]
    pub fn end(self) -> Ended {
        let mut findings = Vec::new();
        let mut latest: Option<Timestamp> = None;
        for (stream, kept) in &self.kept {
            let place = self.streams.get(stream).map_or(0, |reached| reached.place);
            let never_met = kept.iter().filter(|(at, _)| **at > place);
            let heads = never_met.flat_map(|(place, heads)| heads.iter().map(move |head| (*place, head.at)));
            let (later, missed): (Vec<_>, Vec<_>) = heads.partition(|(_, at)| self.is_later(stream, *at));
            latest = latest.max(later.iter().map(|(_, at)| *at).max());
            // The last says the most.
            let cut = missed.last().map(|(kept, at)| Wrong::Cut { kept: *kept, at: *at });
            let stream = Some(stream.clone());
            findings.extend(cut.map(|wrong| Finding { stream, place: place + 1, seq: None, wrong }));
        }
        let later = self.closing.as_ref().zip(latest).map(|(closing, kept)| Later { end: closing.at, kept });
        let head = |(stream, reached): (&String, &Reached)| {
            let (stream, hash) = (stream.parse().ok()?, reached.hash.parse().ok()?);
            Some(Head { stream, place: reached.place, seq: reached.seq, hash })
        };
        let heads = self.streams.iter().filter_map(head).collect();
        Ended { entries: self.entries, last: self.last, heads, findings, later }
    }
}

fn compare(stream: &str, reached: &Reached, kept: Kept) -> Option<Finding> {
    let wrong = Wrong::Rewritten { at: kept.at };
    let differs = reached.seq != kept.seq || reached.hash != kept.hash.to_string();
    differs.then(|| Finding { stream: Some(stream.to_owned()), place: reached.place, seq: Some(reached.seq), wrong })
}

/// What later closing heads say is not there any more of what earlier ones said. No clock makes a log shorter.
fn shortened(before: &Heads, heads: &Heads) -> Vec<Finding> {
    let mut findings = Vec::new();
    for head in &heads.heads {
        let same = before.heads.iter().find(|before| before.stream == head.stream);
        if let Some(before_it) = same.filter(|before| before.place > head.place) {
            let wrong = Wrong::Cut { kept: before_it.place, at: before.at };
            let (stream, place) = (Some(head.stream.to_string()), head.place.saturating_add(1));
            findings.push(Finding { stream, place, seq: None, wrong });
        }
    }
    if let (true, Some(kept), Some(end)) = (findings.is_empty(), before.entries, heads.entries)
        && kept > end
    {
        let wrong = Wrong::Missing { entries: kept - end };
        findings.push(Finding { stream: None, place: end + 1, seq: None, wrong });
    }
    findings
}
