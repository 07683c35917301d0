//! A version that should not be used any more goes on as before, and whoever has it or wants it is told.

use macadam_tests::server::{Answer, Person, Server};
use serde_json::{Value, json};

use crate::{answered, bind, policy, preview, server};

const PLUGIN: &str = "/api/v1/plugins/macadam/gate";

fn run(server: &Server, person: &str, arguments: &[&str]) -> (i32, String, String) {
    let output = server.cli(person, arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A server with some versions of `macadam/gate`.
fn offering(versions: &[&str]) -> Server {
    let server = server();
    for version in versions {
        let published = server.person("amir").publish(policy("macadam/gate", version, "production-gate").archive());
        assert_eq!(published.status, 201, "{published:?}");
    }
    server
}

fn deprecate(person: &Person<'_>, version: &str, notice: &Value) -> Answer {
    person.send("PUT", &format!("{PLUGIN}/{version}/deprecation"), Some(notice))
}

#[test]
fn a_deprecated_version_runs_on_and_is_found_by_ranges_and_is_shown_wherever_it_is() {
    let server = offering(&["1.0.0", "1.1.0"]);
    let (amir, ada, dana) = (server.person("amir"), server.person("ada"), server.person("dana"));
    let bound = bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.1.0"}), None);
    assert_eq!((&bound.body["warnings"], &bound.body["deprecated"]), (&json!([]), &Value::Null), "{bound:?}");

    let said = deprecate(&amir, "1.1.0", &json!({"message": "it leaks", "successor": "macadam/gate@1.0.0"}));
    assert_eq!(said.status, 200, "{said:?}");
    assert_eq!(said.body["deprecated"]["message"], json!("it leaks"));
    assert_eq!(answered(&preview(&dana)), ["1.1.0"], "nothing that runs stops");

    let shown = |answer: &Answer| (answer.body["deprecated"]["message"].clone(), answer.body["state"].clone());
    let (leaks, active) = (json!("it leaks"), json!("active"));
    assert_eq!(shown(&ada.get("/api/v1/bindings/gate")), (leaks.clone(), active));
    let listed = dana.get("/api/v1/plugins");
    let gate = listed.body["items"].as_array().unwrap().iter().find(|plugin| plugin["binding"] == json!("gate"));
    assert_eq!(gate.unwrap()["deprecated"]["successor"], json!("macadam/gate@1.0.0"), "{listed:?}");
    let versions = dana.get(PLUGIN);
    let messages: Vec<_> =
        versions.body["items"].as_array().unwrap().iter().map(|v| &v["deprecated"]["message"]).collect();
    assert_eq!(messages, [&Value::Null, &leaks], "{versions:?}");

    let ranged = bind(&ada, "gate", &json!({"plugin": "macadam/gate@^1.0"}), None);
    assert_eq!(ranged.body["version"], json!("1.1.0"), "a range finds what it found: {ranged:?}");
    let warning = "gate: macadam/gate@1.1.0 is deprecated: it leaks (use macadam/gate@1.0.0 instead)";
    assert_eq!(ranged.body["warnings"], json!([warning]));

    let none = amir.send("DELETE", &format!("{PLUGIN}/1.1.0/deprecation"), None);
    assert_eq!((none.status, &none.body["deprecated"]), (200, &Value::Null), "{none:?}");
    assert_eq!(ada.get("/api/v1/bindings/gate").body["deprecated"], Value::Null);
}

#[test]
fn whoever_is_about_to_use_what_is_deprecated_is_warned() {
    let server = offering(&["1.0.0", "1.1.0"]);
    let (amir, ada) = (server.person("amir"), server.person("ada"));
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(deprecate(&amir, version, &json!({"message": format!("{version} is old")})).status, 200);
    }
    let generation = ada.get("/api/v1/bindings");
    let mut bindings: Vec<_> =
        generation.body["items"].as_array().unwrap().iter().map(|item| item["binding"].clone()).collect();
    bindings.push(json!({"plugin": "macadam/gate@1.0.0", "canary": {"version": "1.1.0", "weight": 10}}));
    let warnings = json!([
        "gate: macadam/gate@1.0.0 is deprecated: 1.0.0 is old",
        "gate: macadam/gate@1.1.0 is deprecated: 1.1.0 is old",
    ]);
    for what in ["diff", "apply"] {
        let answer = ada.post(&format!("/api/v1/bindings/{what}"), &json!({"bindings": bindings}));
        assert_eq!((answer.status, &answer.body["warnings"]), (200, &warnings), "{what}: {answer:?}");
    }
    let moved = bind(&ada, "gate", &json!({"plugin": "macadam/gate@1.1.0"}), None);
    assert_eq!(moved.body["warnings"], json!(["gate: macadam/gate@1.1.0 is deprecated: 1.1.0 is old"]), "{moved:?}");
    let back = ada.post("/api/v1/bindings/gate/rollback", &json!({}));
    assert_eq!(back.body["warnings"], warnings, "going back is a change as well: {back:?}");
}

#[test]
fn a_deprecated_plugin_is_so_in_every_version_and_who_publishes_another_is_told() {
    let server = offering(&["1.0.0"]);
    let amir = server.person("amir");
    let said = amir.send("PUT", &format!("{PLUGIN}/deprecation"), Some(&json!({"message": "not maintained"})));
    assert_eq!((said.status, &said.body["version"]), (200, &Value::Null), "{said:?}");
    let published = amir.publish(policy("macadam/gate", "2.0.0", "production-gate").archive());
    assert_eq!(published.status, 201, "it is advice and no ban: {published:?}");
    assert_eq!(published.body["deprecated"]["message"], json!("not maintained"));
    let versions = amir.get(PLUGIN);
    assert_eq!(versions.body["deprecated"]["message"], json!("not maintained"));
    for version in versions.body["items"].as_array().unwrap() {
        assert_eq!(version["deprecated"]["message"], json!("not maintained"), "{version}");
    }
    let one = amir.send("DELETE", &format!("{PLUGIN}/2.0.0/deprecation"), None);
    assert_eq!(one.body["deprecated"]["message"], json!("not maintained"), "it still is, with its plugin: {one:?}");
    assert_eq!(amir.send("DELETE", &format!("{PLUGIN}/deprecation"), None).body["deprecated"], Value::Null);
}

#[test]
fn what_is_wrong_with_a_deprecation_is_said_by_its_field() {
    let server = offering(&["1.0.0"]);
    let amir = server.person("amir");
    for (field, notice) in [
        ("/message", json!({"message": ""})),
        ("/message", json!({"message": "  "})),
        ("/message", json!({"message": "x".repeat(501)})),
        ("/message", json!({"message": "two\nlines"})),
        ("/message", json!({"message": 1})),
        ("/successor", json!({"message": "old", "successor": "gate"})),
        ("/successor", json!({"message": "old", "successor": "macadam/gate@^1.0"})),
        ("/successor", json!({"message": "old", "successor": "macadam/gate@1.0.0"})),
        ("/successor", json!({"message": "old", "successor": "macadam/gate@9.9.9"})),
        ("/successor", json!({"message": "old", "successor": "macadam/none"})),
        ("/succesor", json!({"message": "old", "succesor": "macadam/gate"})),
    ] {
        let refused = deprecate(&amir, "1.0.0", &notice);
        assert_eq!(
            (refused.status, &refused.body["violations"][0]["field"]),
            (422, &json!(field)),
            "{notice}: {refused:?}"
        );
    }
    let notice = json!({"message": "old"});
    for missing in ["9.9.9", "one", "%5E1.0"] {
        assert_eq!(deprecate(&amir, missing, &notice).status, 404, "{missing}");
    }
    let none = amir.send("PUT", "/api/v1/plugins/macadam/none/deprecation", Some(&notice));
    assert!(none.status == 404 && none.body["detail"].as_str().unwrap().contains("no plugin macadam/none"), "{none:?}");
    assert_eq!(deprecate(&server.person("dana"), "1.0.0", &notice).status, 403, "who may not publish may not say so");
    assert_eq!(amir.get(PLUGIN).body["items"][0]["deprecated"], Value::Null, "what is refused changes nothing");
}

#[test]
fn the_command_line_deprecates_shows_warns_and_undoes() {
    let server = offering(&["1.0.0", "1.1.0"]);
    let (code, shown, error) = run(
        &server,
        "amir",
        &["plugin", "deprecate", "macadam/gate@1.0.0", "--message", "it leaks", "--successor", "macadam/gate@1.1.0"],
    );
    assert_eq!(code, 0, "{error}");
    let said = "deprecated: it leaks (use macadam/gate@1.1.0 instead)";
    assert_eq!(shown, format!("macadam/gate@1.0.0 is {said}\n"));
    let (_, shown, _) = run(&server, "dana", &["plugin", "versions", "macadam/gate"]);
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[1].starts_with("1.0.0") && lines[1].ends_with(said) && !lines[2].contains("deprecated"), "{shown}");

    let (code, shown, warned) = run(&server, "ada", &["plugin", "activate", "gate", "macadam/gate@1.0.0"]);
    let warning = "warning: gate: macadam/gate@1.0.0 is deprecated: it leaks (use macadam/gate@1.1.0 instead)\n";
    assert_eq!((code, warned.as_str()), (0, warning));
    assert!(!shown.contains("warning"), "warnings are beside the answer: {shown}");
    for list in ["bindings", "list"] {
        assert!(run(&server, "ada", &["plugin", list]).1.contains(said), "plugin {list} shows it");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bindings.yaml");
    std::fs::write(&file, run(&server, "ada", &["plugin", "export"]).1.replace("gate@1.0.0", "gate@1.1.0")).unwrap();
    let path = file.to_str().unwrap();
    let (code, _, warned) = run(&server, "ada", &["plugin", "apply", "-f", path]);
    assert_eq!((code, warned.as_str()), (0, ""), "what is not deprecated warns of nothing");
    std::fs::write(&file, run(&server, "ada", &["plugin", "export"]).1.replace("gate@1.1.0", "gate@1.0.0")).unwrap();
    for (what, expected) in [("diff", 5), ("apply", 0)] {
        let (code, _, warned) = run(&server, "ada", &["plugin", what, "-f", path]);
        assert_eq!((code, warned.as_str()), (expected, warning), "plugin {what} warns");
    }

    let (code, shown, _) = run(&server, "amir", &["plugin", "undeprecate", "macadam/gate@1.0.0"]);
    assert_eq!((code, shown.as_str()), (0, "macadam/gate@1.0.0 is no longer deprecated\n"));
    run(&server, "amir", &["plugin", "deprecate", "macadam/gate", "--message", "not maintained"]);
    let (_, shown, _) = run(&server, "amir", &["plugin", "undeprecate", "macadam/gate@1.0.0"]);
    assert!(shown.contains("still deprecated: not maintained; that was said of macadam/gate"), "{shown}");
    let archive = folder.path().join("gate.tar.gz");
    std::fs::write(&archive, policy("macadam/gate", "2.0.0", "production-gate").archive()).unwrap();
    let (code, _, warned) = run(&server, "amir", &["plugin", "publish", archive.to_str().unwrap()]);
    assert_eq!((code, warned.as_str()), (0, "warning: macadam/gate@2.0.0 is deprecated: not maintained\n"));

    for (arguments, named) in [
        (&["macadam/gate@^1", "--message", "old"][..], "is not a version"),
        (&["macadam/gate@1.0.0", "--message", "old", "--successor", "gate"], "--successor"),
        (&["macadam/gate@1.0.0"], "--message"),
        (&["macadam/gate@1.0.0", "--message", ""], "/message: the message is empty"),
        (&["macadam/gate@1.0.0", "--message", "old", "--successor", "macadam/gone"], "/successor"),
        (&["macadam/gate@9.0.0", "--message", "old"], "there are 2.0.0, 1.1.0, 1.0.0"),
    ] {
        let (code, _, error) = run(&server, "amir", &[&["plugin", "deprecate"], arguments].concat());
        assert!(code != 0 && error.contains(named), "{arguments:?}: {error}");
    }
}
