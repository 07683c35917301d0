//! Why blobs are not to be had.

use std::io;

use macadam_core::digest::Digest;

use crate::AddressError;
use crate::answer::told;

/// Why blobs are not to be had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// Nothing is under this digest.
    #[error("the blob {digest} is not in {place}; put it back from a backup, or publish or ask for it again")]
    Gone {
        /// Which.
        digest: Digest,
        /// Where it was looked for.
        place: String,
    },
    /// What is under a digest has another one.
    #[error("the blob {digest} in {place} is damaged; put it back from a backup, or publish or ask for it again")]
    Damaged {
        /// Which.
        digest: Digest,
        /// Where it is.
        place: String,
    },
    /// The directory cannot be made.
    #[error("the directory {place} of the blobs cannot be used: {source}; check that it may be written")]
    Directory {
        /// Which.
        place: String,
        /// What the system says.
        source: io::Error,
    },
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The place cannot be reached, or refuses.
    #[error("the blobs in {place} cannot be read or written: {said}; check the place, its address and its credentials")]
    Failed {
        /// Where they are.
        place: String,
        /// What it says.
        said: String,
    },
    /// The system gives no random number, without which no name is surely new.
    #[error("the system gives no random numbers: {said}")]
    Random {
        /// What it says.
        said: String,
    },
}

impl BlobError {
    pub(crate) fn failed(place: &str, error: impl Into<object_store::Error>) -> Self {
        let error: object_store::Error = error.into();
        Self::Failed { place: place.to_owned(), said: told(&error.to_string()) }
    }
}
