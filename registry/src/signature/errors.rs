//! Why a key, an envelope or a signature is not taken.

use std::io;

use jiff::Timestamp;
use macadam_core::digest::DigestError;
use macadam_core::names::{Namespace, PluginName, PluginRef};

use super::{BundleError, Difference, Identity, KeyId, KeylessError};

/// Why a package's signature does not hold: each thing that can be done to one by its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is none, and the namespace's policy asks for one.
    #[error("{plugin} is not signed, and the namespace's policy requires that; sign it with `macadam plugin sign`")]
    Missing {
        /// Which package.
        plugin: Box<PluginRef>,
    },
    /// It is by nobody whom the namespace trusts.
    #[error(
        "{plugin} is signed by {}, which the namespace does not trust; register the key, or sign with one that is",
        names(signers)
    )]
    Foreign {
        /// Which package.
        plugin: Box<PluginRef>,
        /// The keys that are said to have signed it.
        signers: Vec<KeyId>,
    },
    /// It is by a key that was revoked.
    #[error("{plugin} is signed by {key}, which was revoked at {at} ({reason}); sign it with another key")]
    Revoked {
        /// Which package.
        plugin: Box<PluginRef>,
        /// Which key.
        key: KeyId,
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// It names a key of the namespace that did not make it.
    #[error("the signature of {plugin} by {key} is not valid: it or what it vouches for was changed; fetch it again")]
    Bad {
        /// Which package.
        plugin: Box<PluginRef>,
        /// The key that it names.
        key: KeyId,
    },
    /// A sigstore bundle came with it, and nothing could make that count.
    #[error(
        "{plugin} is signed by a sigstore bundle, and the namespace trusts no identity; trust one with `macadam namespace \
         trust`, or sign with a key that is trusted"
    )]
    NoIdentities {
        /// Which package.
        plugin: Box<PluginRef>,
    },
    /// Its sigstore bundle proves nothing.
    #[error("the sigstore bundle of {plugin} does not count: {source}")]
    Keyless {
        /// Which package.
        plugin: Box<PluginRef>,
        /// Why.
        source: KeylessError,
    },
    /// Its sigstore bundle is good, and by somebody whom the namespace does not trust.
    #[error(
        "{plugin} is signed by {} of the issuer {}, whom the namespace does not trust; trust that identity, or sign as \
         one that is",
        identity.subject(),
        identity.issuer()
    )]
    ForeignIdentity {
        /// Which package.
        plugin: Box<PluginRef>,
        /// Who signed.
        identity: Box<Identity>,
    },
    /// The namespace trusts whom the certificate names, as another issuer knows them.
    #[error(
        "{plugin} is signed by {} of the issuer {}, and the namespace trusts that subject of {trusted} only",
        identity.subject(),
        identity.issuer()
    )]
    WrongIssuer {
        /// Which package.
        plugin: Box<PluginRef>,
        /// Who signed.
        identity: Box<Identity>,
        /// Whose word counts.
        trusted: String,
    },
    /// Its sigstore bundle is by an identity that was revoked.
    #[error(
        "{plugin} is signed by {} of the issuer {}, who was revoked at {at} ({reason}); sign it as another identity",
        identity.subject(),
        identity.issuer()
    )]
    RevokedIdentity {
        /// Which package.
        plugin: Box<PluginRef>,
        /// Who signed.
        identity: Box<Identity>,
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// It is valid, for another package.
    #[error(
        "the signature beside {offered} was made for {difference}: {signed}; fetch both again, or sign the package"
    )]
    Replayed {
        /// What it was made for.
        signed: Box<PluginRef>,
        /// What it came with.
        offered: Box<PluginRef>,
        /// In what they differ.
        difference: Difference,
    },
    /// The caller asked with another namespace's keys.
    #[error("{plugin} is not of the namespace {namespace}, so its keys say nothing of it")]
    OtherNamespace {
        /// Which package.
        plugin: Box<PluginName>,
        /// Whose keys were given.
        namespace: Namespace,
    },
}

/// Why bytes are not taken as an envelope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The bytes cannot be had.
    #[error("the signature envelope cannot be read: {0}")]
    Io(#[from] io::Error),
    /// There are too many.
    #[error("the signature envelope is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// They are not an envelope.
    #[error("the bytes are not a DSSE envelope ({reason}); make one with `macadam plugin sign`")]
    NotAnEnvelope {
        /// In the parser's words.
        reason: String,
    },
    /// It holds something else than a statement.
    #[error("the envelope holds {found:?}, not a statement of a plugin package ({})", super::PAYLOAD_TYPE)]
    OtherPayload {
        /// The type of what it holds.
        found: String,
    },
    /// A field is not base64 as it is written here.
    #[error("`{field}` in the envelope is not what it should be in standard base64 with padding")]
    NotBase64 {
        /// Which field.
        field: &'static str,
    },
    /// Its payload is not a statement.
    #[error("the envelope's payload is not a statement of a plugin package: {reason}")]
    NotAStatement {
        /// What is wrong with it.
        reason: String,
    },
    /// The name of a key is none.
    #[error("`keyid` in the envelope names no key: {0}")]
    KeyId(DigestError),
    /// All signatures are gone.
    #[error("the envelope has no signature; they were taken out of it, fetch it again or sign the package")]
    NoSignatures,
    /// There are too many signatures.
    #[error("the envelope has more than {limit} signatures")]
    TooManySignatures {
        /// How many there may be.
        limit: usize,
    },
    /// A sigstore bundle in it is none.
    #[error("`bundles` in the envelope: {0}")]
    Bundle(#[from] BundleError),
    /// A sigstore bundle in it is of another package.
    #[error("`bundles` in the envelope: one was made for {difference} than the envelope's statement; fetch it again")]
    BundleOfAnother {
        /// In what they differ.
        difference: Difference,
    },
    /// There are too many bundles.
    #[error("the envelope has more than {limit} sigstore bundles")]
    TooManyBundles {
        /// How many there may be.
        limit: usize,
    },
    /// A key is named by two signatures.
    #[error("the envelope has two signatures by {key}")]
    TwiceByOneKey {
        /// Which key.
        key: KeyId,
    },
}

/// Why two envelopes do not become one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// They are of two packages.
    #[error("an envelope of {offered} cannot join that of {there}: it was made for {difference}")]
    OtherPackage {
        /// What the first is of.
        there: Box<PluginRef>,
        /// What the second is of.
        offered: Box<PluginRef>,
        /// In what they differ.
        difference: Difference,
    },
    /// Together they have too many sigstore bundles.
    #[error("the envelope would have more than {limit} sigstore bundles")]
    TooManyBundles {
        /// How many there may be.
        limit: usize,
    },
    /// Together they have too many signatures.
    #[error("the envelope would have more than {limit} signatures")]
    TooManySignatures {
        /// How many there may be.
        limit: usize,
    },
}

/// Why a text is not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is something else.
    #[error("this is not a public key; it begins with `macadam-ed25519-public:` and has 32 bytes in base64")]
    NotAKey,
    /// It is a secret key, which now was shown to somebody.
    #[error("this is a secret key; give the public one, and take this one out of use if others may have seen it")]
    Secret,
    /// No key has these bytes.
    #[error("no Ed25519 key has these bytes; copy it again")]
    NotOnCurve,
    /// An identity's issuer cannot be one.
    #[error("the issuer of a keyless identity is an address that begins with https:// and has no blanks")]
    Issuer,
    /// An identity's subject cannot be one.
    #[error(
        "the subject of a keyless identity is what its certificate says, without blanks; write `keyless:ISSUER SUBJECT`"
    )]
    Subject,
    /// This build verifies no bundles.
    #[error(
        "this host trusts no keyless identity: it is built without the feature `keyless`; build with `cargo build -p \
         macadam-cli --features keyless`, or trust a key"
    )]
    KeylessNotBuilt,
    /// Its signatures would prove nothing.
    #[error("this key is of small order, so anybody could sign for it; make another one")]
    Weak,
}

/// Why the keys of a namespace stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The key was revoked.
    #[error("the key {key} of {namespace} was revoked and cannot come back; make another one")]
    WasRevoked {
        /// Which key.
        key: KeyId,
        /// Whose.
        namespace: Namespace,
    },
    /// There is no such key.
    #[error("{namespace} has no key {key}")]
    Unknown {
        /// Which key.
        key: KeyId,
        /// Whose it should be.
        namespace: Namespace,
    },
    /// A text is not a policy.
    #[error("{text:?} is not a signature policy; write `optional` or `required`")]
    NotAPolicy {
        /// The text.
        text: String,
    },
}

fn names(keys: &[KeyId]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}
