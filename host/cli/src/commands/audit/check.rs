//! What `audit verify` keeps while it goes through entries: the verifier, what was found, and whose word heads are.

use anyhow::{Context as _, bail};
use macadam_core::audit::{Entry, Finding, Head, Heads, HeadsKey, Line, Opening, SignedHeads, Stream, Verifier};
use serde::Serialize;

/// More than anybody reads. What comes after is counted.
const SHOWN: usize = 1000;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) entries: u64,
    pub(super) last: u64,
    pub(super) heads: Vec<Head>,
    pub(super) findings: Vec<Finding>,
    /// What is wrong with a file or a signature, rather than with an entry.
    pub(super) remarks: Vec<String>,
    /// Findings that are not shown.
    pub(super) more: u64,
}

impl Report {
    pub(super) fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.remarks.is_empty()
    }
}

/// Goes through lines and entries.
pub(super) struct Check {
    key: Option<HeadsKey>,
    kept: Vec<Heads>,
    verifier: Option<Verifier>,
    /// The streams that are looked at; `None` is all.
    streams: Option<Vec<Stream>>,
    report: Report,
}

impl Check {
    /// With heads that were kept; with a key, all heads must be signed with it.
    pub(super) fn new(key: Option<HeadsKey>, kept: Vec<SignedHeads>) -> Self {
        let mut check = Self { key, kept: Vec::new(), verifier: None, streams: None, report: Report::default() };
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
        let mut findings = Vec::new();
        match &mut self.verifier {
            Some(verifier) => findings.extend(verifier.expect(&opening.after)),
            None => {
                let verifier = if opening.streams.is_none() { Verifier::whole() } else { Verifier::of_streams() };
                let mut verifier = verifier.starting_after(&opening.after);
                for heads in &self.kept {
                    findings.extend(verifier.expect(&only(heads, opening.streams.as_deref())));
                }
                self.verifier = Some(verifier);
            }
        }
        self.streams = opening.streams;
        self.found(findings);
    }

    pub(super) fn entry(&mut self, entry: &Entry) -> anyhow::Result<()> {
        let findings = self.verifier.as_mut().context("an entry comes before the opening")?.entry(entry);
        self.found(findings);
        Ok(())
    }

    /// Heads that the entries before them, or those that follow, must reach.
    pub(super) fn heads(&mut self, signed: &SignedHeads) -> anyhow::Result<()> {
        if self.is_signed(signed) {
            let heads = only(&signed.statement, self.streams.as_deref());
            let findings = self.verifier.as_mut().context("heads come before the opening")?.expect(&heads);
            self.found(findings);
        }
        Ok(())
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
            let text = line.with_context(|| format!("{name} cannot be read"))?;
            let place = || format!("{name}, line {number}");
            let line = Line::read(&text).with_context(place)?;
            ended = matches!(line, Line::Heads(_));
            match line {
                Line::Opening(opening) => self.open(opening),
                Line::Entry(entry) => self.entry(&entry).with_context(place)?,
                Line::Heads(heads) => self.heads(&heads).with_context(place)?,
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
    pub(super) fn end(mut self) -> Report {
        if let Some(ended) = self.verifier.take().map(Verifier::end) {
            self.found(ended.findings);
            (self.report.entries, self.report.last, self.report.heads) = (ended.entries, ended.last, ended.heads);
        }
        self.report
    }
}

/// Heads of the streams that are looked at.
fn only(heads: &Heads, streams: Option<&[Stream]>) -> Heads {
    let mut heads = heads.clone();
    heads.heads.retain(|head| streams.is_none_or(|streams| streams.contains(&head.stream)));
    heads
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use macadam_core::audit::HeadsSigner;

    fn read(text: &str) -> anyhow::Result<Report> {
        let mut check = Check::new(None, Vec::new());
        check.lines("x.jsonl", text.lines().map(|line| Ok(line.to_owned())))?;
        Ok(check.end())
    }

    fn line(line: &Line) -> String {
        serde_json::to_string(line).unwrap()
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
        let check = Check::new(Some(other), vec![heads]);
        assert_eq!(check.end().remarks.len(), 1, "heads that are signed with another key are told, and do not count");
    }
}
