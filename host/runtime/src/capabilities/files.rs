//! `files`: directories that an administrator has set aside.
//!
//! Paths are resolved by `cap-std` below an open directory, so no `..`, absolute path or link leads out of it.

use std::io::{self, Write as _};
use std::path::{Component, Path};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::call::CallState;
use crate::capabilities::{granted, within_deadline};
use crate::clients::v0_1::bindings::macadam::plugin::files::{Error, Host};

/// The bytes a file may have to be read.
const MAX_READ: u64 = 16 * 1024 * 1024;

/// A directory that an administrator has set aside.
#[derive(Debug)]
pub struct FilesRoot {
    directory: Dir,
    public_prefix: String,
}

impl FilesRoot {
    /// Opens a root, making it on first use. The public prefix is what people put before a path to find it.
    ///
    /// # Errors
    /// When the directory can be neither made nor opened.
    pub fn open(path: &Path, public_prefix: impl Into<String>) -> io::Result<Self> {
        Dir::create_ambient_dir_all(path, ambient_authority())?;
        Ok(Self { directory: Dir::open_ambient_dir(path, ambient_authority())?, public_prefix: public_prefix.into() })
    }

    fn create_directory(&self, path: &str) -> Result<(), Error> {
        self.directory.create_dir_all(relative(path)?).map_err(|error| refused(&error, path))
    }

    /// Writes beside the file and renames, so that readers see the old bytes or the new.
    fn write_file(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let target = relative(path)?;
        let parent = target.parent().unwrap_or(Path::new("."));
        let mut unique = [0_u8; 8];
        getrandom::fill(&mut unique).map_err(|error| Error::Failed(error.to_string()))?;
        let temporary = parent.join(format!(".macadam-{:016x}", u64::from_ne_bytes(unique)));
        let write = || {
            let mut file = self.directory.create(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            self.directory.rename(&temporary, &self.directory, target)
        };
        write().map_err(|error| {
            let _ = self.directory.remove_file(&temporary);
            refused(&error, path)
        })
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, Error> {
        let target = relative(path)?;
        let size = self.directory.metadata(target).map_err(|error| refused(&error, path))?.len();
        if size > MAX_READ {
            return Err(Error::Failed(format!("{path} has more than {MAX_READ} bytes")));
        }
        self.directory.read(target).map_err(|error| refused(&error, path))
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        let target = relative(path)?;
        let removed = match self.directory.symlink_metadata(target) {
            Ok(metadata) if metadata.is_dir() => self.directory.remove_dir_all(target),
            Ok(_) => self.directory.remove_file(target),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(|error| refused(&error, path)),
        }
    }
}

/// Takes a path that names something below the root: `cap-std` would keep it inside anyway, but the root itself must not
/// be removed or replaced either.
fn relative(path: &str) -> Result<&Path, Error> {
    let parts = Path::new(path);
    let only_names = parts.components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || path.contains('\0') || !only_names {
        let shown: String = path.chars().take(200).collect();
        return Err(Error::BadPath(format!("{shown:?} is not a path below the root")));
    }
    Ok(parts)
}

fn refused(error: &io::Error, path: &str) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::NotFound(path.to_owned()),
        _ => Error::Failed(error.to_string()),
    }
}

impl CallState {
    async fn on_root<T: Send + 'static>(
        &mut self,
        root: &str,
        work: impl FnOnce(&FilesRoot) -> Result<T, Error> + Send + 'static,
    ) -> wasmtime::Result<Result<T, Error>> {
        let root: Arc<FilesRoot> = granted(&self.plugin.grants.files, "files", root)?;
        let done = within_deadline(self, "files", tokio::task::spawn_blocking(move || work(&root))).await?;
        Ok(done.unwrap_or_else(|error| Err(Error::Failed(error.to_string()))))
    }
}

impl Host for CallState {
    async fn create_directory(&mut self, root: String, path: String) -> wasmtime::Result<Result<(), Error>> {
        self.on_root(&root, move |root| root.create_directory(&path)).await
    }

    async fn write_file(&mut self, root: String, path: String, bytes: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        self.on_root(&root, move |root| root.write_file(&path, &bytes)).await
    }

    async fn read_file(&mut self, root: String, path: String) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        self.on_root(&root, move |root| root.read_file(&path)).await
    }

    async fn exists(&mut self, root: String, path: String) -> wasmtime::Result<Result<bool, Error>> {
        self.on_root(&root, move |root| Ok(root.directory.exists(relative(&path)?))).await
    }

    async fn remove(&mut self, root: String, path: String) -> wasmtime::Result<Result<(), Error>> {
        self.on_root(&root, move |root| root.remove(&path)).await
    }

    async fn location_of(&mut self, root: String, path: String) -> wasmtime::Result<Result<String, Error>> {
        self.on_root(&root, move |root| Ok(format!("{}/{}", root.public_prefix, relative(&path)?.display()))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_root_or_names_the_root_itself() {
        let directory = tempfile::tempdir().unwrap();
        let root = FilesRoot::open(&directory.path().join("root"), "x").unwrap();
        std::fs::write(directory.path().join("outside"), "secret").unwrap();
        std::os::unix::fs::symlink(directory.path(), directory.path().join("root/link")).unwrap();
        for bad in ["", ".", "..", "../outside", "/etc/passwd", "a/../../outside", "a\0b"] {
            assert!(matches!(root.read_file(bad), Err(Error::BadPath(_))), "{bad:?} must be refused");
            assert!(matches!(root.remove(bad), Err(Error::BadPath(_))), "{bad:?} must be refused");
        }
        assert!(root.read_file("link/outside").is_err(), "a link must not lead out");
        assert!(root.write_file("link/planted", b"x").is_err(), "nor for writing");
        assert!(root.create_directory("link/planted").is_err(), "nor for making directories");
        assert!(root.remove("link").is_ok(), "the link itself may go");
        assert_eq!(std::fs::read(directory.path().join("outside")).unwrap(), b"secret");
    }

    #[test]
    fn what_is_gone_is_removed_and_what_is_there_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let root = FilesRoot::open(directory.path(), "x").unwrap();
        root.create_directory("a/b").unwrap();
        root.create_directory("a/b").unwrap();
        root.write_file("a/b/f", b"1").unwrap();
        root.write_file("a/b/f", b"22").unwrap();
        assert_eq!(root.read_file("a/b/f").unwrap(), b"22");
        root.remove("a").unwrap();
        root.remove("a").unwrap();
        assert!(matches!(root.read_file("a/b/f"), Err(Error::NotFound(_))));
    }
}
