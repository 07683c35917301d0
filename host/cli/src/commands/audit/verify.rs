//! `macadam audit verify`: files without a server, or a server's log as it can be read.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use macadam_core::audit::{EXPORT_VERSION, Heads, HeadsKey, Opening, SignedHeads, Stream};
use serde_json::Value;

use super::VerifyArgs;
use super::ask::{self, LogEnd, PAGE, Wish};
use super::check::{Check, Report, Scope};
use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::output::{Output, clean, note};

pub(super) fn run(global: &Global, args: &VerifyArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let key = args.key.as_deref().map(key_of).transpose()?;
    let kept = kept_heads(&args.heads)?;
    let has_key = key.is_some();
    let scope = Scope { streams: args.stream.clone(), from: args.from };
    let report = if args.files.is_empty() {
        server(&Client::new(global)?, key, kept, scope)?
    } else {
        let mut check = Check::new(key, kept, scope);
        for path in &args.files {
            file(&mut check, path)?;
        }
        check.end()?
    };
    // Only of what was compared is there anything to say.
    if !has_key {
        note("without --key, signatures are not compared with a key that was kept elsewhere");
    }
    let document = serde_json::to_value(&report)?;
    output.value(&document, |_: &Value| Ok(shown(&report)))?;
    Ok(if report.is_clean() { End::Done } else { End::Tampered })
}

/// A key, or what is in a file with it.
fn key_of(text: &str) -> anyhow::Result<HeadsKey> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let read = fs::read_to_string(text).with_context(|| format!("{text} is neither a key nor a file with one"))?;
    read.parse().with_context(|| text.to_owned())
}

/// The heads in files, and in the files of directories.
fn kept_heads(paths: &[PathBuf]) -> anyhow::Result<Vec<SignedHeads>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let read = fs::read_dir(path).with_context(|| path.display().to_string())?;
            let names = read.map(|file| Ok(file?.path())).collect::<std::io::Result<Vec<_>>>()?;
            let before = files.len();
            files
                .extend(names.into_iter().filter(|name| name.extension().is_some_and(|extension| extension == "json")));
            // Nothing compares well with everything.
            ensure!(
                files.len() > before,
                "{} holds no heads: no file in it ends in .json; an export has them in its directory `heads`",
                path.display()
            );
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    let read = |path: &PathBuf| {
        let text = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} holds no heads; write such files with `macadam audit heads`", path.display()))
    };
    files.iter().map(read).collect()
}

fn file(check: &mut Check, path: &Path) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        return check.lines("standard input", std::io::stdin().lock().lines());
    }
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
    check.lines(&name, BufReader::new(file).lines())
}

/// What a server has now, against what it signs and what was kept.
fn server(client: &Client, key: Option<HeadsKey>, kept: Vec<SignedHeads>, scope: Scope) -> anyhow::Result<Report> {
    // More streams than one come with what is between them, which is passed over.
    let wish = match scope.streams.as_slice() {
        [stream] => Wish::default().with("stream", Some(stream)),
        _ => Wish::default(),
    };
    let now = LogEnd::ask(client, &wish)?;
    let key = key.map_or_else(|| ask::key(client), Ok)?;
    let streams: Option<Vec<Stream>> = now.streams().map(|streams| streams.into_iter().collect());
    if let Some(readable) = &streams {
        // To have found nothing wrong with nothing would look like a proof.
        ensure!(
            !readable.is_empty() || !scope.streams.is_empty(),
            "there is no entry that you may read: your team's stream is empty, and the others are for the role auditor"
        );
        match scope.streams.as_slice() {
            [] => are_readable("the heads name", readable, streams_of(&kept))?,
            // Of one stream the server is asked, and says itself whether it may be read.
            [_] => {}
            named => are_readable("--stream names", readable, named)?,
        }
    }
    let mut check = Check::new(Some(key), kept, scope);
    let after = Heads::none(Timestamp::UNIX_EPOCH);
    check.open(Opening { format: EXPORT_VERSION, streams, after });
    check.heads(&now.heads)?;
    let mut last = 0;
    loop {
        let page = ask::entries(client, &wish.clone().with("after", Some(last)).with("limit", Some(PAGE)))?;
        let Some(end) = page.last().map(|entry| entry.seq) else { break };
        for entry in &page {
            check.entry(entry)?;
        }
        last = end;
    }
    check.end()
}

fn streams_of(kept: &[SignedHeads]) -> impl Iterator<Item = &Stream> {
    kept.iter().flat_map(|signed| &signed.statement.heads).map(|head| &head.stream)
}

/// Streams that one may not read would all look cut off, against heads that were kept of them.
fn are_readable<'a>(
    who: &str,
    readable: &[Stream],
    streams: impl IntoIterator<Item = &'a Stream>,
) -> anyhow::Result<()> {
    if let Some(other) = streams.into_iter().find(|stream| !readable.contains(stream)) {
        let only: String = readable.iter().map(|stream| format!(" --stream {stream}")).collect();
        bail!("{who} {other}, which takes the role auditor to read; verify with{only}");
    }
    Ok(())
}

fn shown(report: &Report) -> String {
    let mut text = String::new();
    for line in report.findings.iter().map(ToString::to_string).chain(report.remarks.iter().cloned()) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", clean(&line));
    }
    if report.more > 0 {
        let _ = writeln!(text, "and {} more", report.more);
    }
    if let Some(streams) = &report.streams {
        let streams: Vec<_> = streams.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "only a part was looked at: of the streams {}", streams.join(", "));
    }
    if report.from > 1 {
        let _ = writeln!(text, "only a part was looked at: nothing before number {}", report.from);
    }
    if let Some(later) = report.later {
        let (end, kept) = (later.end, later.kept);
        let _ = writeln!(
            text,
            "only a part was looked at: the files end at {end}, and heads that were kept up to {kept} name entries of after \
             that; verify those with the next file, or on the server"
        );
    }
    let (entries, streams, from) = (report.entries, report.heads.len(), report.from);
    let outcome = if report.is_clean() {
        "everything is what was written"
    } else {
        "this is not what was written; keep it as evidence, and compare a backup"
    };
    let _ = write!(text, "{entries} entries in {streams} streams, from number {from} up to {}: {outcome}", report.last);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_heads_is_refused_and_not_compared_with() {
        let folder = tempfile::tempdir().unwrap();
        // Whoever names the directory above by mistake would be told that all is well.
        fs::create_dir(folder.path().join("heads")).unwrap();
        fs::write(folder.path().join("2026-11-26.jsonl"), "").unwrap();
        let refused = format!("{:#}", kept_heads(&[folder.path().to_owned()]).unwrap_err());
        assert!(refused.contains("holds no heads"), "{refused}");
    }
}
