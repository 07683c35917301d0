//! Signatures: who vouches for a package, and whether the host asks for somebody to.
//!
//! What is signed is a [`Statement`]: the plugin's name, its version, and the sha256 of each file in the package. It says
//! nothing of how the files are packed, so one signature holds for the archive and for the OCI form. It is carried in a
//! DSSE [`Envelope`] beside the package, never inside, since a file cannot hold a signature of itself.
//!
//! ```text
//! {"payload": BASE64, "payloadType": "application/vnd.macadam.statement.v1+json",
//!  "signatures": [{"keyid": "sha256:…", "sig": BASE64}, …]}
//! ```
//!
//! **Whether a signature is needed is never the package's to say.** [`verify`] is told by the host, for each namespace:
//! [`SignaturePolicy`] and [`TrustedKeys`] come in as arguments, and nothing that is read from a package or an envelope
//! changes them. So a signature that is taken away is [`SignatureError::Missing`] where one is required, and an envelope
//! that is there counts even where none is: one that is wrong is refused, not ignored, since somebody meant it to hold.
//!
//! | what was done | what [`verify`] says |
//! |---|---|
//! | the envelope was taken away | [`SignatureError::Missing`], or [`Verified::Unsigned`] where none is required |
//! | the signatures were taken out of it | [`EnvelopeError::NoSignatures`], already when it is read |
//! | somebody else signed | [`SignatureError::Foreign`] |
//! | the key was revoked, before or after it signed | [`SignatureError::Revoked`] |
//! | payload or signature were changed | [`SignatureError::Bad`] |
//! | the envelope belongs to another package | [`SignatureError::Replayed`], with what it was made for |
//!
//! Beside keys, a namespace can trust an [`Identity`] that signs without one, by a sigstore [`Bundle`]; [`keyless`] tells
//! how. A bundle travels in the envelope, in a field of its own:
//!
//! | what was done | what [`verify`] says |
//! |---|---|
//! | somebody else signed | [`SignatureError::ForeignIdentity`] |
//! | the subject is right, and the issuer another | [`SignatureError::WrongIssuer`] |
//! | the identity was revoked | [`SignatureError::RevokedIdentity`] |
//! | anything in the bundle does not hold | [`SignatureError::Keyless`], with a [`KeylessError`] for each step |
//! | the bundle belongs to another package | [`SignatureError::Replayed`], as for keys |
//! | this build has no feature `keyless` | [`KeylessError::NotBuilt`] |
//!
//! Keys belong to a namespace, several at once, so that a new one is trusted before the old one is given up. Revoking
//! one takes effect on all that it ever signed, as nothing proves *when* a signature was made. One valid signature by
//! one active key is enough, whatever stands beside it.
//!
//! Where keys, states and policies are kept is not known here; nor is the time, which only tells people when a key was
//! revoked.

mod envelope;
mod errors;
pub mod keyless;
mod keys;
mod secret;
mod signer;
mod statement;
mod trust;
mod verify;

pub use envelope::{Envelope, MAX_BUNDLES, MAX_ENVELOPE, MAX_SIGNATURES, PAYLOAD_TYPE, Signature};
pub use errors::{EnvelopeError, KeyError, MergeError, SignatureError, TrustError};
pub use keyless::{Bundle, BundleError, Identity, KeylessError, RootError, TrustRoot};
pub use keys::{KeyId, PublicKey};
pub use secret::{SecretKeyError, SigningKey};
pub use signer::Signer;
pub use statement::{Difference, FileDigests, Statement};
pub use trust::{KeyState, SignaturePolicy, TrustedKey, TrustedKeys};
pub use verify::{Verified, verify};

use crate::package::Package;

/// Signs a package: an envelope with one signature. Of equal contents and key it has equal bytes, since Ed25519 needs
/// no randomness (RFC 8032, section 5.1.6).
#[must_use]
pub fn sign(package: &Package, key: &SigningKey) -> Envelope {
    Envelope::seal(&Statement::of(package), key)
}
