//! Every kind of plugin can be tried on live requests: what it says as a canary counts, what it says as a shadow does
//! not, and a shadow changes nothing.

use macadam_registry::Package;
use macadam_tests::server::{Answer, Person, Server};
use serde_json::{Value, json};

use crate::audit::change_the_store;
use crate::{bind, publish, server, shipped, until};

fn directory(name: &str) -> Value {
    json!({"environment": "dev", "type": "local-directory", "name": name, "spec": {"quota_mb": 1024}})
}

/// The decisions of a binding in a role, once there are so many.
fn decisions(server: &Server, binding: &str, role: &str, count: usize) -> Vec<Value> {
    until(&format!("{count} decisions as {role}"), server, || {
        let dana = server.person("dana");
        let shown = dana.get(&format!("/api/v1/decisions?binding={binding}&role={role}"));
        let items = shown.body["items"].as_array().unwrap_or_else(|| panic!("{shown:?}")).clone();
        (items.len() >= count).then_some(items)
    })
}

fn rebind(server: &Server, name: &str, change: &Value) -> Answer {
    let ada = server.person("ada");
    let mut binding = ada.get(&format!("/api/v1/bindings/{name}")).body["binding"].clone();
    binding.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    bind(&ada, name, &binding, None)
}

fn rate_card(version: &str, price: &str) -> Package {
    shipped("guests/estimators/rate-card", version, |manifest| {
        manifest.replace("price = \"0.02\"", &format!("price = \"{price}\""))
    })
}

#[test]
fn an_estimators_canary_prices_its_share_and_its_shadow_is_only_compared() {
    let server = server();
    publish(&server, "ada", &rate_card("8.0.0", "0.5"));
    publish(&server, "ada", &rate_card("8.1.0", "2"));
    let ada = server.person("ada");
    let bound = bind(&ada, "rate-card", &json!({"plugin": "macadam/rate-card@8.0.0"}), None);
    assert_eq!(bound.status, 200, "{bound:?}");
    let dana = server.person("dana");
    let monthly = |person: &Person<'_>| {
        let shown = person.post("/api/v1/preview", &directory("notes"));
        shown.body["cost"]["monthly"].as_str().map_or_else(|| panic!("{shown:?}"), str::to_owned)
    };
    assert_eq!(monthly(&dana).parse(), Ok(0.5));

    let shadow = rebind(&server, "rate-card", &json!({"shadow": {"version": "8.1.0"}}));
    assert_eq!(shadow.status, 200, "{shadow:?}");
    let taken = dana.post("/api/v1/resources", &directory("notes"));
    assert_eq!(taken.body["decision"]["cost"]["monthly"].as_str().and_then(|cost| cost.parse().ok()), Some(0.5));
    let said = decisions(&server, "rate-card", "shadow", 1);
    let difference = &said[0]["difference"];
    assert!(difference["from"].as_str().unwrap().starts_with("0.5"), "{difference}");
    assert!(difference["to"].as_str().unwrap().starts_with('2'), "{difference}");

    let canary = json!({"shadow": null, "canary": {"version": "8.1.0", "weight": 100}});
    assert_eq!(rebind(&server, "rate-card", &canary).status, 200);
    assert_eq!(monthly(&dana).parse(), Ok(2.0), "the canary's price counts");
}

#[test]
fn a_generators_canary_makes_the_project_and_its_shadow_does_not() {
    let server = server();
    for version in ["8.0.0", "8.1.0"] {
        publish(&server, "ada", &shipped("guests/generators/rest-api", version, |manifest| manifest));
    }
    let bound = bind(&server.person("ada"), "rest-api", &json!({"plugin": "macadam/rest-api@8.0.0"}), None);
    assert_eq!(bound.status, 200, "{bound:?}");
    let dana = server.person("dana");
    let made_by = |name: &str| {
        let parameters = json!({"description": "A test.", "owner": "payments"});
        let wish = json!({"template": "rest-api", "name": name, "parameters": parameters});
        let made = dana.post("/api/v1/scaffolds", &wish);
        assert_eq!(made.status, 201, "{made:?}");
        made.body["plugin"]["version"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(made_by("orders"), "8.0.0");
    assert_eq!(rebind(&server, "rest-api", &json!({"shadow": {"version": "8.1.0"}})).status, 200);
    assert_eq!(made_by("bills"), "8.0.0");
    let said = decisions(&server, "rest-api", "shadow", 1);
    assert_eq!(said[0]["difference"], Value::Null, "the same code makes the same project: {said:?}");
    let canary = json!({"shadow": null, "canary": {"version": "8.1.0", "weight": 100}});
    assert_eq!(rebind(&server, "rest-api", &canary).status, 200);
    assert_eq!(made_by("mails"), "8.1.0");
}

#[test]
fn a_providers_canary_makes_new_resources_which_stay_with_the_version_that_made_them() {
    let server = server();
    for version in ["8.0.0", "8.1.0"] {
        publish(&server, "ada", &shipped("guests/providers/local-directory", version, |manifest| manifest));
    }
    assert_eq!(rebind(&server, "local-directory", &json!({"plugin": "macadam/local-directory@8.0.0"})).status, 200);
    let canary = json!({"canary": {"version": "8.1.0", "weight": 100}});
    assert_eq!(rebind(&server, "local-directory", &canary).status, 200);
    let dana = server.person("dana");
    let make = |name: &str| {
        let taken = dana.post("/api/v1/resources", &directory(name));
        assert_eq!(taken.status, 202, "{taken:?}");
        assert_eq!(dana.wait_for(&taken.request()), "succeeded", "{}", server.log());
        dana.get(&format!("/api/v1/resources/payments/dev/local-directory/{name}")).body["provider"].clone()
    };
    assert!(make("notes").as_str().unwrap().contains("8.1.0"));
    assert_eq!(rebind(&server, "local-directory", &json!({"canary": null})).status, 200);
    assert!(make("letters").as_str().unwrap().contains("8.0.0"));
    let path = "/api/v1/resources/payments/dev/local-directory/notes";
    let changed = dana.send("PUT", path, Some(&json!({"spec": {"quota_mb": 2048}})));
    assert_eq!(dana.wait_for(&changed.request()), "succeeded", "{}", server.log());
    assert!(dana.get(path).body["provider"].as_str().unwrap().contains("8.1.0"), "it stays with its version");
}

fn hostile_provider(version: &str, act: &str) -> Package {
    shipped("tests/hostile/guests/hostile-provider", version, |manifest| {
        manifest.replace("tests/hostile-provider", "macadam/hostile-provider") + &format!("act = \"{act}\"\n")
    })
}

fn with_hostile_provider(versions: &[(&str, &str)], binding: &Value) -> Server {
    let server = server();
    for (version, act) in versions {
        publish(&server, "ada", &hostile_provider(version, act));
    }
    let bound = bind(&server.person("ada"), "hostile-provider", binding, None);
    assert_eq!(bound.status, 200, "{bound:?}");
    server
}

fn hostile(name: &str) -> Value {
    json!({"environment": "dev", "type": "hostile", "name": name})
}

#[test]
fn a_providers_shadow_is_asked_for_its_plan_with_nothing_that_it_could_change_something_with() {
    let binding = json!({
        "plugin": "macadam/hostile-provider@1.0.0", "grants": ["files:workspaces"], "shadow": {"version": "2.0.0"},
    });
    let server = with_hostile_provider(&[("1.0.0", "fine"), ("2.0.0", "write-in-plan")], &binding);
    let dana = server.person("dana");
    assert_eq!(dana.post("/api/v1/resources", &hostile("secretly")).status, 202);
    let said = decisions(&server, "hostile-provider", "shadow", 1);
    let to = said[0]["difference"]["to"].as_str().unwrap_or_else(|| panic!("{said:?}"));
    assert!(to.starts_with("capability-denied") && to.contains("files:workspaces"), "{to}");
    let written = server.data().join("workspaces/planned-secretly");
    assert!(!written.exists(), "a shadow wrote {}", written.display());

    // The same version in force has its grant: it is the shadow's place that takes it away.
    let in_force = json!({"plugin": "macadam/hostile-provider@2.0.0", "grants": ["files:workspaces"]});
    assert_eq!(bind(&server.person("ada"), "hostile-provider", &in_force, None).status, 200);
    assert_eq!(dana.post("/api/v1/resources", &hostile("openly")).status, 202);
    assert!(server.data().join("workspaces/planned-openly").exists());
}

#[test]
fn what_providers_planned_is_on_record_and_can_be_asked_again() {
    let binding = json!({"plugin": "macadam/hostile-provider@1.0.0", "grants": ["files:workspaces"]});
    let server = with_hostile_provider(&[("1.0.0", "fine"), ("2.0.0", "write-in-plan")], &binding);
    let dana = server.person("dana");
    for name in ["one", "two"] {
        assert_eq!(dana.post("/api/v1/resources", &hostile(name)).status, 202);
    }
    assert_eq!(decisions(&server, "hostile-provider", "active", 2)[0]["kind"], "plan");
    let ada = server.person("ada");
    let same = ada.post("/api/v1/replays", &json!({"plugin": "macadam/hostile-provider@1.0.0"})).body;
    assert_eq!((&same["asked"], &same["same"]), (&json!(2), &json!(2)), "{same}");
    assert_eq!(same["fuel"]["recorded"], same["fuel"]["candidate"], "{same}");
    let wish = json!({"plugin": "macadam/hostile-provider@2.0.0", "settings": {}});
    let other = ada.post("/api/v1/replays", &wish).body;
    assert_eq!((&other["asked"], &other["failed"]), (&json!(2), &json!(2)), "it has no grants: {other}");
    assert!(!server.data().join("workspaces/planned-one").exists());
}

#[test]
fn a_provider_that_is_never_done_is_given_up_and_its_job_ends() {
    let server =
        with_hostile_provider(&[("1.0.0", "never-done")], &json!({"plugin": "macadam/hostile-provider@1.0.0"}));
    let dana = server.person("dana");
    let taken = dana.post("/api/v1/resources", &hostile("endless"));
    assert_eq!(taken.status, 202, "{taken:?}");
    let job = || dana.get("/api/v1/jobs").body["items"][0].clone();
    let wait_until = |what: &str, is_so: &dyn Fn(&Value) -> bool| {
        until(what, &server, || is_so(&job()).then_some(()));
    };
    let a_week_goes_by = || change_the_store(&server, "UPDATE jobs SET phase_since = phase_since - 604800000000");
    wait_until("it gets on", &|job| job["phase"] == "provision" && job["attempt"].as_u64() > Some(2));
    a_week_goes_by();
    // It is as endless in undoing, for which the time begins anew.
    wait_until("it is undone", &|job| job["phase"] == "undo" && job["attempt"].as_u64() > Some(2));
    assert_ne!(job()["state"], "dead", "{}", job());
    a_week_goes_by();
    wait_until("its job has ended", &|job| job["state"] == "dead");
    let error = job()["error"].as_str().unwrap_or_default().to_owned();
    for part in ["the provider has been at it since", "`longest-work-hours`", "it last said: soon", "; undoing it: "] {
        assert!(error.contains(part), "{part:?} is missing in: {error}");
    }
    assert_eq!(dana.wait_for(&taken.request()), "failed");
    // Tried again, it is given its time again.
    let before = job()["attempt"].as_u64().unwrap();
    let again = server.cli("ada", &["job", "retry", job()["id"].as_str().unwrap()]);
    assert!(again.status.success(), "{again:?}");
    // One step there is in any case; whoever takes up a second and a third has been given time.
    wait_until("it gets on again", &|job| job["attempt"].as_u64() > Some(before + 2));
    assert_ne!(job()["state"], "dead", "{}", job());
}

#[test]
fn a_canary_that_makes_something_else_is_refused() {
    let server = server();
    let other = shipped("guests/providers/local-directory", "8.0.0", |manifest| manifest);
    publish(&server, "ada", &other);
    let impostor = macadam_registry::pack(
        &std::fs::read_to_string(
            macadam_tests::components::source_root().join("tests/hostile/guests/hostile-provider/plugin.toml"),
        )
        .unwrap()
        .replace("tests/hostile-provider", "macadam/local-directory")
        .replace("version = \"0.1.0\"", "version = \"8.1.0\""),
        &macadam_tests::components::component("hostile-provider"),
        "Another.",
        macadam_registry::Versioning::AsWritten,
    )
    .unwrap();
    publish(&server, "ada", &impostor);
    let canary = json!({"plugin": "macadam/local-directory@8.0.0", "canary": {"version": "8.1.0", "weight": 1}});
    let refused = rebind(&server, "local-directory", &canary);
    assert_eq!(refused.status, 422, "{refused:?}");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("makes hostile and not local-directory"), "{detail}");
}

#[test]
fn a_trial_is_begun_ended_and_promoted_by_command() {
    let server = server();
    for version in ["8.0.0", "8.1.0"] {
        publish(&server, "ada", &shipped("guests/providers/local-directory", version, |manifest| manifest));
    }
    assert_eq!(rebind(&server, "local-directory", &json!({"plugin": "macadam/local-directory@8.0.0"})).status, 200);
    let run = |arguments: &[&str]| {
        let output = server.cli("ada", &[&["plugin"], arguments].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout) + &text(&output.stderr))
    };
    let binding = || server.person("ada").get("/api/v1/bindings/local-directory").body["binding"].clone();

    let (code, shown) = run(&["canary", "local-directory", "8.1.0", "--weight", "20", "--denials", "5"]);
    assert_eq!(code, 0, "{shown}");
    let canary = binding()["canary"].clone();
    assert_eq!((&canary["weight"], &canary["bounds"]["denials"]), (&json!(20), &json!(5.0)), "{canary}");
    assert_eq!(run(&["canary", "local-directory", "--end"]).0, 0);
    assert_eq!(binding()["canary"], Value::Null);
    let (code, shown) = run(&["canary", "local-directory", "--end"]);
    assert_eq!((code, shown.contains("has no canary")), (1, true), "{shown}");
    let (code, shown) = run(&["shadow", "nobody", "8.1.0"]);
    assert_eq!((code, shown.contains("there is no binding nobody")), (1, true), "{shown}");

    assert_eq!(run(&["shadow", "local-directory", "8.1.0"]).0, 0);
    assert_eq!(binding()["shadow"]["version"], "8.1.0");
    assert_eq!(run(&["canary", "local-directory", "8.1.0"]).0, 0);
    let (code, shown) = run(&["promote", "local-directory", "--reason", "no differences"]);
    assert_eq!(code, 0, "{shown}");
    let promoted = binding();
    assert_eq!(promoted["plugin"], "macadam/local-directory@8.1.0", "{promoted}");
    assert_eq!(promoted["canary"], Value::Null, "{promoted}");
    assert!(promoted["grants"][0] == "files:workspaces", "what else it says stays: {promoted}");
}
