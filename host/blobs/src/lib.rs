//! Blobs: large things that never change, such as plugin packages and the archives of projects, each under the sha256
//! of its bytes.
//!
//! ```text
//! sha256/ab/abcdef…          one blob; the first two digits keep directories short
//! sha256/again/abcdef….123…  one that was put while it was perhaps being removed (`removal`)
//! sha256/leaving/…           notes of removals that are under way
//! ```
//!
//! They are in a directory of this machine, or in an S3-compatible store that several hosts share. A blob is there whole
//! or not at all, and is compared with its digest whenever it is read, so whoever holds its bytes holds what was put. A
//! row of the store names a blob only after the blob was written; what no row names is rubbish once it is old enough
//! that whoever wrote it would have written the row by now. Which blobs are named is for the platform to know.

mod address;
mod answer;
mod errors;
mod removal;
#[cfg(feature = "s3")]
mod s3;
mod unfinished;

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};

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

    /// Makes a directory of blobs ready for the host that puts and sweeps there, before it does: what a process that was
    /// ended has left half-written goes when it is a day old, and a sweep finds the place of its notes also on a disk that
    /// is full. Whoever only reads there, maybe as another user, leaves it as it is.
    pub fn look_after(directory: &FilePath) {
        let notes = directory.join(FOLDER).join(removal::NOTES);
        if let Err(error) = std::fs::create_dir_all(&notes) {
            tracing::warn!(place = %notes.display(), %error, "the notes of removals have no place yet");
        }
        unfinished::remove(directory, std::time::SystemTime::now());
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
    /// sweep that is under way leaves it alone, also one that has found it old already.
    ///
    /// # Errors
    /// [`BlobError::Failed`]; nothing half-written is there.
    pub async fn put(&self, bytes: impl Into<Bytes>) -> Result<Digest, BlobError> {
        let bytes: Bytes = bytes.into();
        let digest = Digest::of(&bytes);
        self.write(&self.path_of(&digest), bytes.clone()).await?;
        self.keep_put(&digest, bytes).await?;
        Ok(digest)
    }

    /// A blob's bytes, compared with its digest.
    ///
    /// # Errors
    /// [`BlobError::Gone`], and [`BlobError::Damaged`] when they are not what was put.
    pub async fn get(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        let bytes = match self.read(&self.path_of(digest)).await? {
            Some(bytes) => Some(bytes),
            None => self.read_beside(digest).await?,
        };
        let bytes = bytes.ok_or_else(|| BlobError::Gone { digest: *digest, place: self.place.to_string() })?;
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
        if self.look_at(&self.path_of(digest)).await?.is_some() {
            return Ok(true);
        }
        Ok(!self.copies_beside(digest).await?.is_empty())
    }

    /// Every blob that was last put before a time, in no order. Other files are nobody's business.
    ///
    /// # Errors
    /// [`BlobError::Failed`] with what the place says.
    pub async fn put_before(&self, time: Timestamp) -> Result<Vec<Kept>, BlobError> {
        let (mut found, mut listed) = (BTreeMap::new(), self.store.list(Some(&self.folder())));
        while let Some(object) = listed.try_next().await.map_err(|error| self.failed(error))? {
            if let Some(digest) = self.blob_at(&object.location) {
                let kept = Kept { digest, put: put_at(&object), size: object.size };
                // Of a blob that is there twice, the later one says when it was last put.
                found.entry(digest).and_modify(|known: &mut Kept| known.put = known.put.max(kept.put)).or_insert(kept);
            }
        }
        Ok(found.into_values().filter(|kept| kept.put < time).collect())
    }

    /// Whose bytes are at a path, if it is a blob's.
    fn blob_at(&self, path: &Path) -> Option<Digest> {
        let digest: Digest = format!("{FOLDER}:{}", path.filename()?.split('.').next()?).parse().ok()?;
        (self.path_of(&digest) == *path || self.is_beside(&digest, path)).then_some(digest)
    }

    async fn write(&self, path: &Path, bytes: Bytes) -> Result<(), BlobError> {
        self.store.put(path, bytes.into()).await.map(drop).map_err(|error| self.failed(error))
    }

    /// What is at a path, if anything is.
    async fn read(&self, path: &Path) -> Result<Option<Bytes>, BlobError> {
        let got = match self.store.get(path).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        self.if_there(got)
    }

    /// What is said of what is at a path, if anything is.
    async fn look_at(&self, path: &Path) -> Result<Option<ObjectMeta>, BlobError> {
        self.if_there(self.store.head(path).await)
    }

    /// Removes what is at a path, and says whether anything was.
    async fn delete(&self, path: &Path) -> Result<bool, BlobError> {
        Ok(self.if_there(self.store.delete(path).await)?.is_some())
    }

    fn if_there<T>(&self, said: object_store::Result<T>) -> Result<Option<T>, BlobError> {
        match said {
            Ok(found) => Ok(Some(found)),
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
}

/// When an object was last put.
fn put_at(object: &ObjectMeta) -> Timestamp {
    at(object.last_modified.timestamp_micros())
}

/// What cannot be a time is now or later, so that nothing is taken for old by mistake.
fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
