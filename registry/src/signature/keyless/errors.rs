//! Why a bundle, a trusted root or a keyless signature is not taken.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

/// Why bytes are not taken as a sigstore bundle of a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// There are too many.
    #[error("the sigstore bundle is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// They are not a bundle.
    #[error("this is not a sigstore bundle ({reason}); make one with `cosign attest-blob --bundle`")]
    NotABundle {
        /// What is wrong with it.
        reason: String,
    },
    /// It is of another version of the format.
    #[error(
        "the sigstore bundle is of the type {found:?}, and version 0.3 is read; with cosign before 3, write \
         `--new-bundle-format`"
    )]
    OtherVersion {
        /// What it says of itself.
        found: String,
    },
    /// It is a signature of a file.
    #[error(
        "the sigstore bundle signs a file and does not say what for; make an attestation with `cosign attest-blob`"
    )]
    OverABlob,
    /// It holds something else than an in-toto statement.
    #[error("the sigstore bundle holds {found:?}, not an in-toto statement ({})", super::IN_TOTO)]
    OtherPayload {
        /// The type of what it holds.
        found: String,
    },
    /// It says something else.
    #[error(
        "the sigstore bundle says {found:?} of its subject, which is no signature; make it with `--type {}`",
        super::PREDICATE_TYPE
    )]
    OtherPredicate {
        /// The type of what it says.
        found: String,
    },
    /// What it says is not a package's statement.
    #[error(
        "the sigstore bundle's predicate is not a statement of a plugin package ({reason}); give what \
         `macadam plugin statement` writes as `--predicate`"
    )]
    NotAStatement {
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a trusted root is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// This build verifies no bundles.
    #[error(
        "this build cannot use the trusted root {}: it is built without the feature `keyless`; leave it out, or build \
         with `cargo build -p macadam-cli --features keyless`",
        path.display()
    )]
    NotBuilt {
        /// Which file.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("the trusted root {} cannot be read: {source}; check that it is there and readable", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not one.
    #[error("{} is no trusted root of sigstore ({reason}); fetch `trusted_root.json` again", path.display())]
    NotARoot {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A part of it is missing, without which a step would have to be skipped.
    #[error("the trusted root {} names no {what}, so nothing could be verified by it; fetch it again", path.display())]
    Incomplete {
        /// Which file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
    },
}

/// Why a keyless signature does not hold, whoever made it. The reasons are in the words of `sigstore-verify`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeylessError {
    /// This build verifies no bundles.
    #[error(
        "this build cannot verify it, as it is built without the feature `keyless`; build with `cargo build -p \
         macadam-cli --features keyless`, or sign with a key"
    )]
    NotBuilt,
    /// There is nothing to verify by.
    #[error(
        "no trusted root is given to verify it by; set `trusted-root` in macadam.toml, or `--trusted-root` on the \
         command line"
    )]
    NoRoot,
    /// A part of the bundle is missing or unknown.
    #[error("the bundle is incomplete or not understood: {reason}")]
    Incomplete {
        /// In the verifier's words.
        reason: String,
    },
    /// The certificate is by no authority of the trusted root.
    #[error("its certificate is by no authority that the trusted root knows for the time of signing: {reason}")]
    Authority {
        /// In the verifier's words.
        reason: String,
    },
    /// It was signed when the certificate did not count.
    #[error("it was logged at {at}, and its certificate counts from {from} to {until}: sign again")]
    OutsideLife {
        /// When the log took it.
        at: Timestamp,
        /// The certificate's first second.
        from: Timestamp,
        /// Its last.
        until: Timestamp,
    },
    /// The certificate transparency log does not vouch for the certificate.
    #[error("no certificate transparency log that the trusted root knows vouches for its certificate: {reason}")]
    CertificateLog {
        /// In the verifier's words.
        reason: String,
    },
    /// The log does not vouch for the signature.
    #[error("no transparency log that the trusted root knows vouches for it: {reason}")]
    Log {
        /// In the verifier's words.
        reason: String,
    },
    /// Nobody who is trusted says when it was made.
    #[error("it is not proven when it was made: {reason}")]
    Time {
        /// In the verifier's words.
        reason: String,
    },
    /// Its key did not make it.
    #[error("the signature is not by its certificate's key, or what it vouches for was changed: {reason}")]
    Signature {
        /// In the verifier's words.
        reason: String,
    },
    /// Its subject is not its predicate.
    #[error("it is about another file than the statement that it holds; attest the very file that is the predicate")]
    OtherSubject,
    /// The certificate names nobody.
    #[error("its certificate names no {what}, so nobody can be trusted by it")]
    Nameless {
        /// Which part.
        what: &'static str,
    },
}
