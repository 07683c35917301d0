//! Why a package does not come from a registry, or does not go there.

use std::time::Duration;

use macadam_core::digest::Digest;
use macadam_core::names::PluginRef;

use super::{Reference, Repository};
use crate::package::PackError;
use crate::signature::{Difference, EnvelopeError, MergeError};

/// Why a package does not come from an OCI registry, or does not go there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OciError {
    /// The registry does not answer.
    #[error("{host} cannot be reached ({reason}); is it the right host, and does it speak {scheme}?")]
    Unreachable {
        /// Which host.
        host: String,
        /// How it was spoken to.
        scheme: &'static str,
        /// In the client's words.
        reason: String,
    },
    /// The registry does not let the caller do it.
    #[error("{repository} does not allow this ({reason}); give credentials that may")]
    Unauthorized {
        /// Where.
        repository: Box<Repository>,
        /// In the registry's words.
        reason: String,
    },
    /// The registry asks for credentials to be sent to where anybody could read them.
    #[error("{host} sends to {url}, which is not encrypted; nothing is sent there unless plain HTTP is asked for")]
    NotEncrypted {
        /// Which host.
        host: String,
        /// Where it sends to.
        url: String,
    },
    /// There is nothing of this name.
    #[error("{what} is not there; is it the right repository and version?")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The registry has too much to do.
    #[error("{host} has too much to do (status {status}); try again later")]
    Busy {
        /// Which host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// In how long it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The registry refuses, for a reason of its own.
    #[error("{host} refuses {what} with status {status}: {reason}")]
    Refused {
        /// Which host.
        host: String,
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// In the registry's words.
        reason: String,
    },
    /// The answer is not one that an OCI registry gives.
    #[error("{host} does not answer as an OCI registry does: {reason}")]
    Protocol {
        /// Which host.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// There is more of something than is taken.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What.
        what: String,
        /// In bytes.
        limit: u64,
    },
    /// Something has another size than its descriptor says.
    #[error("{what} has not the {expected} bytes that its descriptor says; it was cut or changed, pull it again")]
    WrongSize {
        /// What.
        what: String,
        /// In bytes.
        expected: u64,
    },
    /// Something is not what its digest says.
    #[error("{what} has the digest {found}, not {expected}; it was changed on its way or in the registry")]
    WrongDigest {
        /// What.
        what: String,
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// What is there is not a WebAssembly component.
    #[error("{reference} is not a WebAssembly component: {reason}")]
    NotAComponent {
        /// Which one.
        reference: Box<Reference>,
        /// What is wrong with it.
        reason: String,
    },
    /// What is there is a component, but not a plugin that Macadam has pushed.
    #[error("{reference} is not a plugin's package: {reason}; push it with `macadam plugin push`")]
    NotAPlugin {
        /// Which one.
        reference: Box<Reference>,
        /// What is missing.
        reason: String,
    },
    /// The pieces are not a package that this host takes.
    #[error("{reference} holds a package that is refused: {source}")]
    Package {
        /// Which one.
        reference: Box<Reference>,
        /// Why.
        source: Box<PackError>,
    },
    /// The signatures that refer to a package cannot be read. They are not taken for absent.
    #[error("the signatures of {reference} cannot be used: {source}")]
    Envelope {
        /// Which one.
        reference: Box<Reference>,
        /// Why.
        source: Box<EnvelopeError>,
    },
    /// There are more signatures than one envelope holds.
    #[error("the signatures of {reference} cannot be put together: {source}")]
    Merge {
        /// Which one.
        reference: Box<Reference>,
        /// Why.
        source: MergeError,
    },
    /// The version is there, with other contents.
    #[error("{reference} is there already with other contents ({there}, not {offered}); raise the version")]
    TagTaken {
        /// Which one.
        reference: Box<Reference>,
        /// The manifest that is there.
        there: Digest,
        /// The one that was offered.
        offered: Digest,
    },
    /// The archive was not made by packing, so that nobody could make it again from its files.
    #[error("the archive of {plugin} is not as `macadam plugin pack` makes it; pack it again, then push it")]
    NotReproducible {
        /// Which one.
        plugin: Box<PluginRef>,
    },
    /// The archive cannot be made again from its files.
    #[error("the package of {plugin} cannot be made again from its files: {source}")]
    Unpackable {
        /// Which one.
        plugin: Box<PluginRef>,
        /// Why.
        source: Box<PackError>,
    },
    /// The signatures are not of the package that they were given with.
    #[error("the signature is not of {plugin} but of {difference}; sign this package")]
    SignatureOfAnother {
        /// The package.
        plugin: Box<PluginRef>,
        /// In what they differ.
        difference: Difference,
    },
    /// Others change the list of what refers to the package at the same time, again and again.
    #[error("the list of referrers of {subject} in {repository} is changed by others all the time; try again")]
    Contended {
        /// Where.
        repository: Box<Repository>,
        /// Whose list it is.
        subject: Digest,
    },
}
