//! A plugin that keeps failing is not asked for a while, its fallback answers, and it comes back when it works again.

use macadam_tests::server::{Answer, Person, Server};
use serde_json::{Value, json};

use crate::{bind, policy_with, publish, server, until};

/// A gate that works in development and traps in production.
const HALF_BROKEN: &str = "act = \"trap\"\nonly_in = \"prod\"";

fn with_gate(versions: &[(&str, &str, &str)], binding: &Value) -> Server {
    let server = server();
    for (version, code, settings) in versions {
        publish(&server, "amir", &policy_with("macadam/gate", version, code, settings));
    }
    let bound = bind(&server.person("ada"), "gate", binding, None);
    assert_eq!(bound.status, 200, "{bound:?}");
    server
}

fn preview(person: &Person<'_>, environment: &str) -> Answer {
    let wish = json!({"environment": environment, "type": "local-directory", "name": "notes", "spec": {"quota_mb": 1}});
    person.post("/api/v1/preview", &wish)
}

/// Asks for a directory; what comes of it is on record, and so counts.
fn submit(person: &Person<'_>, environment: &str, name: &str) -> Answer {
    let wish = json!({"environment": environment, "type": "local-directory", "name": name, "spec": {"quota_mb": 1}});
    person.post("/api/v1/resources", &wish)
}

fn state(server: &Server) -> Value {
    let shown = server.person("ada").get("/api/v1/bindings/gate").body;
    assert!(shown["state"].is_string(), "{shown}");
    shown
}

fn calls(server: &Server) -> u64 {
    let plugins = server.person("ada").get("/api/v1/plugins").body;
    let gate = plugins["items"].as_array().unwrap().iter().find(|plugin| plugin["binding"] == "gate").unwrap().clone();
    gate["usage"]["calls"].as_u64().unwrap()
}

#[test]
fn a_policy_that_keeps_failing_is_out_its_fallback_answers_and_a_probe_brings_it_back() {
    let rule = json!({"failures": 3, "window-seconds": 60, "backoff-seconds": 1, "longest-seconds": 2});
    let binding = json!({"plugin": "macadam/gate@1.0.0", "quarantine": rule, "on-error": "require-approval"});
    let server = with_gate(&[("1.0.0", "hostile-policy", HALF_BROKEN)], &binding);
    let dana = server.person("dana");
    for _ in 0..5 {
        let shown = preview(&dana, "prod");
        assert_eq!(shown.body["outcome"], "approval-required", "{shown:?}");
    }
    assert_eq!(state(&server)["state"], "active", "what leaves no trace takes nothing out");
    for index in 0..3 {
        let taken = submit(&dana, "prod", &format!("notes-{index}"));
        assert_eq!(taken.body["decision"]["outcome"], "approval-required", "{taken:?}");
    }
    let out = state(&server);
    assert_eq!(out["state"], "quarantined", "{out}");
    assert!(out["error"].as_str().unwrap().contains("trap") && out["until"].is_string(), "{out}");
    let before = calls(&server);
    let shown = preview(&dana, "dev");
    assert_eq!(shown.body["outcome"], "approval-required", "what would be answered is not asked: {shown:?}");
    assert!(shown.body["verdicts"][0]["error"].as_str().unwrap().contains("quarantine"), "{shown:?}");
    assert_eq!(calls(&server), before, "it was not called");
    let ready = server.person("ada").get("/readyz");
    assert_eq!((ready.status, &ready.body["quarantined"]), (200, &json!(["gate"])), "{ready:?}");

    until("the policy", &server, || (preview(&dana, "dev").body["outcome"] == "allowed").then_some(()));
    assert_eq!(state(&server)["state"], "active");
    let log = server.log();
    assert!(log.contains("is in quarantine") && log.contains("back from quarantine"), "{log}");
}

#[test]
fn the_last_good_version_answers_for_one_that_fails_and_goes_on_while_that_is_out() {
    let versions = [("1.0.0", "production-gate", ""), ("2.0.0", "hostile-policy", "act = \"trap\"")];
    let server = with_gate(&versions, &json!({"plugin": "macadam/gate@1.0.0"}));
    let (ada, dana) = (server.person("ada"), server.person("dana"));
    let binding = json!({
        "plugin": "macadam/gate@2.0.0", "on-error": "last-good", "quarantine": {"failures": 2, "backoff-seconds": 600},
    });
    assert_eq!(bind(&ada, "gate", &binding, None).status, 200);
    for index in 0..4 {
        let taken = submit(&dana, "prod", &format!("notes-{index}"));
        let decision = &taken.body["decision"];
        assert_eq!(decision["verdicts"][0]["plugin"]["version"], "1.0.0", "{taken:?}");
        assert_eq!(decision["outcome"], "approval-required", "it is the earlier version's own answer: {taken:?}");
        assert_eq!(decision["verdicts"][0]["error"], Value::Null, "{taken:?}");
    }
    assert_eq!(state(&server)["state"], "quarantined");
    assert_eq!(calls(&server), 4, "two to describe and check it, and two that failed");

    // Whoever binds it anew has decided that it is to be asked.
    assert_eq!(bind(&ada, "gate", &binding, None).status, 200);
    assert_eq!(state(&server)["state"], "active");
}

#[test]
fn the_last_good_version_stands_in_for_one_that_does_not_load_any_more() {
    let versions = [("1.0.0", "production-gate", ""), ("2.0.0", "production-gate", "")];
    let mut server = with_gate(&versions, &json!({"plugin": "macadam/gate@1.0.0"}));
    let binding = json!({"plugin": "macadam/gate@2.0.0", "on-error": "last-good"});
    assert_eq!(bind(&server.person("ada"), "gate", &binding, None).status, 200);
    server.stop();
    crate::lose_package(&server, "macadam/gate", "2.0.0");
    server.launch();
    let shown = preview(&server.person("dana"), "prod");
    assert_eq!(shown.body["verdicts"][0]["plugin"]["version"], "1.0.0", "{shown:?}");
    let state = state(&server);
    assert_eq!(state["state"], "last-good", "{state}");
    assert!(state["error"].as_str().unwrap().contains("2.0.0"), "{state}");
}

#[test]
fn without_a_last_good_version_the_request_is_denied() {
    let binding = json!({"plugin": "macadam/gate@2.0.0", "on-error": "last-good"});
    let server = with_gate(&[("2.0.0", "hostile-policy", "act = \"trap\"")], &binding);
    let shown = preview(&server.person("dana"), "dev");
    assert_eq!(shown.body["outcome"], "denied", "{shown:?}");
}

#[test]
fn going_back_ends_following_what_is_published() {
    let server = server();
    let (ada, dana) = (server.person("ada"), server.person("dana"));
    publish(&server, "amir", &policy_with("macadam/gate", "1.0.0", "production-gate", ""));
    assert_eq!(bind(&ada, "gate", &json!({"plugin": "macadam/gate@latest", "auto": true}), None).status, 200);
    publish(&server, "amir", &policy_with("macadam/gate", "1.1.0", "production-gate", ""));
    let version = || preview(&dana, "prod").body["verdicts"][0]["plugin"]["version"].clone();
    assert_eq!(version(), "1.1.0");
    assert_eq!(ada.post("/api/v1/bindings/gate/rollback", &json!({})).status, 200);
    assert_eq!(version(), "1.0.0");
    publish(&server, "amir", &policy_with("macadam/gate", "1.2.0", "production-gate", ""));
    assert_eq!(version(), "1.0.0", "it was taken back by a person, and stays so");
    let binding = ada.get("/api/v1/bindings/gate").body["binding"].clone();
    assert_eq!(binding["plugin"], "macadam/gate@1.0.0", "{binding}");
}

#[test]
fn what_was_taken_back_and_other_plugins_never_stand_in() {
    let versions = [
        ("1.0.0", "production-gate", ""),
        ("2.0.0", "hostile-policy", ""),
        ("3.0.0", "hostile-policy", "act = \"trap\""),
    ];
    let server = with_gate(&versions, &json!({"plugin": "macadam/gate@1.0.0"}));
    publish(&server, "amir", &policy_with("macadam/lax", "1.0.0", "hostile-policy", ""));
    let ada = server.person("ada");
    let go_to = |plugin: &str| {
        let bound = bind(&ada, "gate", &json!({"plugin": plugin, "on-error": "last-good"}), None);
        assert_eq!(bound.status, 200, "{bound:?}");
    };
    go_to("macadam/gate@2.0.0");
    assert_eq!(ada.post("/api/v1/bindings/gate/rollback", &json!({})).status, 200);
    go_to("macadam/lax@1.0.0");
    go_to("macadam/gate@3.0.0");
    let shown = preview(&server.person("dana"), "prod");
    let version = &shown.body["verdicts"][0]["plugin"];
    assert_eq!((&version["name"], &version["version"]), (&json!("macadam/gate"), &json!("1.0.0")), "{shown:?}");

    let yanked = server.person("amir").send("POST", "/api/v1/plugins/macadam/gate/2.0.0/yank", Some(&json!({})));
    assert!(yanked.status < 300, "{yanked:?}");
}

#[test]
fn a_generators_project_that_nobody_can_be_given_is_its_fault() {
    let server = server();
    let generator = |version: &str, act: &str| {
        crate::shipped("tests/hostile/guests/hostile-generator", version, |manifest| {
            manifest.replace("tests/hostile-generator", "macadam/hostile-generator") + &format!("act = \"{act}\"\n")
        })
    };
    publish(&server, "ada", &generator("1.0.0", "harmless"));
    publish(&server, "ada", &generator("2.0.0", "twins"));
    let (ada, dana) = (server.person("ada"), server.person("dana"));
    let binding = json!({"plugin": "macadam/hostile-generator@1.0.0", "canary": {"version": "2.0.0", "weight": 100}});
    assert_eq!(bind(&ada, "hostile-generator", &binding, None).status, 200);
    let made = dana.post("/api/v1/scaffolds", &json!({"template": "hostile", "name": "orders"}));
    assert_eq!(made.status, 201, "the active version makes it: {made:?}");
    assert_eq!(made.body["plugin"]["version"], "1.0.0", "{made:?}");
    until("the end of the canary", &server, || {
        let binding = ada.get("/api/v1/bindings/hostile-generator").body["binding"].clone();
        binding.get("canary").is_none().then_some(())
    });
}
