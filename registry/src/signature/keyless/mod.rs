//! Keyless signatures: sigstore bundles, by people and pipelines that an OIDC issuer vouches for.
//!
//! Nobody keeps a key. Who signs proves to Fulcio, with a token of their OIDC issuer, who they are; Fulcio certifies a key
//! that lives for ten minutes, and says so in a certificate transparency log; the signature goes into the log Rekor while
//! the certificate is valid. The *bundle* holds all of that, so it can be verified without asking anybody, for as long as
//! the trusted root is known, which is a file: the certificate authorities and the keys of the logs.
//!
//! What is signed is an in-toto statement whose subject is the package's [`Statement`] as a file, and whose predicate is
//! the same statement, so that a bundle says by itself what it is for:
//!
//! ```text
//! {"_type": "https://in-toto.io/Statement/v1", "predicateType": "urn:macadam:plugin-statement:v1",
//!  "subject": [{"name": "statement.json", "digest": {"sha256": HEX OF THE STATEMENT'S BYTES}}],
//!  "predicate": {"files": {…}, "name": "macadam/gate", "version": "1.0.0"}}
//! ```
//!
//! That is what `cosign attest-blob` makes of the statement given as blob and as predicate, in the DSSE envelope that the
//! sigstore specification allows in a bundle. A bundle over a DSSE envelope of ours would hold another type of payload,
//! which no verifier of sigstore takes; `cosign sign-blob` gives a bundle that does not tell what it is for.
//!
//! | part | what it does |
//! |---|---|
//! | [`Identity`] | who may sign: issuer and subject |
//! | [`Bundle`] | reading, of which nothing is believed yet; in every build, so every host can pass bundles on |
//! | [`TrustRoot`] | verifying, by the crate `sigstore-verify`; only with the feature `keyless` |
//!
//! Without the feature there is no value of [`TrustRoot`], so nothing can be verified and nothing is.

mod bundle;
mod errors;
mod identity;
#[cfg(feature = "keyless")]
mod root;
#[cfg(not(feature = "keyless"))]
mod rootless;

pub use bundle::{Bundle, IN_TOTO, MAX_BUNDLE, PREDICATE_TYPE};
pub use errors::{BundleError, KeylessError, RootError};
pub use identity::{IDENTITY, Identity};
#[cfg(feature = "keyless")]
pub use root::TrustRoot;
#[cfg(not(feature = "keyless"))]
pub use rootless::TrustRoot;

#[cfg(doc)]
use super::Statement;

/// Whether this build can verify sigstore bundles: whether it has the feature `keyless`.
pub const KEYLESS: bool = cfg!(feature = "keyless");
