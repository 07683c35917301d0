//! A registry, or somebody else who may push there, tries to hand out something else than was pushed.

use macadam_registry::oci::{OciError, PACKAGE_DIGEST, Target, media};
use macadam_registry::{Envelope, Package, SignatureError, SignaturePolicy, SigningKey, TrustedKeys, sign, verify};
use serde_json::json;

use super::fake::{Answer, Asked, Fake};
use super::{remote, tag};
use crate::support::{named_policy, policy};

const LARGE: usize = 10_000_000;

/// A registry that has a signed package.
struct Pushed {
    registry: Fake,
    package: Package,
    envelope: Envelope,
    manifest: Target,
    keys: TrustedKeys,
}

impl Pushed {
    fn start() -> Self {
        let registry = Fake::start();
        let key = SigningKey::generate().unwrap();
        let package = policy("1.0.0", "# A policy\n");
        let envelope = sign(&package, &key);
        let pushed = remote(registry.address()).push(&package, Some(&envelope)).unwrap();
        let mut keys = TrustedKeys::none_of("macadam".parse().unwrap());
        keys.trust(key.public()).unwrap();
        Self { registry, package, envelope, manifest: Target::Digest(pushed.digest), keys }
    }

    /// Changes the answers that have something in their path.
    fn tampering(&self, part: impl Into<String>, change: impl Fn(Answer) -> Answer + Send + Sync + 'static) {
        let part = part.into();
        self.registry.answers(move |asked: &Asked, answer| match asked.path.contains(&part) {
            true => change(answer),
            false => answer,
        });
    }

    fn refused(&self, target: &Target) -> OciError {
        remote(self.registry.address()).pull(target).unwrap_err()
    }
}

#[test]
fn a_registry_with_the_referrers_api_gives_back_what_was_pushed_page_by_page() {
    let there = Pushed::start();
    let pulled = remote(there.registry.address()).pull(&there.manifest).unwrap();
    assert_eq!((pulled.package, pulled.envelope), (there.package, Some(there.envelope)));
    let log = there.registry.log();
    assert!(log.iter().any(|asked| asked.path.contains("?page=1")), "further pages are asked for");
    assert!(!log.iter().any(|asked| asked.path.contains("/manifests/sha256-")), "no tag is made for referrers");
}

#[test]
fn another_manifest_under_a_digest_is_refused() {
    let there = Pushed::start();
    there.tampering("/manifests/", |mut answer| {
        answer.body = String::from_utf8(answer.body).unwrap().replace("wasip2", "wasip1").into_bytes();
        answer.body.push(b' ');
        answer
    });
    let refused = there.refused(&there.manifest);
    assert!(matches!(refused, OciError::WrongDigest { .. }), "{refused}");
}

#[test]
fn a_registry_that_contradicts_itself_about_a_tag_is_refused() {
    let there = Pushed::start();
    let other = macadam_core::digest::Digest::of(b"another manifest");
    there.tampering("/manifests/1.0.0", move |answer| answer.with("Docker-Content-Digest", other.to_string()));
    let refused = there.refused(&tag("1.0.0"));
    assert!(matches!(&refused, OciError::WrongDigest { expected, .. } if *expected == other), "{refused}");
}

#[test]
fn every_blob_is_compared_with_its_descriptor() {
    let there = Pushed::start();
    let blobs = [
        there.package.component().bytes().to_vec(),
        there.package.manifest_text().into(),
        there.package.readme().into(),
        there.envelope.to_bytes(),
    ];
    for bytes in blobs {
        let path = format!("/blobs/{}", macadam_core::digest::Digest::of(&bytes));
        there.tampering(&path, |mut answer| {
            answer.body[3] ^= 1;
            answer
        });
        let refused = there.refused(&there.manifest);
        assert!(matches!(refused, OciError::WrongDigest { .. }), "a changed byte: {refused}");
        there.tampering(&path, |mut answer| {
            answer.body.pop();
            answer
        });
        let refused = there.refused(&there.manifest);
        assert!(matches!(refused, OciError::WrongSize { .. }), "a byte too few: {refused}");
        there.tampering(&path, |mut answer| {
            answer.body.push(0);
            answer
        });
        let refused = there.refused(&there.manifest);
        assert!(matches!(refused, OciError::WrongSize { .. }), "a byte too many: {refused}");
        there.tampering(&path, |answer| Answer { endless: true, ..answer });
        let refused = there.refused(&there.manifest);
        assert!(matches!(refused, OciError::WrongSize { .. }), "bytes without end: {refused}");
        there.tampering(&path, |_| Answer::of(404, ""));
        let refused = there.refused(&there.manifest);
        assert!(matches!(refused, OciError::NotFound { .. }), "none: {refused}");
    }
}

#[test]
fn answers_without_end_are_not_read_to_their_end() {
    let there = Pushed::start();
    for part in ["/manifests/", "/referrers/"] {
        there.tampering(part, |_| Answer { endless: true, ..Answer::of(200, vec![b' '; 65536]) });
        let refused = there.refused(&there.manifest);
        assert!(matches!(refused, OciError::TooLarge { .. }), "{part}: {refused}");
    }
    there.tampering("/referrers/", |answer| {
        answer.with("Link", "</v2/macadam/approval-policy/referrers/x>; rel=\"next\"")
    });
    let refused = there.refused(&there.manifest);
    assert!(matches!(refused, OciError::TooLarge { .. }), "pages without end: {refused}");
}

#[test]
fn a_size_that_is_not_allowed_is_refused_before_a_byte_is_asked_for() {
    let there = Pushed::start();
    let config = there.registry.add_blob(media::WASM_CONFIG, b"{}");
    let layer = json!({"mediaType": media::WASM, "digest": there.package.component().digest(), "size": 1_u64 << 40});
    let huge = json!({"mediaType": media::WASM_CONFIG, "digest": config["digest"], "size": LARGE});
    let manifest = json!({"schemaVersion": 2, "config": huge, "layers": [layer]});
    let digest = there.registry.add_manifest(&manifest);
    let refused = there.refused(&Target::Digest(digest));
    assert!(matches!(refused, OciError::TooLarge { .. }), "{refused}");
    let config = format!("/blobs/{}", config["digest"].as_str().unwrap());
    assert!(!there.registry.log().iter().any(|asked| asked.path.contains(&config) && asked.method == "GET"));
}

#[test]
fn a_strangers_referrer_neither_replaces_nor_hides_the_right_one() {
    let there = Pushed::start();
    let Target::Digest(subject) = &there.manifest else { panic!("a digest") };
    // Twelve of them, so that some are listed before the right one.
    for number in 0..12 {
        let other = policy("1.0.0", &format!("# Not what was pushed {number}\n"));
        let layers = [
            there.registry.add_blob(media::PLUGIN_MANIFEST, other.manifest_text().as_bytes()),
            there.registry.add_blob(media::README, other.readme().as_bytes()),
        ];
        there.registry.add_manifest(&json!({
            "schemaVersion": 2, "artifactType": media::PLUGIN, "layers": layers,
            "config": there.registry.add_blob(media::EMPTY, b"{}"),
            "subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": subject, "size": 1},
        }));
    }
    // Pages of one would be too many of them.
    let refused = there.refused(&there.manifest);
    assert!(matches!(refused, OciError::TooLarge { .. }), "{refused}");
    there.registry.list_on_one_page();
    assert_eq!(remote(there.registry.address()).pull(&there.manifest).unwrap().package, there.package);

    there.registry.forget(&macadam_core::digest::Digest::of(b"# A policy\n").to_string());
    let refused = there.refused(&there.manifest);
    assert!(
        matches!(refused, OciError::WrongDigest { .. }),
        "a stranger's text is never taken for the author's: {refused}"
    );
}

#[test]
fn a_signature_that_was_taken_away_is_missing_where_one_is_required() {
    let there = Pushed::start();
    there.registry.forget(media::ENVELOPE);
    let pulled = remote(there.registry.address()).pull(&there.manifest).unwrap();
    assert_eq!(pulled.envelope, None);
    let refused = verify(&pulled.package, None, &there.keys, SignaturePolicy::Required).unwrap_err();
    assert!(matches!(refused, SignatureError::Missing { .. }), "{refused}");
}

#[test]
fn a_signature_of_another_package_is_handed_on_to_be_refused_as_replayed() {
    let there = Pushed::start();
    there.registry.forget(media::ENVELOPE);
    let Target::Digest(subject) = &there.manifest else { panic!("a digest") };
    let key = SigningKey::generate().unwrap();
    let mut keys = there.keys.clone();
    keys.trust(key.public()).unwrap();
    let add = |bytes: &[u8]| {
        there.registry.add_manifest(&json!({
            "schemaVersion": 2, "artifactType": media::ENVELOPE,
            "layers": [there.registry.add_blob(media::ENVELOPE, bytes)],
            "config": there.registry.add_blob(media::EMPTY, b"{}"),
            "subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": subject, "size": 1},
        }))
    };
    add(&sign(&named_policy("macadam/other", "1.0.0", ""), &key).to_bytes());
    let pulled = remote(there.registry.address()).pull(&there.manifest).unwrap();
    let refused = verify(&pulled.package, pulled.envelope.as_ref(), &keys, SignaturePolicy::Optional).unwrap_err();
    assert!(matches!(refused, SignatureError::Replayed { .. }), "{refused}");

    add(&sign(&there.package, &key).to_bytes());
    let pulled = remote(there.registry.address()).pull(&there.manifest).unwrap();
    assert!(verify(&pulled.package, pulled.envelope.as_ref(), &keys, SignaturePolicy::Required).is_ok());

    add(b"{}");
    let refused = there.refused(&there.manifest);
    assert!(matches!(refused, OciError::Envelope { .. }), "a damaged one is not taken for absent: {refused}");
}

#[test]
fn what_is_a_component_and_not_a_plugin_says_what_is_missing() {
    let there = Pushed::start();
    let wasm = there.registry.add_blob(media::WASM, there.package.component().bytes());
    let config = |layers: serde_json::Value| {
        let config = json!({"created": "2026-01-01T00:00:00Z", "author": null, "architecture": "wasm", "os": "wasip2",
            "layerDigests": layers, "component": null});
        there.registry.add_blob(media::WASM_CONFIG, config.to_string().as_bytes())
    };
    let pull = |manifest: serde_json::Value| there.refused(&Target::Digest(there.registry.add_manifest(&manifest)));
    let fitting = config(json!([wasm["digest"]]));
    let plain = pull(json!({"schemaVersion": 2, "config": fitting, "layers": [wasm]}));
    assert!(matches!(plain, OciError::NotAPlugin { .. }), "what `wkg` pushes: {plain}");
    let digest = there.package.digest().to_string();
    let alone =
        pull(json!({"schemaVersion": 2, "config": fitting, "layers": [wasm], "annotations": {PACKAGE_DIGEST: digest}}));
    assert!(matches!(alone, OciError::NotAPlugin { .. }), "nothing refers to it: {alone}");
    let lying = pull(json!({"schemaVersion": 2, "config": config(json!([])), "layers": [wasm]}));
    assert!(matches!(lying, OciError::NotAComponent { .. }), "{lying}");
    let image = there.registry.add_blob("application/vnd.oci.image.config.v1+json", b"{}");
    let image = pull(json!({"schemaVersion": 2, "config": image, "layers": []}));
    assert!(matches!(image, OciError::NotAComponent { .. }), "a container image: {image}");
}
