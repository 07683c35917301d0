//! A host without the feature `keyless`: it passes sigstore bundles on, and none of them counts.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use macadam_registry::signature::keyless::PREDICATE_TYPE;
use macadam_registry::signature::{Bundle, Identity, KeyError, KeylessError, RootError, Signer, Statement, TrustRoot};
use macadam_registry::{
    Envelope, Package, SignatureError, SignaturePolicy, SigningKey, TrustedKeys, Verified, sign, verify,
};
use serde_json::{Value, json};

use crate::support::policy;

fn package() -> Package {
    policy("1.0.0", "# A policy\n")
}

/// A bundle as far as it is read without verifying.
fn bundle() -> Bundle {
    let predicate: Value = serde_json::from_slice(&Statement::of(&package()).to_bytes()).unwrap();
    let said = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": PREDICATE_TYPE, "predicate": predicate,
    });
    let envelope = json!({"payload": STANDARD.encode(said.to_string()), "payloadType": "application/vnd.in-toto+json"});
    let bundle = json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope});
    Bundle::from_bytes(bundle.to_string().as_bytes()).unwrap()
}

#[test]
fn a_host_without_the_feature_names_it_and_takes_no_bundles_word() {
    let identity = Identity::new("https://accounts.google.com", "ana@example.com").unwrap();
    let refused = Signer::from(identity.clone()).verifiable().unwrap_err();
    assert_eq!(refused, KeyError::KeylessNotBuilt);
    let refused = TrustRoot::read(Path::new("trusted_root.json")).unwrap_err();
    assert!(matches!(refused, RootError::NotBuilt { .. }) && refused.to_string().contains("`keyless`"), "{refused}");

    // The identity was trusted by another build of the host.
    let key = SigningKey::generate().unwrap();
    let mut keys = TrustedKeys::none_of("macadam".parse().unwrap());
    keys.trust(identity).unwrap();
    keys.trust(key.public()).unwrap();
    let only_a_bundle = Envelope::from_bytes(&Envelope::of_bundle(bundle()).to_bytes()).unwrap();
    for policy in [SignaturePolicy::Required, SignaturePolicy::Optional] {
        let refused = verify(&package(), Some(&only_a_bundle), &keys, policy).unwrap_err();
        assert!(matches!(refused, SignatureError::Keyless { source: KeylessError::NotBuilt, .. }), "{refused}");
        assert!(refused.to_string().contains("`keyless`"), "{refused}");
    }
    let with_a_key = only_a_bundle.merge(sign(&package(), &key)).unwrap();
    let signed = verify(&package(), Some(&with_a_key), &keys, SignaturePolicy::Required).unwrap();
    assert_eq!(signed, Verified::Signed { keys: vec![key.id()] }, "a key's signature counts beside it");
}
