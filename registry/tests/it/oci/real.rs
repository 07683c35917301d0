use std::fs;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_registry::oci::{Credentials, OciError, PACKAGE_DIGEST, Pushed, ReferrersVia, Secret, Target};
use macadam_registry::{Package, Published, SignaturePolicy, SigningKey, TrustedKeys, Verified, sign, verify};
use serde_json::Value;

use super::installed::{DockerRegistry, program};
use super::{remote, remote_as, repository, tag};
use crate::support::{Temporary, at, name, named_policy, policy};

fn signed() -> (Package, SigningKey, macadam_registry::Envelope) {
    let key = SigningKey::generate().unwrap();
    let package = policy("1.0.0", "# A policy\n");
    let envelope = sign(&package, &key);
    (package, key, envelope)
}

#[test]
fn a_package_comes_back_from_a_registry_byte_for_byte_with_its_signature() {
    let registry = DockerRegistry::start();
    let (package, key, envelope) = signed();
    let remote = remote(&registry.address);
    let pushed = remote.push(&package, Some(&envelope)).unwrap();
    assert_eq!(pushed.reference.to_string(), format!("{}:1.0.0", repository(&registry.address)));
    assert_eq!(pushed.referrers, ReferrersVia::TagSchema, "this registry has no referrers API");

    for target in [tag("1.0.0"), Target::Digest(pushed.digest)] {
        let pulled = remote.pull(&target).unwrap();
        assert_eq!(pulled.package, package);
        assert_eq!(pulled.package.archive(), package.archive(), "the archive has the very bytes that were packed");
        assert_eq!((pulled.envelope.as_ref(), pulled.digest), (Some(&envelope), pushed.digest));
        let mut keys = TrustedKeys::none_of("macadam".parse().unwrap());
        keys.trust(key.public()).unwrap();
        let verified = verify(&pulled.package, pulled.envelope.as_ref(), &keys, SignaturePolicy::Required).unwrap();
        assert_eq!(verified, Verified::Signed { keys: vec![key.id()] }, "the archive's signature holds for this form");
    }
}

#[test]
fn what_was_pulled_can_be_published_where_the_archive_was() {
    let registry = DockerRegistry::start();
    let (package, _, envelope) = signed();
    remote(&registry.address).push(&package, Some(&envelope)).unwrap();
    let there = Temporary::start();
    there.registry.publish(&package, at(1)).unwrap();
    let pulled = remote(&registry.address).pull(&tag("1.0.0")).unwrap();
    assert_eq!(there.registry.publish(&pulled.package, Timestamp::now()).unwrap(), Published::Already);
    let version = "1.0.0".parse().unwrap();
    assert!(there.registry.put_signature(&name(), &version, &pulled.envelope.unwrap()).is_ok());
}

#[test]
fn a_package_without_readme_text_or_signature_travels_as_well() {
    let registry = DockerRegistry::start();
    let package = policy("1.0.0-rc.1", "");
    remote(&registry.address).push(&package, None).unwrap();
    let pulled = remote(&registry.address).pull(&tag("1.0.0-rc.1")).unwrap();
    assert_eq!((pulled.package, pulled.envelope), (package, None));
}

#[test]
fn pushing_again_changes_nothing_and_other_contents_are_refused() {
    let registry = DockerRegistry::start();
    let remote = remote(&registry.address);
    let (package, _, envelope) = signed();
    let first = remote.push(&package, None).unwrap();
    let again = remote.push(&package, Some(&envelope)).unwrap();
    assert_eq!(first, again, "the same package has the same digest, whoever pushes it and when");
    assert_eq!(remote.pull(&tag("1.0.0")).unwrap().envelope, Some(envelope), "signatures may come later");
    let other = policy("1.0.0", "# Another\n");
    let refused = remote.push(&other, None).unwrap_err();
    assert!(matches!(&refused, OciError::TagTaken { there, .. } if *there == first.digest), "{refused}");
    assert_eq!(remote.pull(&tag("1.0.0")).unwrap().package, package, "a refused push changes nothing");
}

#[test]
fn signatures_that_were_pushed_one_by_one_come_back_together() {
    let registry = DockerRegistry::start();
    let remote = remote(&registry.address);
    let package = policy("1.0.0", "# A policy\n");
    let early = remote.push_signature(&package, &sign(&package, &SigningKey::generate().unwrap())).unwrap_err();
    assert!(matches!(early, OciError::NotFound { .. }), "there is nothing to sign yet: {early}");
    remote.push(&package, None).unwrap();
    let keys: Vec<_> = (0..3).map(|_| SigningKey::generate().unwrap()).collect();
    for key in &keys {
        remote.push_signature(&package, &sign(&package, key)).unwrap();
    }
    remote.push_signature(&package, &sign(&package, &keys[0])).unwrap();
    let envelope = remote.pull(&tag("1.0.0")).unwrap().envelope.unwrap();
    let mut signers: Vec<_> = envelope.signatures().iter().map(macadam_registry::signature::Signature::key).collect();
    signers.sort();
    let mut expected: Vec<_> = keys.iter().map(SigningKey::id).collect();
    expected.sort();
    assert_eq!(signers, expected);
    let other = sign(&policy("2.0.0", ""), &keys[0]);
    let refused = remote.push_signature(&package, &other).unwrap_err();
    assert!(matches!(refused, OciError::SignatureOfAnother { .. }), "{refused}");
}

#[test]
fn what_is_not_there_or_not_a_plugin_is_told_apart() {
    let registry = DockerRegistry::start();
    let remote = remote(&registry.address);
    let missing = remote.pull(&tag("1.0.0")).unwrap_err();
    assert!(matches!(missing, OciError::NotFound { .. }), "{missing}");
    let Pushed { digest, .. } = remote.push(&policy("1.0.0", ""), None).unwrap();
    let missing = remote.pull(&Target::Digest(Digest::of(b"nobody's"))).unwrap_err();
    assert!(matches!(missing, OciError::NotFound { .. }), "{missing}");
    // What refers to the component is a manifest as well, and no component.
    let index = fetch(&registry.address, &format!("manifests/sha256-{}", digest.hex()));
    let referrer: Digest = index["manifests"][0]["digest"].as_str().unwrap().parse().unwrap();
    let refused = remote.pull(&Target::Digest(referrer)).unwrap_err();
    assert!(matches!(refused, OciError::NotAComponent { .. }), "{refused}");
    let refused = remote.pull(&tag(&format!("sha256-{}", digest.hex()))).unwrap_err();
    assert!(matches!(refused, OciError::NotAComponent { .. }), "an index is no component: {refused}");
}

#[test]
fn a_blob_that_rotted_on_the_registrys_disk_is_refused() {
    let registry = DockerRegistry::start();
    let package = policy("1.0.0", "# A policy\n");
    remote(&registry.address).push(&package, None).unwrap();
    let path = registry.blob(&package.component().digest().hex());
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refused = remote(&registry.address).pull(&tag("1.0.0")).unwrap_err();
    let expected = package.component().digest();
    assert!(matches!(&refused, OciError::WrongDigest { expected: e, .. } if *e == expected), "{refused}");
}

#[test]
fn a_tag_that_was_moved_gives_what_it_points_at_and_a_digest_what_it_always_did() {
    let registry = DockerRegistry::start();
    let remote = remote(&registry.address);
    let [one, two] = ["1.0.0", "2.0.0"].map(|version| policy(version, ""));
    let first = remote.push(&one, None).unwrap();
    let second = remote.push(&two, None).unwrap();
    let manifest = fetch_text(&registry.address, "manifests/2.0.0");
    put(&registry.address, "manifests/1.0.0", &manifest);
    let moved = remote.pull(&tag("1.0.0")).unwrap();
    assert_eq!((moved.package, moved.digest), (two, second.digest), "what a package is called is in the package");
    assert_eq!(remote.pull(&Target::Digest(first.digest)).unwrap().package, one);
    let pinned = format!("{}:2.0.0@{}", repository(&registry.address), first.digest);
    let pinned: macadam_registry::oci::Reference = pinned.parse().unwrap();
    assert_eq!(remote.pull(&pinned.target).unwrap().package, one, "a pinned digest counts, whatever the tag says");
}

#[test]
fn an_archive_that_could_not_be_made_again_is_not_pushed() {
    let good = policy("1.0.0", "# A policy\n");
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&good.archive()[..]), &mut tar).unwrap();
    let mut gzip = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut gzip, &tar).unwrap();
    let other = macadam_registry::read(&gzip.finish().unwrap()[..], &macadam_registry::Expected::default()).unwrap();
    // Nobody listens there: it is refused before anything is sent.
    let refused = remote("127.0.0.1:1").push(&other, None).unwrap_err();
    assert!(matches!(refused, OciError::NotReproducible { .. }), "{refused}");
    let envelope = sign(&named_policy("macadam/other", "1.0.0", ""), &SigningKey::generate().unwrap());
    let refused = remote("127.0.0.1:1").push(&good, Some(&envelope)).unwrap_err();
    assert!(matches!(refused, OciError::SignatureOfAnother { .. }), "{refused}");
    let refused = remote("127.0.0.1:1").push(&good, None).unwrap_err();
    assert!(matches!(refused, OciError::Unreachable { .. }), "{refused}");
}

#[test]
fn a_registry_with_passwords_serves_those_who_have_one() {
    let registry = DockerRegistry::start_with_password();
    let package = policy("1.0.0", "# A policy\n");
    let basic = |password: &str| Credentials::Basic { username: "ana".into(), password: Secret::new(password) };
    for credentials in [Credentials::Anonymous, basic("wrong"), Credentials::Bearer(Secret::new("x"))] {
        let refused = remote_as(&registry.address, credentials.clone()).push(&package, None).unwrap_err();
        assert!(matches!(refused, OciError::Unauthorized { .. }), "{credentials:?}: {refused}");
        assert!(!refused.to_string().contains("wrong"), "an error goes into logs: {refused}");
    }
    let ana = remote_as(&registry.address, basic("correct horse"));
    ana.push(&package, None).unwrap();
    assert_eq!(ana.pull(&tag("1.0.0")).unwrap().package, package);
}

#[test]
fn another_client_finds_the_layout_of_webassembly_components() {
    let registry = DockerRegistry::start();
    let (package, _, envelope) = signed();
    let pushed = remote(&registry.address).push(&package, Some(&envelope)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let source = format!("docker://{}", pushed.reference);
    let manifest = skopeo(&["inspect", "--raw", "--tls-verify=false", &source]);
    assert_eq!(Digest::of(&manifest), pushed.digest, "the other client has the manifest by our digest");
    let to = format!("oci:{}:copied", directory.path().display());
    skopeo(&["--insecure-policy", "copy", "--src-tls-verify=false", "--preserve-digests", &source, &to]);

    let blob = |digest: &Value| {
        let digest = digest.as_str().unwrap();
        fs::read(directory.path().join("blobs").join(digest.replace(':', "/"))).unwrap()
    };
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1, "the component is the only layer");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(manifest["annotations"][PACKAGE_DIGEST], package.digest().to_string());
    assert_eq!(
        blob(&manifest["layers"][0]["digest"]),
        package.component().bytes(),
        "the other client has the component"
    );
    let config: Value = serde_json::from_slice(&blob(&manifest["config"]["digest"])).unwrap();
    assert_eq!((&config["architecture"], &config["os"]), (&"wasm".into(), &"wasip2".into()));
    assert_eq!(config["layerDigests"][0], package.component().digest().to_string());
    let exports = config["component"]["exports"].as_array().unwrap();
    assert!(exports.contains(&"macadam:plugin/approval-policy@0.1.0".into()), "{config}");

    let index = fetch(&registry.address, &format!("manifests/sha256-{}", pushed.digest.hex()));
    let types: Vec<_> = index["manifests"].as_array().unwrap().iter().map(|one| one["artifactType"].clone()).collect();
    assert_eq!(types, ["application/vnd.macadam.plugin.v1", "application/vnd.dsse.envelope.v1+json"]);
}

fn skopeo(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program("skopeo")).args(arguments).current_dir(Path::new("/")).output().unwrap();
    assert!(output.status.success(), "skopeo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn fetch(address: &str, below: &str) -> Value {
    serde_json::from_str(&fetch_text(address, below)).unwrap()
}

fn fetch_text(address: &str, below: &str) -> String {
    let accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
    let url = format!("http://{}", repository(address)).replace(address, &format!("{address}/v2"));
    ureq::get(format!("{url}/{below}")).header("accept", accept).call().unwrap().body_mut().read_to_string().unwrap()
}

/// What somebody does who may push and does not keep to the rules.
fn put(address: &str, below: &str, manifest: &str) {
    let url = format!("http://{}", repository(address)).replace(address, &format!("{address}/v2"));
    let kind = "application/vnd.oci.image.manifest.v1+json";
    ureq::put(format!("{url}/{below}")).header("content-type", kind).send(manifest).unwrap();
}
