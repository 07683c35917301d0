//! What is read as a bundle, as an envelope with bundles, and as a trusted root.

use std::path::Path;

use macadam_registry::signature::keyless::MAX_BUNDLE;
use macadam_registry::signature::{
    BundleError, MAX_BUNDLES, MAX_ENVELOPE, MAX_SIGNATURES, MergeError, RootError, TrustRoot,
};
use macadam_registry::{Envelope, SigningKey, sign};
use serde_json::{Value, json};
use sigstore_verify::trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT};

use super::instance::{Instance, Signing, read_root};
use super::{GITHUB, Team, WORKFLOW, attestation, changed, enveloped, package, read, restated};
use crate::support::policy;

#[test]
fn what_is_no_bundle_of_a_package_is_refused_by_name_before_anything_is_verified() {
    let good = Team::new().good();
    let refused = |change: &dyn Fn(&mut Value)| read(&changed(&good, change)).unwrap_err();
    let said = |change: &dyn Fn(&mut Value)| read(&restated(&good, change)).unwrap_err();
    let version = |v: &str| format!("application/vnd.dev.sigstore.bundle+json;version={v}");
    assert!(matches!(refused(&|b| b["mediaType"] = version("0.1").into()), BundleError::OtherVersion { .. }));
    assert!(read(&changed(&good, |b| b["mediaType"] = version("0.3").into())).is_ok());
    assert!(matches!(refused(&|b| *b = json!({"base64Signature": "", "cert": ""})), BundleError::NotABundle { .. }));
    assert!(matches!(
        refused(&|b| b["dsseEnvelope"]["payloadType"] = "text/plain".into()),
        BundleError::OtherPayload { .. }
    ));
    let failed = "https://in-toto.io/attestation/test-result/v0.1";
    let other = said(&|said| said["predicateType"] = failed.into());
    assert_eq!(other, BundleError::OtherPredicate { found: failed.into() }, "that a test failed is no signature");
    assert!(matches!(said(&|said| said["predicate"]["more"] = 1.into()), BundleError::NotAStatement { .. }));
    assert!(matches!(said(&|said| said["_type"] = "x".into()), BundleError::OtherPayload { .. }));
    let long = changed(&good, |b| b["more"] = "x".repeat(MAX_BUNDLE).into());
    assert!(matches!(read(&long), Err(BundleError::TooLarge { .. })));
    let blob: Value = serde_json::from_str(include_str!("fixtures/cosign3-blob.sigstore.json")).unwrap();
    assert_eq!(read(&blob).unwrap_err(), BundleError::OverABlob, "what `cosign sign-blob` writes says not what for");
}

#[test]
fn an_envelope_carries_bundles_beside_signatures_and_is_read_back() {
    let team = Team::new();
    let key = SigningKey::generate().unwrap();
    let all = (0..MAX_BUNDLES).map(|_| enveloped(&team.good())).reduce(|one, other| one.merge(other).unwrap()).unwrap();
    let again = all.clone().merge(all.clone()).unwrap();
    assert_eq!(again, all, "the same bundle is one");
    let refused = all.clone().merge(enveloped(&team.good())).unwrap_err();
    assert!(matches!(refused, MergeError::TooManyBundles { .. }), "{refused}");
    let all = (1..MAX_SIGNATURES).fold(all.merge(sign(&package(), &key)).unwrap(), |all, _| {
        all.merge(sign(&package(), &SigningKey::generate().unwrap())).unwrap()
    });
    assert_eq!(Envelope::from_bytes(&all.to_bytes()).unwrap(), all);
    let bundles: usize = all.bundles().iter().map(|bundle| bundle.text().len()).sum();
    let largest = all.to_bytes().len() - bundles + MAX_BUNDLES * MAX_BUNDLE;
    assert!(
        largest < MAX_ENVELOPE,
        "an envelope with every signature and bundle that it may have can be read: {largest}"
    );

    let other =
        team.instance.sign(attestation(&policy("2.0.0", "")).to_string().as_bytes(), &Signing::by(GITHUB, WORKFLOW));
    let mut mixed: Value = serde_json::from_slice(&sign(&package(), &key).to_bytes()).unwrap();
    mixed["bundles"] = json!([other]);
    let refused = Envelope::from_bytes(&serde_json::to_vec(&mixed).unwrap()).unwrap_err().to_string();
    assert!(refused.contains("another version"), "{refused}");
}

#[test]
fn a_trusted_root_that_would_leave_a_step_out_is_refused() {
    let good = Instance::new().root();
    for part in ["tlogs", "ctlogs", "certificateAuthorities"] {
        let refused = read_root(&changed(&good, |root| root[part] = json!([])).to_string()).unwrap_err();
        assert!(matches!(refused, RootError::Incomplete { .. }), "{part}: {refused}");
    }
    let broken = changed(&good, |root| root["tlogs"][0]["publicKey"]["rawBytes"] = "AAAA".into());
    assert!(matches!(read_root(&broken.to_string()), Err(RootError::NotARoot { .. })));
    assert!(matches!(read_root("{}"), Err(RootError::NotARoot { .. })));
    let none = TrustRoot::read(Path::new("no/such/file")).unwrap_err();
    assert!(matches!(none, RootError::Io { .. }), "{none}");
}

#[test]
fn the_roots_of_the_public_instances_are_read() {
    for root in [SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT] {
        read_root(root).unwrap();
    }
}
