//! Trying a version on live requests: its share, its bounds, and what it may not do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use macadam_tests::server::{Answer, Person, Server};
use serde_json::{Value, json};

use crate::{answered, bind, policy_with, server};

fn preview(person: &Person<'_>, environment: &str, name: &str) -> Answer {
    let wish = json!({"environment": environment, "type": "local-directory", "name": name, "spec": {"quota_mb": 500}});
    person.post("/api/v1/preview", &wish)
}

fn with_gate(versions: &[(&str, &str, &str)], binding: &Value) -> Server {
    let server = server();
    for (version, code, settings) in versions {
        let package = policy_with("macadam/gate", version, code, settings);
        let published = server.person("amir").publish(package.archive());
        assert_eq!(published.status, 201, "{published:?}");
    }
    let bound = bind(&server.person("ada"), "gate", binding, None);
    assert_eq!(bound.status, 200, "{bound:?}");
    server
}

const TWO: [(&str, &str, &str); 2] = [("1.0.0", "production-gate", ""), ("1.1.0", "production-gate", "")];

fn canary(version: &str, weight: u8, more: &Value) -> Value {
    let mut canary = json!({"version": version, "weight": weight, "sticky": "request"});
    canary.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    json!({"plugin": "macadam/gate@1.0.0", "canary": canary})
}

/// Waits until the host has taken the canary out, and gives the newest revision.
fn rolled_back(server: &Server) -> Value {
    let (ada, begin) = (server.person("ada"), Instant::now());
    loop {
        let binding = ada.get("/api/v1/bindings/gate");
        if binding.body["binding"].get("canary").is_none() {
            return ada.get("/api/v1/bindings/gate/history").body["items"][0].clone();
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "the canary is still there: {binding:?}\n{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_canary_answers_its_share_and_a_request_keeps_its_version() {
    let server = with_gate(&TWO, &canary("1.1.0", 50, &json!({})));
    let dana = server.person("dana");
    let ask = |name: &str| {
        let shown = preview(&dana, "prod", name);
        (answered(&shown), shown.body["digest"].clone())
    };
    let first: BTreeMap<_, _> =
        (0..40).map(|index| format!("notes-{index}")).map(|name| (name.clone(), ask(&name))).collect();
    let versions: BTreeSet<_> = first.values().flat_map(|(versions, _)| versions.clone()).collect();
    assert_eq!(versions, BTreeSet::from(["1.0.0".to_owned(), "1.1.0".to_owned()]), "both answer some of forty");
    for (name, answer) in &first {
        assert_eq!(ask(name), *answer, "{name} meets the same version again, with the same digest");
    }
    let wish =
        |name: &str| json!({"environment": "prod", "type": "local-directory", "name": name, "spec": {"quota_mb": 500}});
    for (name, (version, _)) in first.iter().take(6) {
        let taken = dana.post("/api/v1/resources", &wish(name));
        assert_eq!(taken.body["decision"]["verdicts"][0]["plugin"]["version"], json!(version[0]), "{taken:?}");
    }
    for (weight, only) in [(0, "1.0.0"), (100, "1.1.0")] {
        assert_eq!(bind(&server.person("ada"), "gate", &canary("1.1.0", weight, &json!({})), None).status, 200);
        assert!((0..20).all(|index| ask(&format!("other-{index}")).0 == [only]), "at {weight} of a hundred");
    }
}

#[test]
fn what_a_canary_uses_is_counted_under_its_own_version() {
    let server = with_gate(&TWO, &canary("1.1.0", 100, &json!({})));
    let dana = server.person("dana");
    for index in 0..3 {
        assert_eq!(answered(&preview(&dana, "prod", &format!("notes-{index}"))), ["1.1.0"]);
    }
    let said = String::from_utf8(dana.download("/metrics")).expect("metrics are text");
    let series = "macadam_plugin_calls_total{plugin=\"macadam/gate\",version=\"1.1.0\",kind=\"approval-policy\"} ";
    let count = said.lines().find_map(|line| line.strip_prefix(series)?.parse::<u64>().ok());
    assert!(count.is_some_and(|calls| calls >= 3), "the canary's calls are seen while it is tried:\n{said}");
}

#[test]
fn a_canary_that_fails_hurts_no_request_and_is_rolled_back_with_the_reason_on_record() {
    for (act, word) in [("trap", "trap"), ("loop", "fuel")] {
        let settings = format!("act = \"{act}\"");
        let versions = [("1.0.0", "production-gate", ""), ("2.0.0", "hostile-policy", settings.as_str())];
        let server = with_gate(&versions, &canary("2.0.0", 100, &json!({})));
        let shown = preview(&server.person("dana"), "prod", "notes");
        assert_eq!(answered(&shown), ["1.0.0"], "the active version answers instead: {shown:?}");
        assert_eq!(shown.body["outcome"], "approval-required", "{shown:?}");
        let newest = rolled_back(&server);
        let reason = newest["reason"].as_str().unwrap();
        assert!(reason.contains("canary 2.0.0 was rolled back") && reason.contains(word), "{newest}");
        assert_eq!(newest["person"], Value::Null, "the host did it by itself");
        assert_eq!(server.person("ada").get("/readyz").status, 200);
    }
}

#[test]
fn a_canary_that_denies_more_than_its_bound_is_rolled_back() {
    let versions = [("1.0.0", "production-gate", ""), ("2.0.0", "required-tags", "tags = [{ key = \"owner\" }]")];
    let bounds = json!({"bounds": {"calls": 5, "denials": 10.0}});
    let server = with_gate(&versions, &canary("2.0.0", 50, &bounds));
    let dana = server.person("dana");
    for index in 0..60 {
        preview(&dana, "dev", &format!("notes-{index}"));
    }
    let newest = rolled_back(&server);
    assert!(newest["reason"].as_str().unwrap().contains("denies 100 of a hundred"), "{newest}");
}

#[test]
fn a_shadow_is_asked_beside_the_active_version_and_only_what_differs_is_told() {
    let shadow = json!({"plugin": "macadam/gate@1.0.0", "shadow": {"version": "1.1.0"}});
    let versions = [("1.0.0", "production-gate", ""), ("1.1.0", "production-gate", "classes = [\"development\"]")];
    let server = with_gate(&versions, &shadow);
    let dana = server.person("dana");
    let wish = |environment: &str| json!({"environment": environment, "type": "local-directory", "name": "notes", "spec": {"quota_mb": 500}});
    for environment in ["dev", "staging"] {
        let taken = dana.post("/api/v1/resources", &wish(environment));
        assert_eq!(taken.body["decision"]["verdicts"][0]["verdict"], "allow", "the active version counts: {taken:?}");
    }
    let begin = Instant::now();
    let of = |role: &str| dana.get(&format!("/api/v1/decisions?binding=gate&role={role}")).body["items"].clone();
    while of("shadow").as_array().unwrap().len() < 2 {
        assert!(begin.elapsed() < Duration::from_secs(30), "{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    let (active, shadows) = (of("active"), of("shadow"));
    let differing: Vec<_> =
        shadows.as_array().unwrap().iter().filter(|shadow| !shadow["difference"].is_null()).collect();
    assert_eq!(differing.len(), 1, "{shadows}");
    assert_eq!(differing[0]["subject"], "payments/dev/local-directory/notes");
    assert_eq!(differing[0]["difference"]["from"], "allow");
    assert!(differing[0]["difference"]["to"].as_str().unwrap().starts_with("require-approval"), "{differing:?}");
    let paired = active.as_array().unwrap().iter().any(|active| active["pair"] == differing[0]["pair"]);
    assert!(paired, "the answer that counted is found from it");
    let differences = server.person("ada").get("/api/v1/bindings/gate/differences");
    assert_eq!(differences.body["items"].as_array().map(Vec::len), Some(1), "{differences:?}");
}

#[test]
fn what_is_tried_must_be_there_and_be_well_formed() {
    let server = with_gate(&TWO, &json!({"plugin": "macadam/gate@1.0.0"}));
    let ada = server.person("ada");
    let active = || answered(&preview(&server.person("dana"), "prod", "notes"));
    for (what, binding) in [
        ("a canary that is not there", canary("7.0.0", 10, &json!({}))),
        ("a weight over a hundred", canary("1.1.0", 101, &json!({}))),
        ("a bound that does not exist", canary("1.1.0", 10, &json!({"bounds": {"fast": 1}}))),
        ("a shadow that is not there", json!({"plugin": "macadam/gate@1.0.0", "shadow": {"version": "7.0.0"}})),
    ] {
        let refused = bind(&ada, "gate", &binding, None);
        assert_eq!(refused.status, 422, "{what}: {refused:?}");
        assert_eq!(active(), ["1.0.0"], "after {what}");
    }
}

#[test]
fn a_canary_that_was_rolled_back_begins_anew_when_it_is_tried_again() {
    let versions = [("1.0.0", "production-gate", ""), ("2.0.0", "hostile-policy", "act = \"trap\"")];
    let server = with_gate(&versions, &canary("2.0.0", 100, &json!({})));
    let (dana, ada) = (server.person("dana"), server.person("ada"));
    preview(&dana, "prod", "notes");
    rolled_back(&server);
    // With a failure allowed, the first one of the second trial must not count as the second.
    let again = canary("2.0.0", 100, &json!({"bounds": {"failures": 1}}));
    assert_eq!(bind(&ada, "gate", &again, None).status, 200);
    preview(&dana, "prod", "notes");
    std::thread::sleep(Duration::from_millis(300));
    assert!(ada.get("/api/v1/bindings/gate").body["binding"].get("canary").is_some(), "one failure is allowed");
    preview(&dana, "prod", "notes");
    rolled_back(&server);
}

#[test]
fn a_canary_that_cannot_be_loaded_any_more_takes_nothing_with_it() {
    let mut server = with_gate(&TWO, &canary("1.1.0", 100, &json!({})));
    assert_eq!(answered(&preview(&server.person("dana"), "prod", "notes")), ["1.1.0"]);
    server.stop();
    crate::lose_package(&server, "macadam/gate", "1.1.0");
    server.launch();
    assert_eq!(answered(&preview(&server.person("dana"), "prod", "notes")), ["1.0.0"], "the version in force holds");
}
