//! Blobs: large things that never change, such as plugin packages and the archives of projects, each under the sha256
//! of its bytes.
//!
//! ```text
//! sha256/ab/abcdef…    one blob; the first two digits keep directories short
//! ```
//!
//! They are in a directory of this machine, or in an S3-compatible store that several hosts share. A blob is there whole
//! or not at all, and is compared with its digest whenever it is read, so whoever holds its bytes holds what was put. A
//! row of the store names a blob only after the blob was written; what no row names is rubbish once it is old enough
//! that whoever wrote it would have written the row by now. Which blobs are named is for the platform to know.

mod address;
mod errors;
#[cfg(feature = "s3")]
mod s3;

use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

pub use address::{Address, AddressError, Bucket};
pub use errors::BlobError;

/// The folder of blobs under this kind of digest.
const FOLDER: &str = "sha256";

/// Where blobs are. Clones are the same place.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// Below which path of the store.
    prefix: Path,
    /// For people.
    place: Arc<str>,
}

/// A blob that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Which.
    pub digest: Digest,
    /// When it was last put.
    pub put: Timestamp,
    /// Its size in bytes.
    pub size: u64,
}

impl Blobs {
    /// Blobs in a directory, which is made if it is not there. What was put is on the disk when that is said.
    ///
    /// # Errors
    /// [`BlobError::Directory`] when it cannot be made.
    pub fn in_directory(directory: &FilePath) -> Result<Self, BlobError> {
        let place = directory.display().to_string();
        let failed = |source| BlobError::Directory { place: place.clone(), source };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(directory).map_err(|error| BlobError::failed(&place, error))?;
        // Without syncing, a power cut could leave a row that names an empty file.
        let store = store.with_fsync(true);
        Ok(Self { store: Arc::new(store), prefix: Path::default(), place: place.into() })
    }

    /// Blobs in this process's memory, gone with it.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { store: Arc::new(InMemory::new()), prefix: Path::default(), place: "memory".into() }
    }

    /// Blobs where an address says.
    ///
    /// # Errors
    /// [`BlobError::Directory`], and [`BlobError::Address`] when this build or this store cannot use the address.
    pub fn at(address: &Address) -> Result<Self, BlobError> {
        match address {
            Address::Directory(directory) => Self::in_directory(directory),
            #[cfg(feature = "s3")]
            Address::S3(bucket) => {
                let store = Arc::new(s3::open(bucket)?);
                let prefix = Path::parse(&bucket.prefix).map_err(|error| BlobError::failed("the prefix", error))?;
                Ok(Self { store, prefix, place: bucket.to_string().into() })
            }
            #[cfg(not(feature = "s3"))]
            Address::S3(_) => Err(AddressError::NoS3.into()),
        }
    }

    /// Where they are, for people; without credentials.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether the place can be reached and looked into.
    ///
    /// # Errors
    /// [`BlobError::Failed`] with what the place says.
    pub async fn check(&self) -> Result<(), BlobError> {
        let mut listed = self.store.list(Some(&self.folder()));
        listed.try_next().await.map(drop).map_err(|error| self.failed(error))
    }

    /// Puts a blob, and answers under which digest. One that is there already is put again, which makes it young: a
    /// sweep that is under way leaves it alone.
    ///
    /// # Errors
    /// [`BlobError::Failed`]; nothing half-written is there.
    pub async fn put(&self, bytes: impl Into<Bytes>) -> Result<Digest, BlobError> {
        let bytes: Bytes = bytes.into();
        let digest = Digest::of(&bytes);
        self.store.put(&self.path_of(&digest), bytes.into()).await.map_err(|error| self.failed(error))?;
        Ok(digest)
    }

    /// A blob's bytes, compared with its digest.
    ///
    /// # Errors
    /// [`BlobError::Gone`], and [`BlobError::Damaged`] when they are not what was put.
    pub async fn get(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        let got = match self.store.get(&self.path_of(digest)).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        let bytes = got.map_err(|error| self.failed_with(*digest, error))?;
        match Digest::of(&bytes) == *digest {
            true => Ok(bytes),
            false => Err(BlobError::Damaged { digest: *digest, place: self.place.to_string() }),
        }
    }

    /// Whether a blob is there, by its name alone.
    ///
    /// # Errors
    /// [`BlobError::Failed`] when nobody can say.
    pub async fn has(&self, digest: &Digest) -> Result<bool, BlobError> {
        self.put_at(digest).await.map(|put| put.is_some())
    }

    /// Every blob that was last put before a time, in no order. Other files are nobody's business.
    ///
    /// # Errors
    /// [`BlobError::Failed`] with what the place says.
    pub async fn put_before(&self, time: Timestamp) -> Result<Vec<Kept>, BlobError> {
        let (mut found, mut listed) = (Vec::new(), self.store.list(Some(&self.folder())));
        while let Some(object) = listed.try_next().await.map_err(|error| self.failed(error))? {
            let digest = object.location.filename().and_then(|name| format!("{FOLDER}:{name}").parse().ok());
            let put = at(object.last_modified.timestamp_micros());
            if let Some(digest) = digest.filter(|digest| put < time && self.path_of(digest) == object.location) {
                found.push(Kept { digest, put, size: object.size });
            }
        }
        Ok(found)
    }

    /// Removes a blob if it was last put before a time, and says whether it did.
    ///
    /// # Errors
    /// [`BlobError::Failed`] with what the place says.
    pub async fn remove_put_before(&self, digest: &Digest, time: Timestamp) -> Result<bool, BlobError> {
        if self.put_at(digest).await?.is_none_or(|put| put >= time) {
            return Ok(false);
        }
        match self.store.delete(&self.path_of(digest)).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// When a blob was last put, if it is there.
    async fn put_at(&self, digest: &Digest) -> Result<Option<Timestamp>, BlobError> {
        match self.store.head(&self.path_of(digest)).await {
            Ok(object) => Ok(Some(at(object.last_modified.timestamp_micros()))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn folder(&self) -> Path {
        self.prefix.clone().join(FOLDER)
    }

    fn path_of(&self, digest: &Digest) -> Path {
        let hex = digest.hex();
        let first = hex.get(..2).unwrap_or_default().to_owned();
        self.folder().join(first).join(hex)
    }

    fn failed(&self, error: object_store::Error) -> BlobError {
        BlobError::failed(&self.place, error)
    }

    fn failed_with(&self, digest: Digest, error: object_store::Error) -> BlobError {
        match error {
            object_store::Error::NotFound { .. } => BlobError::Gone { digest, place: self.place.to_string() },
            other => self.failed(other),
        }
    }
}

/// What cannot be a time is now or later, so that nothing is taken for old by mistake.
fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
