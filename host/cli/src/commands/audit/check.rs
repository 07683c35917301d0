//! What `audit verify` keeps while it goes through entries: the verifier, what was found, and whose word heads are.
//!
//! What an export says of itself in its opening, which streams it holds and after which entries it begins, is signed by
//! nobody. It is believed only as far as nothing else is known: heads count for every stream that they name, and where
//! they are compared with a key or were kept, the log has to be there from its first entry on, unless whoever asks says
//! otherwise in a [`Scope`].

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};
use macadam_core::audit::{Entry, Finding, Head, Heads, HeadsKey, Later, Line, Opening, SignedHeads, Stream, Verifier};
use serde::Serialize;

/// More than anybody reads. What comes after is counted.
const SHOWN: usize = 1000;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) entries: u64,
    /// The streams that were looked at; `None` is all.
    pub(super) streams: Option<Vec<Stream>>,
    /// The number that it begins with. What was before was not looked at.
    pub(super) from: u64,
    pub(super) last: u64,
    pub(super) heads: Vec<Head>,
    pub(super) findings: Vec<Finding>,
    /// What is wrong with a file or a signature, rather than with an entry.
    pub(super) remarks: Vec<String>,
    /// Heads that were kept of after its end, if some were. What they name was not looked at.
    pub(super) later: Option<Later>,
    /// Findings that are not shown.
    pub(super) more: u64,
}

impl Report {
    pub(super) fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.remarks.is_empty()
    }
}

/// What is to be there, as whoever asks says it.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// Only these streams are looked at; without any, all.
    pub(super) streams: Vec<Stream>,
    /// The number that it may begin with at the latest.
    pub(super) from: Option<u64>,
}

impl Scope {
    fn is_all(&self) -> bool {
        self.streams.is_empty()
    }

    fn has(&self, stream: &str) -> bool {
        self.is_all() || self.streams.iter().any(|wanted| wanted.to_string() == stream)
    }

    /// Heads of the streams that are looked at. How many entries all streams have says nothing of where some begin.
    fn only(&self, heads: &Heads) -> Heads {
        let mut heads = heads.clone();
        if !self.is_all() {
            heads.heads.retain(|head| self.streams.contains(&head.stream));
            heads.entries = None;
        }
        heads
    }
}

/// Goes through lines and entries.
pub(super) struct Check {
    key: Option<HeadsKey>,
    kept: Vec<Heads>,
    scope: Scope,
    verifier: Option<Verifier>,
    /// The streams that it says it holds; `None` is all.
    held: Option<Vec<Stream>>,
    /// The streams that heads name.
    named: BTreeSet<Stream>,
    report: Report,
}

impl Check {
    /// With heads that were kept; with a key, all heads must be signed with it.
    pub(super) fn new(key: Option<HeadsKey>, kept: Vec<SignedHeads>, scope: Scope) -> Self {
        let mut check = Self {
            key,
            kept: Vec::new(),
            scope,
            verifier: None,
            held: None,
            named: BTreeSet::new(),
            report: Report::default(),
        };
        for signed in kept {
            if check.is_signed(&signed) {
                check.kept.push(signed.statement);
            }
        }
        check
    }

    /// Whether heads count; if not, that is in the report.
    fn is_signed(&mut self, signed: &SignedHeads) -> bool {
        let checked = signed.check(self.key.as_ref());
        self.report.remarks.extend(checked.as_ref().err().map(ToString::to_string));
        checked.is_ok()
    }

    /// Begins, or goes on with the next part.
    pub(super) fn open(&mut self, opening: Opening) {
        let after = self.scope.only(&opening.after);
        if let Some(verifier) = &mut self.verifier {
            let findings = verifier.expect(&after);
            self.found(findings);
            return;
        }
        let whole = opening.streams.is_none() && self.scope.is_all();
        let verifier = if whole { Verifier::whole() } else { Verifier::of_streams() };
        self.verifier = Some(verifier.starting_after(&after));
        self.held = opening.streams;
        self.begin(first_after(&after));
        for heads in std::mem::take(&mut self.kept) {
            self.expect(&heads);
        }
    }

    /// Says where it begins. Heads name entries of chains that begin with the first, so what begins later lacks some.
    fn begin(&mut self, from: u64) {
        self.report.from = from;
        let is_compared = self.key.is_some() || !self.kept.is_empty();
        let latest = self.scope.from.or(is_compared.then_some(1));
        if let Some(latest) = latest.filter(|latest| from > *latest) {
            self.report.remarks.push(format!(
                "it begins with number {from} and not with {latest}: what was before was removed, or is in another file; \
                 name that as well, or say --from {from} if it is to begin there"
            ));
        }
    }

    /// Keeps heads in mind, whatever an opening says that there is.
    fn expect(&mut self, heads: &Heads) {
        let heads = self.scope.only(heads);
        self.named.extend(heads.heads.iter().map(|head| head.stream.clone()));
        let findings = self.verifier.as_mut().map(|verifier| verifier.expect(&heads)).unwrap_or_default();
        self.found(findings);
    }

    pub(super) fn entry(&mut self, entry: &Entry) -> anyhow::Result<()> {
        let verifier = self.verifier.as_mut().context("an entry comes before the opening")?;
        if self.scope.has(&entry.stream) {
            let findings = verifier.entry(entry);
            self.found(findings);
        }
        Ok(())
    }

    /// Heads that the entries that follow must reach.
    pub(super) fn heads(&mut self, signed: &SignedHeads) -> anyhow::Result<()> {
        if self.counts(signed)? {
            self.expect(&signed.statement);
        }
        Ok(())
    }

    /// Heads that the entries before them must reach, and not pass.
    fn close(&mut self, signed: &SignedHeads) -> anyhow::Result<()> {
        if self.counts(signed)? {
            self.expect(&signed.statement);
            // Without a key anybody could say that it ends earlier.
            let is_proven = self.key.is_some();
            let closed = self.verifier.as_mut().map(|verifier| verifier.close(&signed.statement, is_proven));
            self.found(closed.unwrap_or_default());
        }
        Ok(())
    }

    fn counts(&mut self, signed: &SignedHeads) -> anyhow::Result<bool> {
        ensure!(self.verifier.is_some(), "heads come before the opening");
        Ok(self.is_signed(signed))
    }

    /// The lines of an export.
    pub(super) fn lines(
        &mut self,
        name: &str,
        lines: impl Iterator<Item = std::io::Result<String>>,
    ) -> anyhow::Result<()> {
        let (mut number, mut ended) = (0_u64, false);
        for line in lines {
            number += 1;
            let text = line.with_context(|| format!("{name}, line {number} cannot be read"))?;
            let place = || format!("{name}, line {number}");
            let line = Line::read(&text).with_context(place)?;
            ended = matches!(line, Line::Heads(_));
            match line {
                Line::Opening(opening) => self.open(opening),
                Line::Entry(entry) => self.entry(&entry).with_context(place)?,
                Line::Heads(heads) => self.close(&heads).with_context(place)?,
            }
        }
        if number == 0 {
            bail!("{name} is empty; it should be an export of an audit log");
        }
        if !ended {
            self.report.remarks.push(format!("{name} does not end with heads: its end was cut off"));
        }
        Ok(())
    }

    fn found(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            match self.report.findings.len() {
                0..SHOWN => self.report.findings.push(finding),
                _ => self.report.more += 1,
            }
        }
    }

    /// What was found in the end.
    ///
    /// # Errors
    /// When nothing at all is known of a stream that is to be looked at.
    pub(super) fn end(mut self) -> anyhow::Result<Report> {
        self.tell_of_left_out();
        if let Some(ended) = self.verifier.take().map(Verifier::end) {
            self.found(ended.findings);
            self.report.later = ended.later;
            (self.report.entries, self.report.last, self.report.heads) = (ended.entries, ended.last, ended.heads);
        }
        if let Some(unknown) = self.scope.streams.iter().find(|stream| !self.is_known(stream)) {
            bail!("there is neither an entry nor a head of the stream {unknown}; is that its name?");
        }
        self.report.streams = if self.scope.is_all() { self.held } else { Some(self.scope.streams) };
        Ok(self.report)
    }

    fn is_known(&self, stream: &Stream) -> bool {
        let name = stream.to_string();
        let is_found = || self.report.findings.iter().any(|finding| finding.stream.as_ref() == Some(&name));
        self.named.contains(stream) || self.report.heads.iter().any(|head| head.stream == *stream) || is_found()
    }

    /// Says that heads name streams which a file says that it does not hold, for whoever exported it so.
    fn tell_of_left_out(&mut self) {
        let Some(held) = self.held.as_ref().filter(|_| self.scope.is_all()) else { return };
        let left_out: Vec<_> =
            self.named.iter().filter(|stream| !held.contains(stream)).map(Stream::to_string).collect();
        if !left_out.is_empty() {
            let only: String = held.iter().map(|stream| format!(" --stream {stream}")).collect();
            self.report.remarks.push(format!(
                "heads name {}, and it says that it holds nothing of that; if it is to be so, verify it with{only}",
                left_out.join(", ")
            ));
        }
    }
}

/// The number that what follows heads begins with. Those of an opening are only said, and a place is never more than its
/// number.
fn first_after(after: &Heads) -> u64 {
    let numbers = after.heads.iter().map(|head| head.seq.max(head.place));
    numbers.chain(after.entries).max().unwrap_or(0).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use macadam_core::audit::HeadsSigner;

    fn read(text: &str) -> anyhow::Result<Report> {
        let mut check = Check::new(None, Vec::new(), Scope::default());
        check.lines("x.jsonl", text.lines().map(|line| Ok(line.to_owned())))?;
        check.end()
    }

    fn line(line: &Line) -> String {
        serde_json::to_string(line).unwrap()
    }

    #[test]
    fn where_a_stream_begins_is_not_said_by_the_number_of_all_entries() {
        let key = HeadsSigner::new(&[7; 32]).key();
        let stream: Stream = "team/new".parse().unwrap();
        let head = |stream: &Stream, seq| Head { stream: stream.clone(), place: 3, seq, hash: Entry::nothing_before() };
        let opened = |streams: &[Stream], heads: Vec<Head>| {
            let mut check = Check::new(Some(key.clone()), Vec::new(), Scope { streams: streams.to_vec(), from: None });
            let after = Heads { at: Timestamp::UNIX_EPOCH, entries: Some(100), heads };
            let format = macadam_core::audit::EXPORT_VERSION;
            check.open(Opening { format, streams: None, after });
            (check.report.from, check.report.is_clean())
        };
        let of_another = vec![head(&Stream::Platform, 90)];
        assert_eq!(opened(std::slice::from_ref(&stream), of_another.clone()), (1, true), "its first entry is there");
        assert_eq!(opened(std::slice::from_ref(&stream), vec![head(&stream, 50)]), (51, false));
        assert_eq!(opened(&[], of_another), (101, false), "all streams begin after all entries of before");
    }

    #[test]
    fn a_file_that_is_no_export_or_no_whole_one_is_told_by_its_line() {
        let opening = line(&Line::Opening(Opening {
            format: macadam_core::audit::EXPORT_VERSION,
            streams: None,
            after: Heads::none(Timestamp::UNIX_EPOCH),
        }));
        let heads = HeadsSigner::new(&[7; 32]).sign(Heads::none(Timestamp::UNIX_EPOCH)).unwrap();
        let end = line(&Line::Heads(heads.clone()));
        assert!(read(&format!("{opening}\n{end}")).unwrap().is_clean(), "a log without entries is a log");
        let cut = read(&opening).unwrap();
        assert!(cut.remarks.iter().any(|remark| remark.contains("x.jsonl does not end with heads")), "{cut:?}");
        for (text, part) in [
            (String::new(), "x.jsonl is empty"),
            (format!("{opening}\nnonsense"), "x.jsonl, line 2"),
            (end.clone(), "x.jsonl, line 1: heads come before"),
            (opening.replace("\"format\":1", "\"format\":2"), "use a newer one"),
        ] {
            let refused = format!("{:#}", read(&text).unwrap_err());
            assert!(refused.contains(part), "{part:?} is missing in: {refused}");
        }
        let other = HeadsSigner::new(&[8; 32]).key();
        let check = Check::new(Some(other), vec![heads], Scope::default());
        assert_eq!(
            check.end().unwrap().remarks.len(),
            1,
            "heads that are signed with another key are told, and do not count"
        );
    }
}
