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

use std::fs;
use std::io::{BufRead as _, BufReader, BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use macadam_core::audit::{EXPORT_VERSION, Heads, Line, Opening};
use macadam_store::PageRequest;
use tempfile::NamedTempFile;

use crate::Platform;
use crate::provisioning::ProvisionError;

/// Entries that are read at once.
const AT_ONCE: u32 = 1000;

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
        if !heads.exists() {
            let signed = platform.signed_heads(None, now).await?;
            let text = serde_json::to_vec(&signed).map_err(ProvisionError::from)?;
            written.extend(place(&heads, |file| file.write_all(&text))?);
        }
        let day = now.to_zoned(TimeZone::UTC).date();
        let entries = self.directory.join("entries").join(format!("{day}.jsonl"));
        if self.entries && !entries.exists() {
            written.extend(export_entries(platform, &entries, now).await?);
        }
        Ok(written)
    }

    /// The moment of the interval that `now` is in.
    fn due(&self, now: Timestamp) -> Timestamp {
        let (second, interval) = (now.as_second(), self.interval.as_secs().max(1).cast_signed());
        Timestamp::from_second(second - second.rem_euclid(interval)).unwrap_or(now)
    }
}

/// Writes the entries since the last such file, in memory that does not grow with them.
async fn export_entries(platform: &Platform, path: &Path, now: Timestamp) -> Result<Option<PathBuf>, ExportError> {
    let after = last_heads(path)?.unwrap_or_else(|| Heads::none(now));
    let signed = platform.signed_heads(None, now).await?;
    let end = signed.statement.entries.unwrap_or(0);
    let mut last = after.entries.unwrap_or(0);
    let mut file = temporary(path)?;
    let mut writer = BufWriter::new(file.as_file_mut());
    line(&mut writer, path, &Line::Opening(Opening { format: EXPORT_VERSION, streams: None, after }))?;
    while last < end {
        let page = PageRequest { after: Some(last), limit: AT_ONCE };
        let entries = platform.store().audit(&Default::default(), page).await.map_err(ProvisionError::from)?;
        let Some(reached) = entries.last().map(|entry| entry.seq) else { break };
        for entry in entries.into_iter().filter(|entry| entry.seq <= end) {
            line(&mut writer, path, &Line::Entry(Box::new(entry)))?;
        }
        last = reached;
    }
    line(&mut writer, path, &Line::Heads(signed))?;
    writer.flush().map_err(|source| ExportError::Io { path: path.to_owned(), source })?;
    drop(writer);
    keep(file, path)
}

/// The heads that the newest file of entries before this one ends with.
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
    let Some(newest) = of_days.max() else { return Ok(None) };
    let broken = || ExportError::Broken { path: newest.clone() };
    let file = fs::File::open(&newest).map_err(io)?;
    let last = BufReader::new(file).lines().last().transpose().map_err(io)?.unwrap_or_default();
    match Line::read(&last) {
        Ok(Line::Heads(signed)) => Ok(Some(signed.statement)),
        _ => Err(broken()),
    }
}

fn line(writer: &mut impl std::io::Write, path: &Path, line: &Line) -> Result<(), ExportError> {
    let text = serde_json::to_string(line).map_err(ProvisionError::from)?;
    writeln!(writer, "{text}").map_err(|source| ExportError::Io { path: path.to_owned(), source })
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
}
