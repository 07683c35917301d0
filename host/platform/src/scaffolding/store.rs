//! Where archives are kept: files named by the digest of their bytes, so that one is never written twice and a damaged
//! one is found when it is read.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use macadam_core::digest::Digest;

/// A directory of archives.
#[derive(Debug, Clone)]
pub struct Archives {
    directory: PathBuf,
}

impl Archives {
    /// Opens the directory, making it on first use.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// Keeps an archive. One that is there already is not written again.
    ///
    /// # Errors
    /// When it cannot be written; nothing half-written stays under its name.
    pub fn put(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let path = self.path_of(digest);
        if path.exists() {
            return Ok(());
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Reads an archive and checks that it is what it was.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when it is not there, [`io::ErrorKind::InvalidData`] when it is damaged.
    pub fn get(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        let bytes = std::fs::read(self.path_of(digest))?;
        if Digest::of(&bytes) == *digest {
            return Ok(bytes);
        }
        let message = format!("the archive {digest} is damaged on disk; ask for the project again");
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }

    fn path_of(&self, digest: &Digest) -> PathBuf {
        self.directory.join(format!("{}.tar.gz", digest.hex()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_comes_back_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let archives = Archives::open(directory.path()).unwrap();
        let digest = Digest::of(b"bytes");
        assert_eq!(archives.get(&digest).unwrap_err().kind(), io::ErrorKind::NotFound);
        archives.put(&digest, b"bytes").unwrap();
        archives.put(&digest, b"bytes").unwrap();
        assert_eq!(archives.get(&digest).unwrap(), b"bytes");
        std::fs::write(archives.path_of(&digest), b"other").unwrap();
        assert_eq!(archives.get(&digest).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
