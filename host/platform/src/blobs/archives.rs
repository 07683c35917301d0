//! The archives of an earlier version, which kept them as files of the data directory.

use std::io;
use std::path::{Path, PathBuf};

use macadam_blobs::{BlobError, Blobs};
use macadam_core::digest::Digest;

/// How the name of an archive's file ends; it begins with the digits of its digest.
const ENDING: &str = ".tar.gz";

/// Why archives were not taken over; those that were are.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// The directory or one of its files cannot be read or removed.
    #[error("{} cannot be taken over: {source}; check that it may be read and written", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// They cannot be put among the blobs.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

/// Moves every archive of a directory among the blobs, and says how many those were. One that is not what its name says
/// stays where it is, for people to look at. Called again, it goes on where it was cut off.
///
/// # Errors
/// [`TakeOverError`]; what was not moved is still in the directory.
pub async fn take_over_archives(directory: &Path, blobs: &Blobs) -> Result<usize, TakeOverError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| TakeOverError::Io { path, source }
    };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(at(directory)(error)),
    };
    let mut moved = 0;
    for entry in entries {
        let path = entry.map_err(at(directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(ENDING));
        let Some(digest) = name.and_then(|digits| format!("sha256:{digits}").parse::<Digest>().ok()) else { continue };
        let bytes = tokio::fs::read(&path).await.map_err(at(&path))?;
        if Digest::of(&bytes) != digest {
            tracing::warn!(path = %path.display(), "a damaged archive is left where it is");
            continue;
        }
        blobs.put(bytes).await?;
        tokio::fs::remove_file(&path).await.map_err(at(&path))?;
        moved += 1;
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn archives_become_blobs_once_and_what_is_damaged_or_a_strangers_stays() {
        let directory = tempfile::tempdir().unwrap();
        let archives = directory.path().join("archives");
        let blobs = Blobs::in_memory();
        assert_eq!(take_over_archives(&archives, &blobs).await.unwrap(), 0, "a new host has none");
        std::fs::create_dir(&archives).unwrap();
        let file = |digest: &Digest| archives.join(format!("{}.tar.gz", digest.hex()));
        let (whole, damaged) = (Digest::of(b"whole"), Digest::of(b"damaged"));
        std::fs::write(file(&whole), b"whole").unwrap();
        std::fs::write(file(&damaged), b"something else").unwrap();
        std::fs::write(archives.join("notes.txt"), b"mine").unwrap();
        assert_eq!(take_over_archives(&archives, &blobs).await.unwrap(), 1);
        assert_eq!(take_over_archives(&archives, &blobs).await.unwrap(), 0);
        assert_eq!(blobs.get(&whole).await.unwrap(), &b"whole"[..]);
        assert!(!file(&whole).exists() && file(&damaged).exists() && archives.join("notes.txt").exists());
        assert!(!blobs.has(&damaged).await.unwrap());
    }
}
