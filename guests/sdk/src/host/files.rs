//! Directories that an administrator has set aside.

use crate::Error;
pub use crate::bindings::macadam::plugin::files::Error as FilesError;

use super::imports::files;

/// A root by its name; the capability `files:NAME` must be granted. Paths are below it, with `/` between their parts.
#[derive(Debug, Clone, Copy)]
pub struct Root<'a>(&'a str);

impl<'a> Root<'a> {
    /// The root of this name. Nothing is done yet.
    #[must_use]
    pub fn named(name: &'a str) -> Self {
        Self(name)
    }

    /// Makes a directory and those above it; one that is there is a success.
    ///
    /// # Errors
    /// [`FilesError`], which becomes an [`Error`] by `?`.
    pub fn create_directory(self, path: &str) -> Result<(), FilesError> {
        files::create_directory(self.0, path)
    }

    /// Writes a whole file in one step: readers see the old bytes or the new.
    ///
    /// # Errors
    /// [`FilesError`], which becomes an [`Error`] by `?`.
    pub fn write_file(self, path: &str, bytes: &[u8]) -> Result<(), FilesError> {
        files::write_file(self.0, path, bytes)
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// [`FilesError`], which becomes an [`Error`] by `?`.
    pub fn read_file(self, path: &str) -> Result<Vec<u8>, FilesError> {
        files::read_file(self.0, path)
    }

    /// Whether there is a file or directory.
    ///
    /// # Errors
    /// [`FilesError`], which becomes an [`Error`] by `?`.
    pub fn exists(self, path: &str) -> Result<bool, FilesError> {
        files::exists(self.0, path)
    }

    /// Removes a file, or a directory with all it holds; one that is gone is a success.
    ///
    /// # Errors
    /// [`FilesError`], which becomes an [`Error`] by `?`.
    pub fn remove(self, path: &str) -> Result<(), FilesError> {
        files::remove(self.0, path)
    }

    /// Where the path is, for people.
    ///
    /// # Errors
    /// [`FilesError`], which becomes an [`Error`] by `?`.
    pub fn location_of(self, path: &str) -> Result<String, FilesError> {
        files::location_of(self.0, path)
    }
}

impl From<FilesError> for Error {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::BadPath(path) => Self::Failed(format!("the host refused a path: {path}")),
            FilesError::NotFound(path) => Self::Failed(format!("there is no {path}")),
            FilesError::Failed(message) => Self::Failed(format!("the storage refused: {message}")),
        }
    }
}
