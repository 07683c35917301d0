//! Removing what is old while somebody may be putting it again.
//!
//! Looking how old a blob is and removing it are two requests, and no kind of place has one for both. A blob that is put
//! again between the two would be removed with its new age. So whoever removes says so first, and whoever puts looks
//! whether somebody said so:
//!
//! ```text
//! removing: leave a note ─▶ look how old it is ─▶ remove it ─▶ take the note away
//! putting:  put it ─▶ look for notes ─▶ look whether it is there
//!                  ─▶ if there is a note, or it is not there, put it beside as well, under a name that is used once
//! ```
//!
//! When the look comes after the put, it finds the blob young. When it comes before, so does the note, and whoever puts
//! finds either that or, if it has been taken away already, that the blob has been removed by then: what is put beside is
//! nothing that anybody who looked before can mean. This asks no more of a place
//! than that what was written is seen by whoever asks later. It takes no lock and compares no clocks, and it holds as
//! well for a host that stands still between two requests, and for a request that a client sends twice.
//!
//! A host that dies leaves its note. Until that is old and taken away, it costs a second copy of what is put again.

use bytes::Bytes;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _};

use crate::{BlobError, Blobs, put_at};

/// The folder of what was put while it was perhaps being removed: the digest's digits, a dot, and a number.
const BESIDE: &str = "again";

/// The folder of notes about what is perhaps being removed, under names of the same form.
pub(crate) const NOTES: &str = "leaving";

impl Blobs {
    /// Removes a blob if it was last put before a time, and says whether it did. One that is put again meanwhile stays,
    /// however the two meet.
    ///
    /// # Errors
    /// [`BlobError::Failed`] with what the place says.
    pub async fn remove_put_before(&self, digest: &Digest, time: Timestamp) -> Result<bool, BlobError> {
        let note = self.leave_note(digest).await?;
        let mut removed = false;
        for copy in self.copies_if_old(digest, time).await? {
            removed |= self.delete(&copy).await?;
        }
        // Not after a failure: a removal that nobody answered may still come to pass.
        self.delete(&note).await?;
        Ok(removed)
    }

    /// Takes away the notes of removals that began before a time, whose hosts did not live to do it. It must be so long
    /// ago that no host is still about to remove what it looked at then.
    ///
    /// # Errors
    /// [`BlobError::Failed`] with what the place says.
    pub async fn forget_removals_before(&self, time: Timestamp) -> Result<(), BlobError> {
        let notes = self.all_in(NOTES).await?;
        for note in notes.iter().filter(|note| put_at(note) < time) {
            self.delete(&note.location).await?;
        }
        Ok(())
    }

    /// Says that a blob is about to be removed, and where it said so.
    pub(crate) async fn leave_note(&self, digest: &Digest) -> Result<Path, BlobError> {
        let note = self.once(NOTES, digest)?;
        // Empty, since a sweep is what makes room on a disk that is full.
        self.write(&note, Bytes::new()).await?;
        Ok(note)
    }

    /// Everything that there is of a blob, or nothing if any of it is not old.
    pub(crate) async fn copies_if_old(&self, digest: &Digest, time: Timestamp) -> Result<Vec<Path>, BlobError> {
        let mut copies = self.copies_beside(digest).await?;
        copies.extend(self.look_at(&self.path_of(digest)).await?);
        let old = copies.iter().all(|copy| put_at(copy) < time);
        Ok(if old { copies.into_iter().map(|copy| copy.location).collect() } else { Vec::new() })
    }

    /// Makes sure that what was just put stays: it is put beside where somebody who looked before is perhaps about to remove
    /// it, or just has. In this order, since who takes a note away has removed what it is about.
    pub(crate) async fn keep_put(&self, digest: &Digest, bytes: Bytes) -> Result<(), BlobError> {
        if self.may_be_leaving(digest).await? || self.look_at(&self.path_of(digest)).await?.is_none() {
            self.put_beside(digest, bytes).await?;
        }
        Ok(())
    }

    /// Whether somebody is perhaps about to remove a blob.
    pub(crate) async fn may_be_leaving(&self, digest: &Digest) -> Result<bool, BlobError> {
        let notes = self.all_in(NOTES).await?;
        Ok(notes.iter().any(|note| is_of(digest, &note.location)))
    }

    /// Puts a blob under a name that nobody has had and nobody will have.
    pub(crate) async fn put_beside(&self, digest: &Digest, bytes: Bytes) -> Result<(), BlobError> {
        self.write(&self.once(BESIDE, digest)?, bytes).await
    }

    /// What was put beside, the first that is still there when it is read.
    pub(crate) async fn read_beside(&self, digest: &Digest) -> Result<Option<Bytes>, BlobError> {
        for copy in self.copies_beside(digest).await? {
            if let Some(bytes) = self.read(&copy.location).await? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    pub(crate) async fn copies_beside(&self, digest: &Digest) -> Result<Vec<ObjectMeta>, BlobError> {
        let mut copies = self.all_in(BESIDE).await?;
        copies.retain(|copy| is_of(digest, &copy.location));
        Ok(copies)
    }

    /// Whether a path is one of a blob's that was put beside.
    pub(crate) fn is_beside(&self, digest: &Digest, path: &Path) -> bool {
        let folder = self.folder().join(BESIDE);
        is_of(digest, path) && path.filename().is_some_and(|name| folder.join(name) == *path)
    }

    /// What is in one of the two folders. Both are empty but for what happened at the same time.
    async fn all_in(&self, folder: &str) -> Result<Vec<ObjectMeta>, BlobError> {
        let listed = self.store.list(Some(&self.folder().join(folder)));
        listed.try_collect().await.map_err(|error| self.failed(error))
    }

    fn once(&self, folder: &str, digest: &Digest) -> Result<Path, BlobError> {
        let failed = |error: getrandom::Error| BlobError::Random { said: error.to_string() };
        let number = getrandom::u64().map_err(failed)?;
        Ok(self.folder().join(folder).join(format!("{}.{number:016x}", digest.hex())))
    }
}

/// Whether the name at a path is one of this blob's.
fn is_of(digest: &Digest, path: &Path) -> bool {
    let of = path.filename().and_then(|name| name.split_once('.'));
    of.is_some_and(|(digits, _)| digits == digest.hex())
}
