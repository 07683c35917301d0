//! A sigstore instance of one's own: Fulcio, its certificate transparency log, and Rekor, each by its own key. What they
//! make is made by the specifications (Fulcio's certificate profile, RFC 6962, Rekor's `dsse` 0.0.1), so each step of
//! it can be left out or done wrongly.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{Timestamp, ToSpan as _};
use macadam_registry::signature::TrustRoot;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sigstore_verify::crypto::KeyPair;

use super::der::{Contents, of_authority, of_certificate_log, of_signer};

const AUTHORITY: &str = "test-fulcio";

/// The instance's keys.
pub(super) struct Instance {
    fulcio: KeyPair,
    certificates: KeyPair,
    rekor: KeyPair,
}

/// How one signature is made. What [`Signing::by`] gives is all in order.
pub(super) struct Signing<'a> {
    pub(super) issuer: &'a str,
    pub(super) subject: &'a str,
    /// How long after the certificate was made the log takes the signature.
    pub(super) logged_after: jiff::Span,
    /// Who signs what the certificate transparency log should.
    pub(super) certificate_log: CertificateLog<'a>,
    /// Who signs for Rekor.
    pub(super) rekor: Option<&'a KeyPair>,
}

pub(super) enum CertificateLog<'a> {
    TheInstances,
    Other(&'a KeyPair),
    None,
}

impl<'a> Signing<'a> {
    pub(super) fn by(issuer: &'a str, subject: &'a str) -> Self {
        let logged_after = 30.seconds();
        Self { issuer, subject, logged_after, certificate_log: CertificateLog::TheInstances, rekor: None }
    }
}

pub(super) fn key() -> KeyPair {
    KeyPair::generate_ecdsa_p256().unwrap()
}

fn spki(key: &KeyPair) -> Vec<u8> {
    key.public_key_der().unwrap().as_bytes().to_vec()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

fn signed(key: &KeyPair, bytes: &[u8]) -> Vec<u8> {
    key.sign(bytes).unwrap().as_bytes().to_vec()
}

/// When certificates of the instance are made.
fn made() -> Timestamp {
    "2025-06-01T12:00:00Z".parse().unwrap()
}

impl Instance {
    pub(super) fn new() -> Self {
        Self { fulcio: key(), certificates: key(), rekor: key() }
    }

    /// Its `trusted_root.json`.
    pub(super) fn root(&self) -> Value {
        let window = json!({"start": "2025-01-01T00:00:00Z"});
        let log = |key: &KeyPair| {
            json!({
                "baseUrl": "https://log.example", "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": base64(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": window,
                },
                "logId": {"keyId": base64(sha256(&spki(key)))},
            })
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(&self.rekor)],
            "ctlogs": [log(&self.certificates)],
            "certificateAuthorities": [{
                "subject": {"organization": "test", "commonName": AUTHORITY}, "uri": "https://fulcio.example",
                "certChain": {"certificates": [{"rawBytes": base64(self.authority())}]}, "validFor": window,
            }],
        })
    }

    /// Its trusted root, read as a host reads it.
    pub(super) fn trust_root(&self) -> TrustRoot {
        read_root(&self.root().to_string()).unwrap()
    }

    fn authority(&self) -> Vec<u8> {
        let contents = Contents {
            issuer: AUTHORITY,
            subject: Some(AUTHORITY),
            from: "2025-01-01T00:00:00Z".parse().unwrap(),
            until: "2035-01-01T00:00:00Z".parse().unwrap(),
            key: &spki(&self.fulcio),
            extensions: of_authority(),
        };
        contents.signed(&self.fulcio)
    }

    /// Signs an in-toto statement, as `cosign attest-blob` does with an instance.
    pub(super) fn sign(&self, payload: &[u8], how: &Signing<'_>) -> Value {
        let signer = key();
        let certificate = self.certify(&signer, how);
        let kind = "application/vnd.in-toto+json";
        let pae = [format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).as_bytes(), payload].concat();
        let signature = signed(&signer, &pae);
        let logged = made().checked_add(how.logged_after).unwrap();
        let entry = self.log(how.rekor.unwrap_or(&self.rekor), payload, &signature, &certificate, logged);
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"certificate": {"rawBytes": base64(&certificate)}, "tlogEntries": [entry]},
            "dsseEnvelope": {
                "payload": base64(payload), "payloadType": kind, "signatures": [{"sig": base64(&signature)}],
            },
        })
    }

    /// Fulcio: a certificate for ten minutes, which the certificate transparency log has seen.
    fn certify(&self, signer: &KeyPair, how: &Signing<'_>) -> Vec<u8> {
        let mut contents = Contents {
            issuer: AUTHORITY,
            subject: None,
            from: made(),
            until: made().checked_add(10.minutes()).unwrap(),
            key: &spki(signer),
            extensions: of_signer(how.issuer, how.subject),
        };
        let log = match how.certificate_log {
            CertificateLog::TheInstances => &self.certificates,
            CertificateLog::Other(key) => key,
            CertificateLog::None => return contents.signed(&self.fulcio),
        };
        // RFC 6962, section 3.2: version, kind, time, `precert_entry`, who issues, what is certified, no extensions.
        let stamp = made().as_millisecond().to_be_bytes();
        let unsigned = contents.to_der();
        let length = u32::try_from(unsigned.len()).unwrap().to_be_bytes();
        let issuer = sha256(&spki(&self.fulcio));
        let seen = [&[0, 0][..], &stamp, &[0, 1], &issuer, &length[1..], &unsigned, &[0, 0]].concat();
        let signature = signed(log, &seen);
        // The log's id is the instance's, whoever signs in its place.
        let id = sha256(&spki(&self.certificates));
        let of = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
        let sct = [&[0][..], &id, &stamp, &[0, 0, 4, 3], &of(&signature)].concat();
        contents.extensions.push(of_certificate_log(&of(&of(&sct))));
        contents.signed(&self.fulcio)
    }

    /// Rekor: an entry in a tree of two, its proof, and the log's word for the time.
    fn log(&self, rekor: &KeyPair, payload: &[u8], signature: &[u8], certificate: &[u8], at: Timestamp) -> Value {
        let pem = pem(certificate);
        let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": hex(&sha256(bytes))});
        let signatures = json!([{"signature": base64(signature), "verifier": base64(pem)}]);
        let spec = json!({"envelopeHash": hash(b"not kept"), "payloadHash": hash(payload), "signatures": signatures});
        let body = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}).to_string();
        let leaf = |bytes: &[u8]| sha256(&[&[0][..], bytes].concat());
        let neighbour = leaf(b"another entry");
        let tree = sha256(&[&[1][..], &leaf(body.as_bytes()), &neighbour].concat());
        let note = format!("log.example - 1\n2\n{}\n", base64(tree));
        let id = sha256(&spki(&self.rekor));
        let by = base64([&id[..4], &signed(rekor, note.as_bytes())].concat());
        let seconds = at.as_second();
        let promised = json!({
            "body": base64(&body), "integratedTime": seconds, "logID": hex(&id), "logIndex": 7,
        });
        json!({
            "logIndex": "7", "logId": {"keyId": base64(id)}, "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": seconds.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": base64(signed(rekor, promised.to_string().as_bytes()))},
            "inclusionProof": {
                "logIndex": "0", "rootHash": base64(tree), "treeSize": "2", "hashes": [base64(neighbour)],
                "checkpoint": {"envelope": format!("{note}\n\u{2014} log.example {by}\n")},
            },
            "canonicalizedBody": base64(&body),
        })
    }
}

fn pem(der: &[u8]) -> String {
    let text = base64(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// A trusted root read from a file of this text.
pub(super) fn read_root(text: &str) -> Result<TrustRoot, macadam_registry::signature::RootError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    TrustRoot::read(file.path())
}
