//! Who may publish what, and what is refused before anybody can have it.

use crate::{answered, bind, policy, preview, server};
use macadam_tests::components::component;
use serde_json::json;

#[test]
fn members_of_the_team_that_owns_a_namespace_publish_there_and_nobody_else() {
    let server = server();
    let (dana, amir) = (server.person("dana"), server.person("amir"));
    let package = policy("macadam/gate", "1.0.0", "production-gate");
    let refused = dana.publish(package.archive());
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.body["detail"].as_str().unwrap().contains("takes the role publisher"), "{refused:?}");
    let nobodys = amir.publish(policy("acme/gate", "1.0.0", "production-gate").archive());
    assert_eq!(nobodys.status, 403, "{nobodys:?}");
    assert!(nobodys.body["detail"].as_str().unwrap().contains("nobody owns the namespace acme"), "{nobodys:?}");

    let published = amir.publish(package.archive());
    assert_eq!(published.status, 201, "{published:?}");
    assert_eq!(published.body["package"], json!(package.digest()));
    assert!(answered(&preview(&dana)).is_empty(), "publishing activates nothing");
}

#[test]
fn a_version_is_immutable_and_the_same_bytes_again_are_a_success() {
    let server = server();
    let amir = server.person("amir");
    let first = policy("macadam/gate", "1.0.0", "production-gate");
    assert_eq!(amir.publish(first.archive()).status, 201);
    let again = amir.publish(first.archive());
    assert_eq!((again.status, &again.body["already"]), (200, &json!(true)), "{again:?}");
    let other = amir.publish(policy("macadam/gate", "1.0.0", "cost-threshold").archive());
    assert_eq!(other.status, 409, "{other:?}");
}

#[test]
fn what_could_not_be_activated_is_not_published() {
    let server = server();
    let amir = server.person("amir");
    let whole = policy("macadam/gate", "1.0.0", "production-gate");
    let cut = &whole.archive()[..whole.archive().len() / 2];
    for (what, archive) in [("nothing", &b""[..]), ("no archive", b"hello"), ("half a package", cut)] {
        let refused = amir.publish(archive);
        assert_eq!(refused.status, 422, "{what}: {refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains("package is refused"), "{what}: {refused:?}");
    }
    // A component that is well-formed and exports what it should, and traps when it is asked about itself.
    let manifest = "name = \"macadam/gate\"\nversion = \"1.0.0\"\nkind = \"approval-policy\"\ncontract = \"0.2.0\"\n\
                    summary = \"x\"\nlicense = \"Apache-2.0\"\nauthors = []\n[settings]\nno-such-setting = 1\n";
    let wrong =
        macadam_registry::pack(manifest, &component("cost-threshold"), "", macadam_registry::Versioning::AsWritten);
    let refused = amir.publish(wrong.unwrap().archive());
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.body["detail"].as_str().unwrap().contains("no-such-setting"), "{refused:?}");
    let unknown = bind(&server.person("ada"), "gate", &json!({"plugin": "macadam/gate@1.0.0"}), None);
    assert_eq!(unknown.status, 422, "none of them is in the registry: {unknown:?}");
    assert_eq!(amir.publish(whole.archive()).status, 201, "the version is still free");
}

#[test]
fn a_yanked_version_is_found_by_nobody_who_does_not_name_it() {
    let server = server();
    let (amir, ada, dana) = (server.person("amir"), server.person("ada"), server.person("dana"));
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(amir.publish(policy("macadam/gate", version, "production-gate").archive()).status, 201);
    }
    let yank = "/api/v1/plugins/macadam/gate/1.1.0/yank";
    assert_eq!(dana.send("POST", yank, None).status, 403);
    assert_eq!(amir.send("POST", yank, None).status, 204);
    assert_eq!(bind(&ada, "gate", &json!({"plugin": "macadam/gate@^1.0"}), None).status, 200);
    assert_eq!(answered(&preview(&dana)), ["1.0.0"]);
    assert_eq!(amir.send("DELETE", yank, None).status, 204);
    assert_eq!(bind(&ada, "gate", &json!({"plugin": "macadam/gate@^1.0", "settings": {}}), None).status, 200);
    assert_eq!(answered(&preview(&dana)), ["1.1.0"], "a change of the binding looks again");
    assert_eq!(amir.send("POST", "/api/v1/plugins/macadam/gate/9.9.9/yank", None).status, 404);
}

#[test]
fn a_damaged_registry_is_found_named_and_mended_as_far_as_that_needs_nobody() {
    let server = server();
    let package = policy("macadam/gate", "1.0.0", "production-gate");
    // The server has taken over what was there when it started; the directory is whoever's packs plugins.
    let registry = server.data().join("registry");
    let publish = || macadam_registry::Registry::open(&registry).unwrap().publish(&package, jiff::Timestamp::now());
    publish().unwrap();
    let run = |what: &str| {
        let output = server.cli("ada", &["registry", what, "--registry", registry.to_str().unwrap()]);
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(run("check"), (0, "Everything agrees\n".to_owned()));
    let archive = registry.join("packages").join(package.path());
    std::fs::write(&archive, b"rotten").unwrap();
    std::fs::write(registry.join("index/macadam/local-directory.json"), b"{").unwrap();
    let (code, found) = run("check");
    assert_eq!(code, 5);
    assert!(found.contains("macadam/gate@1.0.0") && found.contains("index of macadam/local-directory"), "{found}");
    let (code, mended) = run("repair");
    assert_eq!((code, mended.contains("made again")), (0, true), "{mended}");
    publish().expect("publishing it again puts it back");
    assert_eq!(run("check"), (0, "Everything agrees\n".to_owned()));
}
