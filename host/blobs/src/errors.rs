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

/// What the client says before an answer that is an error: with its status behind it, and without.
const STATUS: &str = "Server returned non-2xx status code: ";
const RESPONSE: &str = "Server returned error response: ";

/// What a store says, of its answer only code and message: AWS repeats in it the request that it does not take, and
/// with it the session's token. What answers with something else may repeat as much: an agent that gives credentials, or
/// a proxy. Google says only in the details who lacks which permission, and of a header that it does not take they may repeat
/// a part, so they are told of a denied access alone.
fn told(said: &str) -> String {
    let Some((before, answer)) = with_answer(said) else { return said.to_owned() };
    let element = |name: &str| Some(answer.split_once(&format!("<{name}>"))?.1.split_once('<')?.0);
    let code = element("Code");
    let details = element("Details").filter(|_| code == Some("AccessDenied"));
    let told: Vec<_> = [code, element("Message"), details].into_iter().flatten().collect();
    format!("{before}{}", told.join(": "))
}

/// What was said before an answer, and the answer, if there is one.
fn with_answer(said: &str) -> Option<(String, &str)> {
    if let Some((before, answer)) = said.split_once(RESPONSE) {
        return Some((format!("{before}{RESPONSE}"), answer));
    }
    if let Some((before, rest)) = said.split_once(STATUS) {
        let (status, answer) = rest.split_once(": ")?;
        return Some((format!("{before}{STATUS}{status}: "), answer));
    }
    said.find('<').and_then(|at| said.split_at_checked(at)).map(|(before, answer)| (before.to_owned(), answer))
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
        let details = |code: &str, details: &str| {
            told(&format!("<Error><Code>{code}</Code><Message>No</Message><Details>{details}</Details></Error>"))
        };
        assert_eq!(details("AccessDenied", "ana lacks list"), "AccessDenied: No: ana lacks list");
        assert_eq!(details("MalformedSecurityHeader", "hunter2"), "MalformedSecurityHeader: No");
        for other in ["<html>hunter2</html>", "authorization: hunter2", "{\"said\": \"hunter2: hunter2\"}"] {
            assert_eq!(told(&format!("{refused}{other}")), refused);
        }
        let accepted = "Error performing POST in 2ms - Server returned error response: ";
        assert_eq!(told(&format!("{accepted}{document}")), format!("{accepted}ExpiredToken: It has expired."));
        assert_eq!(told(&format!("{accepted}hunter2")), accepted);
        assert_eq!(told("nobody is there"), "nobody is there");
    }
}
