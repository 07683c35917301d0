//! Changing what is active: in one step, never to something that does not work, and back again.

use crate::{answered, bind, policy, preview, server};
use macadam_tests::server::Server;
use serde_json::{Value, json};

fn with_two_versions() -> Server {
    let server = server();
    let amir = server.person("amir");
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(amir.publish(policy("macadam/gate", version, "production-gate").archive()).status, 201);
    }
    server
}

#[test]
fn a_version_is_activated_rolled_back_and_every_change_is_on_record() {
    let server = with_two_versions();
    let (ada, dana) = (server.person("ada"), server.person("dana"));
    let first = bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.0.0"}), Some(0));
    assert_eq!((first.status, &first.body["revision"]), (200, &json!(1)), "{first:?}");
    assert_eq!(answered(&preview(&dana)), ["1.0.0"]);
    assert_eq!(bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.1.0"}), Some(1)).status, 200);
    assert_eq!(answered(&preview(&dana)), ["1.1.0"]);
    let back = ada.post("/api/v1/bindings/gate/rollback", &json!({"reason": "too strict"}));
    assert_eq!((back.status, &back.body["version"], &back.body["revision"]), (200, &json!("1.0.0"), &json!(3)));
    assert_eq!(answered(&preview(&dana)), ["1.0.0"]);

    let history = ada.get("/api/v1/bindings/gate/history");
    let of = |pointer: &str| -> Vec<Value> {
        history.body["items"].as_array().unwrap().iter().map(|each| each.pointer(pointer).unwrap().clone()).collect()
    };
    assert_eq!(of("/revision"), [3, 2, 1]);
    assert_eq!(of("/spec/version"), ["1.0.0", "1.1.0", "1.0.0"]);
    assert_eq!(of("/person"), ["ada", "ada", "ada"]);
    assert_eq!(of("/reason")[0], "too strict");

    assert_eq!(ada.send("DELETE", "/api/v1/bindings/gate", None).status, 204);
    assert!(answered(&preview(&dana)).is_empty());
    assert_eq!(ada.get("/api/v1/bindings/gate").status, 404);
    assert_eq!(ada.send("DELETE", "/api/v1/bindings/gate", None).status, 404);
}

#[test]
fn of_two_who_change_a_binding_at_once_one_is_told_so() {
    let server = with_two_versions();
    let ada = server.person("ada");
    assert_eq!(bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.0.0"}), Some(0)).status, 200);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let change = |groups: &'static str| {
            let ada = &ada;
            let binding = json!({"plugin": "macadam/gate@1.1.0", "settings": {"groups": [groups]}});
            scope.spawn(move || bind(ada, "gate", &binding, Some(1)).status)
        };
        let both = [change("one"), change("two")];
        both.into_iter().map(|each| each.join().unwrap()).collect()
    });
    assert!(statuses == [200, 409] || statuses == [409, 200], "{statuses:?}");
    let late = bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.0.0"}), Some(1));
    assert_eq!((late.status, &late.body["current"]), (409, &json!(2)), "{late:?}");
    assert_eq!(bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.0.0"}), Some(0)).status, 409, "it is there");
}

#[test]
fn what_does_not_work_never_replaces_what_does() {
    let server = with_two_versions();
    let (ada, dana) = (server.person("ada"), server.person("dana"));
    assert_eq!(bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.0.0"}), None).status, 200);
    let settings = json!({"plugin": "macadam/gate@1.1.0", "settings": {"nonsense": true}});
    for (what, binding, field) in [
        ("no such version", json!({"plugin": "macadam/gate@7.0.0"}), Some("/binding/plugin")),
        ("no such plugin", json!({"plugin": "macadam/gatee@1.0.0"}), Some("/binding/plugin")),
        ("not a query", json!({"plugin": "gate"}), Some("/binding/plugin")),
        ("another's name", json!({"name": "other", "plugin": "macadam/gate@1.1.0"}), Some("/binding/name")),
        ("settings that the plugin refuses", settings, None),
        ("a capability that it never asked for", json!({"plugin": "macadam/gate@1.1.0", "grants": ["secrets"]}), None),
        ("a field that does not exist", json!({"plugin": "macadam/gate@1.1.0", "canery": 1}), Some("/binding/canery")),
        ("an array", json!([null, "macadam/gate@1.1.0"]), Some("/binding")),
    ] {
        let refused = bind(&ada, "gate", &binding, None);
        assert_eq!(refused.status, 422, "{what}: {refused:?}");
        assert_eq!(refused.body["violations"][0]["field"].as_str(), field, "{what}: {refused:?}");
        assert_eq!(answered(&preview(&dana)), ["1.0.0"], "after {what}");
    }
    // A second provider of a type that is taken.
    let twice = bind(&ada, "other-directories", &json!({"plugin": "macadam/local-directory@dev"}), None);
    assert_eq!(twice.status, 422, "{twice:?}");
    let shown = ada.get("/api/v1/bindings/gate");
    assert_eq!(shown.body["revision"], 1, "none of it was kept: {shown:?}");
    assert_eq!(ada.get("/readyz").status, 200);
}

#[test]
fn a_version_whose_package_is_out_of_reach_is_no_wrong_one_and_can_be_had_when_it_is_back() {
    let server = with_two_versions();
    let ada = server.person("ada");
    assert_eq!(bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.0.0"}), None).status, 200);
    // Where the blobs' folder would be there is a file.
    let (folder, aside) = (server.data().join("blobs/sha256"), server.data().join("blobs/aside"));
    std::fs::rename(&folder, &aside).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    let other = json!({"plugin": "macadam/gate@1.1.0"});
    for refused in [
        bind(&ada, "gate", &other, None),
        ada.post("/api/v1/bindings/apply", &json!({"bindings": [other]})),
        ada.post("/api/v1/replays", &other),
    ] {
        assert_eq!((refused.status, &refused.body["type"]), (503, &json!("/problems/unavailable")), "{refused:?}");
        assert!(!refused.header("retry-after").is_empty(), "it says when to come back: {refused:?}");
        assert!(!refused.body.to_string().contains("blobs/"), "where packages are is not for everybody: {refused:?}");
    }
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    assert_eq!(ada.get("/api/v1/bindings/gate").body["revision"], 1, "what was refused changed nothing");
    assert_eq!(bind(&ada, "gate", &other, Some(1)).status, 200);
}

#[test]
fn only_administrators_see_and_change_what_is_active() {
    let server = with_two_versions();
    for person in ["dana", "amir"] {
        let person = server.person(person);
        assert_eq!(bind(&person, "gate", &json!({"plugin": "macadam/gate@1.0.0"}), None).status, 403);
        assert_eq!(person.get("/api/v1/bindings").status, 403);
        assert_eq!(person.send("DELETE", "/api/v1/bindings/local-directory", None).status, 403);
        assert_eq!(person.post("/api/v1/bindings/local-directory/rollback", &json!({})).status, 403);
        assert_eq!(person.post("/api/v1/bindings/apply", &json!({"bindings": []})).status, 403);
    }
}

#[test]
fn a_range_stays_at_what_it_meant_unless_the_binding_follows() {
    let mut server = with_two_versions();
    let versions = |server: &Server| answered(&preview(&server.person("dana")));
    let publish = |server: &Server, version: &str| {
        let package = policy("macadam/gate", version, "production-gate");
        assert_eq!(server.person("amir").publish(package.archive()).status, 201);
    };
    assert_eq!(bind(&server.person("ada"), "gate", &json!({"plugin": "macadam/gate@^1.0"}), None).status, 200);
    publish(&server, "1.2.0");
    assert_eq!(versions(&server), ["1.1.0"], "it is at what it meant when it was made");
    server.stop();
    server.launch();
    assert_eq!(versions(&server), ["1.1.0"], "also after a restart");
    let following = json!({"plugin": "macadam/gate@^1.0", "auto": true});
    assert_eq!(bind(&server.person("ada"), "gate", &following, None).status, 200);
    assert_eq!(versions(&server), ["1.2.0"]);
    publish(&server, "1.3.0");
    assert_eq!(versions(&server), ["1.3.0"], "it follows");
    publish(&server, "2.0.0");
    assert_eq!(versions(&server), ["1.3.0"], "and stays in its range");
    let history = server.person("ada").get("/api/v1/bindings/gate/history");
    let newest = &history.body["items"][0];
    assert_eq!(newest["person"], Value::Null, "the host did it");
    assert!(newest["reason"].as_str().unwrap().contains("follows macadam/gate@1.3.0"), "{newest}");
}
