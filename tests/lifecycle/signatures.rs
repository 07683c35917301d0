//! Whose signatures count is the host's to say: a matrix of policies and signatures, at publishing and afterwards.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use macadam_registry::signature::keyless::PREDICATE_TYPE;
use macadam_registry::signature::{Bundle, Envelope, SigningKey, Statement, sign};
use macadam_tests::server::{Answer, Server};
use serde_json::json;

use crate::{answered, bind, policy, preview, server};

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn require(server: &Server, signatures: &str) {
    let wish = json!({"team": "platform", "signatures": signatures});
    let put = server.person("ada").send("PUT", "/api/v1/namespaces/macadam", Some(&wish));
    assert_eq!(put.status, 200, "{put:?}");
}

fn trust(server: &Server, key: &SigningKey) -> Answer {
    let wish = json!({"public_key": key.public().to_string()});
    server.person("ada").post("/api/v1/namespaces/macadam/keys", &wish)
}

fn revoke(server: &Server, key: &SigningKey) -> Answer {
    let wish = json!({"key": key.id().to_string(), "reason": "it leaked"});
    server.person("ada").post("/api/v1/namespaces/macadam/revocations", &wish)
}

#[test]
fn a_package_is_published_as_the_policy_of_its_namespace_says_and_never_as_the_package_says() {
    let server = server();
    let (good, old, strange) =
        (SigningKey::generate().unwrap(), SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    assert_eq!(trust(&server, &good).status, 200);
    assert_eq!(trust(&server, &old).status, 200);
    assert_eq!(revoke(&server, &old).status, 200);
    assert_eq!(trust(&server, &old).status, 409, "a key that was revoked never comes back");
    let other = policy("macadam/gate", "9.9.9", "production-gate");
    let mut version = 0;
    for (required, signed, expected) in [
        ("optional", "not", 201),
        ("optional", "well", 201),
        ("optional", "by a stranger", 422),
        ("optional", "by a revoked key", 422),
        ("optional", "for another version", 422),
        ("optional", "with one bit changed", 422),
        ("required", "not", 422),
        ("required", "well", 201),
        ("required", "by a stranger", 422),
        ("required", "by a revoked key", 422),
        ("required", "for another version", 422),
        ("required", "with one bit changed", 422),
    ] {
        version += 1;
        require(&server, required);
        let package = policy("macadam/gate", &format!("1.{version}.0"), "production-gate");
        let envelope = match signed {
            "not" => None,
            "well" => Some(sign(&package, &good).to_bytes()),
            "by a stranger" => Some(sign(&package, &strange).to_bytes()),
            "by a revoked key" => Some(sign(&package, &old).to_bytes()),
            "for another version" => Some(sign(&other, &good).to_bytes()),
            _ => {
                let mut bytes = sign(&package, &good).to_bytes();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                Some(bytes)
            }
        };
        let envelope = envelope.map(|bytes| base64(&bytes));
        let published = server.person("amir").publish_signed(package.archive(), envelope.as_deref());
        assert_eq!(published.status, expected, "{required}, signed {signed}: {published:?}");
    }
}

#[test]
fn when_a_key_is_revoked_what_only_it_vouched_for_is_out_and_its_fallback_answers() {
    let server = server();
    let (amir, ada, dana) = (server.person("amir"), server.person("ada"), server.person("dana"));
    let (one, two) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    trust(&server, &one);
    trust(&server, &two);
    for (version, key) in [("1.0.0", &one), ("1.1.0", &two)] {
        let package = policy("macadam/gate", version, "production-gate");
        let published = amir.publish_signed(package.archive(), Some(&base64(&sign(&package, key).to_bytes())));
        assert_eq!(published.status, 201, "{published:?}");
    }
    assert_eq!(bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.0.0"}), None).status, 200);
    assert_eq!(answered(&preview(&dana)), ["1.0.0"]);

    assert_eq!(revoke(&server, &one).status, 200);
    let held = preview(&dana);
    assert_eq!(held.body["outcome"], "denied", "a guardrail that is out holds: {held:?}");
    let shown = ada.get("/api/v1/bindings/gate");
    assert_eq!(shown.body["state"], "failed", "{shown:?}");
    assert!(shown.body["error"].as_str().unwrap().contains("it leaked"), "the reason is told: {shown:?}");
    assert_ne!(ada.get("/readyz").status, 200);
    let back = bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.0.0", "settings": {"count": 2}}), None);
    assert_eq!(back.status, 422, "it cannot be activated again: {back:?}");
    assert_eq!(bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.1.0"}), None).status, 200);
    assert_eq!(answered(&preview(&dana)), ["1.1.0"]);
}

#[test]
fn what_is_not_signed_goes_out_when_signatures_are_required_and_comes_back_when_not() {
    let server = server();
    let (ada, dana) = (server.person("ada"), server.person("dana"));
    let package = policy("macadam/gate", "1.0.0", "production-gate");
    assert_eq!(server.person("amir").publish(package.archive()).status, 201);
    assert_eq!(bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.0.0"}), None).status, 200);
    require(&server, "required");
    assert_ne!(ada.get("/readyz").status, 200);
    require(&server, "optional");
    assert_eq!(ada.get("/readyz").status, 200);
    assert_eq!(answered(&preview(&dana)), ["1.0.0"]);
    let wish = json!({"team": "platform", "signatures": "optional"});
    assert_eq!(server.person("amir").send("PUT", "/api/v1/namespaces/macadam", Some(&wish)).status, 403);
}

#[test]
fn a_package_is_signed_verified_and_published_by_one_command_each() {
    let server = server();
    require(&server, "required");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (package, key) = (path("gate.tar.gz"), path("key"));
    std::fs::write(&package, policy("macadam/gate", "1.0.0", "production-gate").archive()).unwrap();
    let run = |person: &str, arguments: &[&str]| {
        let output = server.cli(person, arguments);
        let (shown, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), format!("{shown}{error}"))
    };
    let (code, shown) = run("amir", &["plugin", "publish", &package]);
    assert_eq!((code, shown.contains("signature")), (1, true), "{shown}");
    let (code, made) = run("amir", &["plugin", "keygen", "--out", &key, "--output", "json"]);
    assert_eq!(code, 0, "{made}");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let public = made["public_key"].as_str().unwrap();
    assert_eq!(run("amir", &["plugin", "keygen", "--out", &key]).0, 1, "a key is never overwritten");
    assert_eq!(run("amir", &["plugin", "sign", &package, "--key", &key]).0, 0);
    let (code, shown) = run("amir", &["plugin", "verify", &package, "--key", public]);
    assert_eq!(code, 0, "{shown}");
    let (code, shown) = run("amir", &["plugin", "publish", &package]);
    assert_eq!((code, shown.contains("signature")), (1, true), "the host does not know the key yet: {shown}");
    assert_eq!(run("ada", &["namespace", "trust", "macadam", public]).0, 0);
    let (code, shown) = run("amir", &["plugin", "publish", &package]);
    assert_eq!(code, 0, "{shown}");
    let (code, shown) = run("ada", &["namespace", "list"]);
    assert_eq!((code, shown.contains("required") && shown.contains("active")), (0, true), "{shown}");
}

#[test]
fn a_host_without_the_feature_refuses_identities_and_bundles_and_says_what_is_missing() {
    let server = server();
    let identity = "keyless:https://accounts.google.com ana@example.com";
    let refused = server.person("ada").post("/api/v1/namespaces/macadam/keys", &json!({"public_key": identity}));
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(format!("{:?}", refused.body).contains("feature `keyless`"), "{refused:?}");

    // A bundle goes all the way to the verifier, however long its header is, and counts for nothing.
    let package = policy("macadam/gate", "1.0.0", "production-gate");
    let predicate: serde_json::Value = serde_json::from_slice(&Statement::of(&package).to_bytes()).unwrap();
    let said =
        json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": PREDICATE_TYPE, "predicate": predicate});
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": "x".repeat(20_000),
        "dsseEnvelope": {"payload": base64(said.to_string().as_bytes()), "payloadType": "application/vnd.in-toto+json"},
    });
    let envelope = Envelope::of_bundle(Bundle::from_bytes(bundle.to_string().as_bytes()).unwrap());
    let published = server.person("amir").publish_signed(package.archive(), Some(&base64(&envelope.to_bytes())));
    assert_eq!(published.status, 422, "{published:?}");
    assert!(format!("{:?}", published.body).contains("trusts no identity"), "{published:?}");
}
