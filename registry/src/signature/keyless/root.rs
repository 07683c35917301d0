//! The trusted root, and what it proves of a bundle.
//!
//! The work is `sigstore-verify`'s: the certificate's chain at each proven time, its SCT, the log's inclusion proof with
//! its signed checkpoint, the signed entry timestamp, time stamps, the signature, and that the log's entry is of this
//! signature. Its policy has no step left out, and what it answers is asked again for each step that it took.

use std::path::Path;
use std::sync::Arc;

use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Artifact, Bundle as Parsed};
use sigstore_verify::{
    CertificateError, Error, TransparencyLogError, VerificationPolicy, VerificationResult, Verifier, crypto,
};

use super::{Bundle, Identity, KeylessError, RootError};

/// The largest trusted root, in bytes. That of the public instance has 7 thousand.
const MAX_ROOT: u64 = 1024 * 1024;

/// The certificate authorities and logs that count, read from a `trusted_root.json`.
#[derive(Clone)]
pub struct TrustRoot {
    verifier: Arc<Verifier>,
    text: Arc<str>,
}

impl TrustRoot {
    /// Reads a trusted root. It is read once: a change of the file counts at the next start.
    ///
    /// # Errors
    /// [`RootError`] names the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, RootError> {
        use std::io::Read as _;
        let io = |source| RootError::Io { path: path.to_owned(), source };
        let not_a_root = |reason: String| RootError::NotARoot { path: path.to_owned(), reason };
        let mut text = String::new();
        std::fs::File::open(path).map_err(io)?.take(MAX_ROOT + 1).read_to_string(&mut text).map_err(io)?;
        if text.len() as u64 > MAX_ROOT {
            return Err(not_a_root(format!("it is larger than {MAX_ROOT} bytes")));
        }
        let root = TrustedRoot::from_json(&text).map_err(|error| not_a_root(error.to_string()))?;
        let parts = [
            (root.certificate_authorities.is_empty(), "certificate authority"),
            (root.tlogs.is_empty(), "transparency log"),
            (root.ctlogs.is_empty(), "certificate transparency log"),
        ];
        if let Some((_, what)) = parts.into_iter().find(|(missing, _)| *missing) {
            return Err(RootError::Incomplete { path: path.to_owned(), what });
        }
        let verifier = Verifier::new(&root).map_err(|error| not_a_root(error.to_string()))?;
        Ok(Self { verifier: Arc::new(verifier), text: text.into() })
    }

    /// Who signed a bundle's statement, proven.
    pub(in crate::signature) fn signer(&self, bundle: &Bundle) -> Result<Identity, KeylessError> {
        self.signer_of(bundle.text(), bundle.statement().to_bytes().as_slice())
    }

    /// Who signed a bundle that is about a file, proven.
    fn signer_of<'a>(&self, bundle: &str, file: impl Into<Artifact<'a>>) -> Result<Identity, KeylessError> {
        let bundle = Parsed::from_json(bundle).map_err(|error| incomplete(error.to_string()))?;
        let entries = &bundle.verification_material.tlog_entries;
        // The verifier asks for one entry with a proof; one without would ride along.
        if entries.is_empty() || entries.iter().any(|entry| entry.inclusion_proof.is_none()) {
            return Err(KeylessError::Log { reason: "an entry of the log with its inclusion proof is missing".into() });
        }
        // Whose signatures count is decided by the caller, who knows who was revoked.
        let proven = self.verifier.verify(file, &bundle, &VerificationPolicy::any_identity());
        named(&proven.map_err(|error| why(&bundle, &error))?)
    }
}

/// The identity in a certificate of which everything was verified.
fn named(proven: &VerificationResult) -> Result<Identity, KeylessError> {
    if !(proven.certificate_verified() && proven.sct_verified() && proven.tlog_verified())
        || proven.verified_timestamps().is_empty()
    {
        return Err(incomplete("the verifier left out a step".into()));
    }
    let nameless = |what| KeylessError::Nameless { what };
    let issuer = proven.issuer().ok_or(nameless("issuer"))?;
    let subject = proven.identity().ok_or(nameless("subject"))?;
    Identity::new(issuer, subject.as_str()).map_err(|error| incomplete(error.to_string()))
}

fn incomplete(reason: String) -> KeylessError {
    KeylessError::Incomplete { reason }
}

/// The verifier's answer as one of ours.
fn why(bundle: &Parsed, error: &Error) -> KeylessError {
    let reason = error.to_string();
    match error {
        Error::ArtifactMismatch(_) => KeylessError::OtherSubject,
        Error::SignatureInvalid(_) => KeylessError::Signature { reason },
        Error::Certificate(CertificateError::Sct(_)) => KeylessError::CertificateLog { reason },
        Error::Certificate(CertificateError::Malformed(_)) => KeylessError::Incomplete { reason },
        // The chain is built for the time of signing, so a certificate that had expired shows as one of no authority.
        Error::Certificate(_) | Error::TransparencyLog(TransparencyLogError::IntegratedTime(_)) => {
            outside_life(bundle).unwrap_or(KeylessError::Authority { reason })
        }
        Error::TransparencyLog(_) => KeylessError::Log { reason },
        Error::Timestamp(_) => KeylessError::Time { reason },
        _ => KeylessError::Incomplete { reason },
    }
}

/// The certificate's life, if a log took the signature outside of it. Only to name why what is refused is.
fn outside_life(bundle: &Parsed) -> Option<KeylessError> {
    let certificate = crypto::parse_certificate_info(bundle.signing_certificate()?).ok()?;
    let (from, until) = (certificate.not_before, certificate.not_after);
    let mut times = bundle.verification_material.tlog_entries.iter().filter_map(|entry| entry.integrated_time);
    times.find(|at| !(from..=until).contains(at)).map(|at| KeylessError::OutsideLife { at, from, until })
}

impl std::fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustRoot").finish_non_exhaustive()
    }
}

impl PartialEq for TrustRoot {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TrustRoot {}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::Value;
    use sigstore_verify::trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT};
    use sigstore_verify::types::Sha256Hash;

    const IN_REKOR_1: &str = include_str!("../../../tests/it/keyless/fixtures/rekor1-dsse.sigstore.json");
    const IN_REKOR_2: &str = include_str!("../../../tests/it/keyless/fixtures/rekor2-dsse.sigstore.json");
    /// Each bundle with the root of its instance.
    const BUNDLES: [(&str, &str); 2] =
        [(IN_REKOR_1, SIGSTORE_PRODUCTION_TRUSTED_ROOT), (IN_REKOR_2, SIGSTORE_STAGING_TRUSTED_ROOT)];
    const OF_A_BLOB: &str = include_str!("../../../tests/it/keyless/fixtures/cosign3-blob.sigstore.json");

    fn root(text: &str) -> TrustRoot {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        TrustRoot::read(file.path()).unwrap()
    }

    /// The digest of what a bundle's in-toto statement is about.
    fn subject(bundle: &str) -> Sha256Hash {
        let bundle: Value = serde_json::from_str(bundle).unwrap();
        let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
        let said: Value = serde_json::from_slice(&payload).unwrap();
        Sha256Hash::from_hex(said["subject"][0]["digest"]["sha256"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn bundles_of_the_public_instances_prove_who_signed() {
        let workflow = "keyless:https://token.actions.githubusercontent.com https://github.com/prefix-dev/\
                        sigstore-example/.github/workflows/action.yaml@refs/heads/main";
        let person = "keyless:https://github.com/login/oauth jku@goto.fi";
        for ((bundle, instance), expected) in BUNDLES.into_iter().zip([workflow, person]) {
            let root = root(instance);
            let signer = root.signer_of(bundle, subject(bundle)).unwrap();
            assert_eq!(signer.to_string(), expected);
            let refused = root.signer_of(bundle, b"another file".as_slice()).unwrap_err();
            assert_eq!(refused, KeylessError::OtherSubject);
        }
    }

    #[test]
    fn a_bundle_that_was_changed_anywhere_that_counts_is_refused() {
        for (text, instance) in BUNDLES {
            let root = root(instance);
            let entry = "/verificationMaterial/tlogEntries/0";
            for place in [
                "/verificationMaterial/certificate/rawBytes".to_owned(),
                "/dsseEnvelope/signatures/0/sig".to_owned(),
                format!("{entry}/canonicalizedBody"),
                format!("{entry}/inclusionProof/hashes/0"),
            ] {
                let mut bundle: Value = serde_json::from_str(text).unwrap();
                let field = bundle.pointer_mut(&place).unwrap();
                let mut bytes = STANDARD.decode(field.as_str().unwrap()).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                *field = STANDARD.encode(bytes).into();
                assert!(root.signer_of(&bundle.to_string(), subject(text)).is_err(), "{place} was changed");
            }
        }
    }

    #[test]
    fn a_bundle_of_one_instance_is_nothing_to_the_root_of_another() {
        for ((bundle, _), (_, other)) in BUNDLES.into_iter().zip(BUNDLES.into_iter().rev()) {
            let refused = root(other).signer_of(bundle, subject(bundle)).unwrap_err();
            let expected = matches!(refused, KeylessError::Log { .. } | KeylessError::Time { .. });
            assert!(expected, "its log and its time stamps are unknown there: {refused}");
        }
    }

    #[test]
    fn a_real_attestation_of_something_else_is_no_signature_of_a_package() {
        use super::super::BundleError;
        for (bundle, is_of_a_blob) in [(IN_REKOR_1, false), (IN_REKOR_2, false), (OF_A_BLOB, true)] {
            let refused = Bundle::from_bytes(bundle.as_bytes()).unwrap_err();
            let expected = match is_of_a_blob {
                true => matches!(refused, BundleError::OverABlob),
                false => matches!(refused, BundleError::OtherPredicate { .. }),
            };
            assert!(expected, "{refused}");
        }
    }
}
