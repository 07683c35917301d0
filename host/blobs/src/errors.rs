//! Why blobs are not to be had.

use std::io;

use macadam_core::digest::Digest;

use crate::AddressError;

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

/// What a store says, of its document only code and message: AWS repeats in it the request that it does not take, and
/// with it the session's token.
fn told(said: &str) -> String {
    let Some((before, document)) = said.split_once('<') else { return said.to_owned() };
    let element = |name: &str| Some(document.split_once(&format!("<{name}>"))?.1.split_once('<')?.0);
    let told: Vec<_> = ["Code", "Message"].into_iter().filter_map(element).collect();
    format!("{before}{}", told.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stores_document_code_and_message_are_told_and_not_what_was_asked() {
        let refused = "Error performing GET in 2ms - Server returned non-2xx status code: 403 Forbidden: ";
        let document = "<?xml version=\"1.0\"?>\n<Error><Code>ExpiredToken</Code><Message>It has expired.</Message>\
                        <Token-0>hunter2</Token-0></Error>";
        assert_eq!(told(&format!("{refused}{document}")), format!("{refused}ExpiredToken: It has expired."));
        assert_eq!(told(&format!("{refused}<html>hunter2</html>")), refused);
        assert_eq!(told("nobody is there"), "nobody is there");
    }
}
