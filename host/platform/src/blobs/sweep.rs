//! The sweep: what no row names and was put long ago goes.
//!
//! ```text
//! list what is old ─▶ ask the store what is named ─▶ of the rest, remove each that is still old
//! ```
//!
//! Listing comes before asking, so what is put meanwhile is not in the list. What is old and is put again meanwhile is
//! young when it is looked at once more, and stays even if that is between the look and its removal: that is the blobs'
//! promise ([`Blobs::remove_put_before`](macadam_blobs::Blobs::remove_put_before)). So whoever puts a blob and writes
//! the row that names it within the grace time finds it there. Several hosts may sweep at once, and each finds less to do.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use macadam_blobs::BlobError;
use macadam_core::digest::Digest;
use macadam_store::{Store, StoreError};

use crate::Platform;
use crate::plugins::{Packages, PackagesError};

/// How old a blob must be to be taken away. Writing the row that names it takes seconds, deciding about a project that
/// was generated some more; a day leaves room for a host that was asleep and for clocks that differ.
pub const SWEEP_GRACE: SignedDuration = SignedDuration::from_hours(24);

/// How long the archive of a project stays named after its request ended otherwise than well. A backup from before that
/// end names it still, and blobs are copied after the store: this is longer than backing up and copying a bucket takes.
pub const ENDED_GRACE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many blobs it took away.
    pub removed: usize,
    /// How many bytes they had.
    pub bytes: u64,
    /// How many old ones stay, since something names them.
    pub kept: usize,
}

/// Why a sweep was not finished. What it took away is gone rightly.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The blobs cannot be read.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The store does not say what is named.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index of packages does not say what is named.
    #[error(transparent)]
    Packages(#[from] PackagesError),
}

impl Platform {
    /// Takes away the blobs that nothing names and that were put before the grace time. Archives of projects that will
    /// never be handed out count as named for [`ENDED_GRACE`].
    ///
    /// # Errors
    /// [`SweepError`]; while it is not known what is named, nothing is taken away.
    pub async fn sweep_blobs(&self, now: Timestamp, grace: SignedDuration) -> Result<Swept, SweepError> {
        let blobs = &self.parts.blobs;
        let before = now.checked_sub(grace).unwrap_or(Timestamp::MIN);
        blobs.forget_removals_before(before).await?;
        let old = blobs.put_before(before).await?;
        if old.is_empty() {
            return Ok(Swept::default());
        }
        let ended_since = now.checked_sub(ENDED_GRACE).unwrap_or(Timestamp::MIN);
        let named = named(self.store(), self.plugins().packages(), ended_since).await?;
        let mut swept = Swept::default();
        for blob in old {
            if named.contains(&blob.digest) {
                swept.kept += 1;
            } else if blobs.remove_put_before(&blob.digest, before).await? {
                tracing::info!(digest = %blob.digest, bytes = blob.size, put = %blob.put, "a blob that nothing names is gone");
                swept.removed += 1;
                swept.bytes += blob.size;
            }
        }
        Ok(swept)
    }
}

/// The blobs that something in a store names, with the archives of requests that ended otherwise than well at a time or
/// later. Whoever keeps blobs of another kind adds them here.
///
/// # Errors
/// [`SweepError`] when the store does not say.
pub async fn named(
    store: &dyn Store,
    packages: &Packages,
    ended_since: Timestamp,
) -> Result<BTreeSet<Digest>, SweepError> {
    let mut named: BTreeSet<Digest> = store.archives(ended_since).await?.into_iter().collect();
    named.extend(packages.in_use().await?);
    Ok(named)
}
