//! Files that are there whole or not at all, and locks on them.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::IndexError;
use super::errors::at;

/// How the name of a file begins that is being written.
pub(super) const TEMPORARY: &str = ".tmp-";

/// A lock that is held until this is dropped, against other threads and other processes.
#[derive(Debug)]
pub(super) struct Lock {
    /// The operating system lets go of the lock when the file is closed, also when the process is killed.
    _file: File,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, IndexError> {
        ensure_parent(path)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(at(path))?;
        file.lock().map_err(at(path))?;
        Ok(Self { _file: file })
    }
}

/// A file's bytes, or nothing when there is no such file.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, IndexError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

/// Writes a file so that a reader, or whoever comes after a crash, sees what was there before or all that is new.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), IndexError> {
    let directory = ensure_parent(path)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    // Temporary files are their owner's alone; these are to be read by whoever the process's umask lets.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory).map_err(at(path))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(at(path))?;
    file.persist(path).map_err(|error| at(path)(error.error))?;
    sync_directory(directory)
}

pub(super) fn ensure_directory(path: &Path) -> Result<(), IndexError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(at(path))?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// The names and paths in a directory, in the order of their names.
pub(super) fn entries(directory: &Path) -> Result<Vec<(String, PathBuf)>, IndexError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(at(directory))? {
        let entry = entry.map_err(at(directory))?;
        // A name that is not UTF-8 is none that this registry has written.
        if let Ok(name) = entry.file_name().into_string() {
            entries.push((name, entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}

pub(super) fn ensure_parent(path: &Path) -> Result<&Path, IndexError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    ensure_directory(directory)?;
    Ok(directory)
}

/// A rename is kept through a power cut only once the directory is synced.
fn sync_directory(path: &Path) -> Result<(), IndexError> {
    // The parent of a relative path of one part is the empty path.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    if cfg!(unix) { File::open(path).and_then(|file| file.sync_all()).map_err(at(path)) } else { Ok(()) }
}
