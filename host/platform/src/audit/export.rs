//! Exports on a schedule: signed heads, and where it is asked for whole entries, into a directory that should be on
//! another machine or a medium that is written once.
//!
//! ```text
//! heads/2026-11-26T10:15:00Z.json     where every stream ended, signed
//! entries/2026-11-26.jsonl            what came since the file before it, once a day
//! ```
//!
//! A file's name is the moment that it is due, cut to the interval, so whoever of several replicas comes first writes
//! it, and the others find it there. A file appears whole or not at all, and none is ever changed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufWriter, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use macadam_core::audit::{EXPORT_VERSION, Heads, Line, Opening, SignedHeads};
use macadam_store::PageRequest;
use tempfile::NamedTempFile;

use crate::Platform;
use crate::provisioning::ProvisionError;

/// Entries that are read at once.
const AT_ONCE: u32 = 1000;

/// How much of a file's end is read for its last line at first: the heads of some hundred streams.
const LAST_LINE: u64 = 64 * 1024;

/// What is exported, where to and how often.
#[derive(Debug, Clone)]
pub struct Exports {
    /// Where to.
    pub directory: PathBuf,
    /// How often heads are.
    pub interval: Duration,
    /// Whether whole entries are, once a day.
    pub entries: bool,
}

/// Why nothing was exported this time.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The directory or a file in it.
    #[error("{} cannot be written: {source}; check that it is mounted and writable", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// What the last file ends with is no heads, so nothing can be continued.
    #[error("{} does not end with the heads of an export; move it away, and the next export begins anew", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// The files have entries that the log has not.
    #[error(
        "the files in {} reach up to entry {kept}, and the log ends with entry {end}: it was cut, or restored from a backup; \
         move the files away, keep them as evidence, and the next export begins anew",
        path.display()
    )]
    Ahead {
        /// The directory.
        path: PathBuf,
        /// The last entry of the files.
        kept: u64,
        /// The last entry of the log.
        end: u64,
    },
    /// The log could not be read or signed.
    #[error(transparent)]
    Log(#[from] ProvisionError),
}

impl Exports {
    /// Writes what is due and not there yet, and says what it wrote.
    ///
    /// # Errors
    /// [`ExportError`]; what is due is tried again the next time.
    pub async fn run(&self, platform: &Platform, now: Timestamp) -> Result<Vec<PathBuf>, ExportError> {
        let mut written = Vec::new();
        let heads = self.directory.join("heads").join(format!("{}.json", self.due(now)));
        if is_missing(&heads).await? {
            let signed = platform.signed_heads(None, now).await?;
            let text = serde_json::to_vec(&signed).map_err(ProvisionError::from)?;
            written.extend(blocking(move || place(&heads, |file| file.write_all(&text))).await?);
        }
        let day = now.to_zoned(TimeZone::UTC).date();
        let entries = self.directory.join("entries").join(format!("{day}.jsonl"));
        if self.entries && is_missing(&entries).await? {
            written.extend(export_entries(platform, entries, now).await?);
        }
        Ok(written)
    }

    /// The moment of the interval that `now` is in.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Timestamp {
        let (second, interval) = (now.as_second(), self.interval.as_secs().max(1).cast_signed());
        Timestamp::from_second(second - second.rem_euclid(interval)).unwrap_or(now)
    }
}

async fn is_missing(path: &Path) -> Result<bool, ExportError> {
    let path = path.to_owned();
    blocking(move || path.try_exists().map(|there| !there).map_err(|source| ExportError::Io { path, source })).await
}

/// Works with files on a thread that may wait: a share of another machine may take its time, and requests must not.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExportError> + Send + 'static,
) -> Result<T, ExportError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ExportError::Log(std::io::Error::other(error).into())))
}

/// Writes the entries since the last such file, in memory that does not grow with them.
async fn export_entries(platform: &Platform, path: PathBuf, now: Timestamp) -> Result<Option<PathBuf>, ExportError> {
    // First, since it is what fails while the directory cannot be written, and the rest reads from every file.
    let name = path.clone();
    let mut file = blocking(move || temporary(&name)).await?;
    let name = path.clone();
    let after = blocking(move || last_heads(&name)).await?.unwrap_or_else(|| Heads::none(now));
    let signed = platform.signed_heads(None, now).await?;
    let (end, mut last) = (signed.statement.entries.unwrap_or(0), after.entries.unwrap_or(0));
    if last > end {
        let path = path.parent().unwrap_or(&path).to_owned();
        return Err(ExportError::Ahead { path, kept: last, end });
    }
    let opening = Line::Opening(Opening { format: EXPORT_VERSION, streams: None, after });
    file = write(file, &path, vec![opening]).await?;
    while last < end {
        let page = PageRequest { after: Some(last), limit: AT_ONCE };
        let entries = platform.store().audit(&Default::default(), page).await.map_err(ProvisionError::from)?;
        let Some(reached) = entries.last().map(|entry| entry.seq) else { break };
        let entries = entries.into_iter().filter(|entry| entry.seq <= end);
        file = write(file, &path, entries.map(|entry| Line::Entry(Box::new(entry))).collect()).await?;
        last = reached;
    }
    file = write(file, &path, vec![Line::Heads(signed)]).await?;
    blocking(move || keep(file, &path)).await
}

/// Adds lines to a file.
async fn write(mut file: NamedTempFile, path: &Path, lines: Vec<Line>) -> Result<NamedTempFile, ExportError> {
    let path = path.to_owned();
    blocking(move || {
        let mut writer = BufWriter::new(file.as_file_mut());
        for line in &lines {
            let text = serde_json::to_string(line).map_err(ProvisionError::from)?;
            writeln!(writer, "{text}").map_err(|source| ExportError::Io { path: path.clone(), source })?;
        }
        writer.flush().map_err(|source| ExportError::Io { path, source })?;
        drop(writer);
        Ok(file)
    })
    .await
}

/// The heads that the files of entries end with which reach furthest. These are not those of the latest name while a clock
/// goes right again that was ahead, and who goes on from there would write the same entries every day.
fn last_heads(path: &Path) -> Result<Option<Heads>, ExportError> {
    let directory = path.parent().unwrap_or(path);
    let io = |source| ExportError::Io { path: directory.to_owned(), source };
    let files = match fs::read_dir(directory) {
        Ok(files) => files,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let names = files.map(|file| Ok(file?.path())).collect::<Result<Vec<_>, _>>().map_err(io)?;
    let of_days = names.into_iter().filter(|name| name.extension().is_some_and(|extension| extension == "jsonl"));
    let of_days: BTreeSet<PathBuf> = of_days.collect();
    let mut furthest: Option<Heads> = None;
    for day in &of_days {
        let Ok(Line::Heads(SignedHeads { statement, .. })) = Line::read(&last_line(day).map_err(io)?) else {
            if of_days.last() == Some(day) {
                return Err(ExportError::Broken { path: day.clone() });
            }
            // Others came after it.
            continue;
        };
        if furthest.as_ref().is_none_or(|furthest| furthest.entries < statement.entries) {
            furthest = Some(statement);
        }
    }
    Ok(furthest)
}

/// The last line of a file, without reading what is long before it.
fn last_line(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let (length, mut size, mut end) = (file.seek(SeekFrom::End(0))?, LAST_LINE, Vec::new());
    loop {
        let from = length.saturating_sub(size);
        file.seek(SeekFrom::Start(from))?;
        end.clear();
        file.read_to_end(&mut end)?;
        let text = end.trim_ascii_end();
        let mut lines = text.rsplitn(2, |byte| *byte == b'\n');
        let last = lines.next().unwrap_or_default();
        if from == 0 || lines.next().is_some() {
            return Ok(String::from_utf8_lossy(last).into_owned());
        }
        size = size.saturating_mul(2);
    }
}

/// Writes a file that is not there yet, whole or not at all; `None` when somebody else was faster.
fn place(
    path: &Path,
    write: impl FnOnce(&mut fs::File) -> std::io::Result<()>,
) -> Result<Option<PathBuf>, ExportError> {
    let mut file = temporary(path)?;
    write(file.as_file_mut()).map_err(|source| ExportError::Io { path: path.to_owned(), source })?;
    keep(file, path)
}

fn temporary(path: &Path) -> Result<NamedTempFile, ExportError> {
    let directory = path.parent().unwrap_or(path);
    let made = fs::create_dir_all(directory).and_then(|()| NamedTempFile::new_in(directory));
    made.map_err(|source| ExportError::Io { path: directory.to_owned(), source })
}

fn keep(file: NamedTempFile, path: &Path) -> Result<Option<PathBuf>, ExportError> {
    let io = |source| ExportError::Io { path: path.to_owned(), source };
    file.as_file().sync_all().map_err(io)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(Some(path.to_owned())),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(io(error.error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use macadam_core::audit::HeadsSigner;

    #[test]
    fn every_replica_finds_the_same_moment_due() {
        let exports = Exports { directory: PathBuf::new(), interval: Duration::from_secs(900), entries: false };
        let due = |text: &str| exports.due(text.parse().unwrap()).to_string();
        assert_eq!(due("2026-11-26T10:15:00Z"), "2026-11-26T10:15:00Z");
        assert_eq!(due("2026-11-26T10:29:59.9Z"), "2026-11-26T10:15:00Z");
        assert_eq!(due("2026-11-26T10:30:00Z"), "2026-11-26T10:30:00Z");
    }

    #[test]
    fn a_file_is_written_once_and_what_does_not_end_with_heads_is_not_continued() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("entries/2026-11-26.jsonl");
        assert_eq!(last_heads(&path).unwrap(), None, "the first export begins at the first entry");
        assert_eq!(place(&path, |file| file.write_all(b"cut o")).unwrap(), Some(path.clone()));
        assert_eq!(place(&path, |file| file.write_all(b"other")).unwrap(), None, "the second finds it there");
        assert_eq!(fs::read(&path).unwrap(), b"cut o");
        let refused = last_heads(&path.with_file_name("2026-11-27.jsonl")).unwrap_err();
        assert!(matches!(&refused, ExportError::Broken { path: broken } if *broken == path), "{refused}");
    }
    #[test]
    fn what_comes_next_goes_on_from_the_file_that_reaches_furthest_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let ends = |day: &str, entries| {
            let (at, heads) = (Timestamp::UNIX_EPOCH, Vec::new());
            let heads = Heads { at, entries: Some(entries), heads };
            let signed = HeadsSigner::new(&[7; 32]).sign(heads.clone()).unwrap();
            // More than is read at first, without an end of a line in it.
            let before = "x".repeat(2 * usize::try_from(LAST_LINE).unwrap());
            let text = format!("{before}\n{}\n", serde_json::to_string(&Line::Heads(signed)).unwrap());
            fs::write(folder.path().join(day), text).unwrap();
            heads
        };
        let today = folder.path().join("2026-11-28.jsonl");
        ends("2026-11-26.jsonl", 10);
        // The clock was ahead, and goes right again since.
        let ahead = ends("2027-01-01.jsonl", 20);
        assert_eq!(last_heads(&today).unwrap(), Some(ahead));
        let right = ends("2026-11-27.jsonl", 30);
        assert_eq!(last_heads(&today).unwrap(), Some(right));
    }

    #[test]
    fn the_last_line_is_found_however_long_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let long = "y".repeat(3 * usize::try_from(LAST_LINE).unwrap());
        for (text, last) in [
            (String::new(), ""),
            ("one".to_owned(), "one"),
            ("one\ntwo\n".to_owned(), "two"),
            (format!("one\n{long}\n"), long.as_str()),
            (long.clone(), long.as_str()),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(last_line(&path).unwrap(), last);
        }
    }
}
