//! Bad input gets an error that names the field and the remedy, and changes nothing.

use macadam_tests::server::{Server, Setup};
use serde_json::json;

#[test]
fn whatever_is_wrong_with_a_request_is_named() {
    let server = Server::start(&Setup::without_postgres());
    let dana = server.person("dana");
    let good = json!({
        "environment": "dev", "type": "local-directory", "name": "notes", "spec": {}, "tags": {"owner": "payments"},
    });
    let with = |field: &str, value: serde_json::Value| {
        let mut wish = good.clone();
        wish[field] = value;
        wish
    };
    for (wish, field) in [
        (with("environment", json!("nowhere")), "environment"),
        (with("type", json!("spaceship")), "type"),
        (with("name", json!("Not A Name")), "name"),
        (with("spec", json!({"colour": "red"})), "spec"),
        (with("tags", json!({"owner": "a\nb"})), "tags"),
        (with("ttl_seconds", json!(0)), "ttl_seconds"),
        (with("team", json!("platform")), "team"),
    ] {
        let refused = dana.post("/api/v1/resources", &wish);
        assert!([400, 422].contains(&refused.status), "{wish} must be refused: {refused:?}");
        assert!(refused.body.to_string().contains(field), "the field {field} is named: {refused:?}");
        assert!(refused.body["title"].is_string() && refused.body["status"] == refused.status, "{refused:?}");
    }
    assert_eq!(dana.get("/api/v1/resources").body["items"].as_array().map(Vec::len), Some(0));
    assert_eq!(dana.get("/api/v1/nothing").status, 404);
}

#[test]
fn nobody_gets_in_without_a_token_and_teams_do_not_see_each_other() {
    let server = Server::start(&Setup::without_postgres());
    let (dana, amir) = (server.person("dana"), server.person("amir"));
    let anonymous = ureq::get(server.url("/api/v1/resources")).config().http_status_as_error(false).build().call();
    assert_eq!(anonymous.unwrap().status(), 401);
    assert_eq!(ureq::get(server.url("/healthz")).call().unwrap().status(), 200, "health is open");
    let wish = json!({
        "environment": "dev", "type": "local-directory", "name": "notes", "spec": {}, "tags": {"owner": "payments"},
    });
    let taken = dana.post("/api/v1/resources", &wish);
    assert_eq!(dana.wait_for(&taken.request()), "succeeded", "{}", server.log());
    let path = "/api/v1/resources/payments/dev/local-directory/notes";
    assert_eq!(amir.get(path).status, 200, "an approver sees what he decides on");
    let deleted = amir.send("DELETE", path, None);
    assert_eq!(deleted.status, 403, "but changes nothing of another team: {deleted:?}");
    assert_eq!(amir.get(&format!("{path}/credentials")).status, 403, "and reads no credentials");
}

#[test]
fn the_same_idempotency_key_gives_the_first_answer_again_also_after_a_restart() {
    let mut server = Server::start(&Setup::without_postgres());
    let ask = |server: &Server, name: &str| {
        let dana = server.person("dana");
        let wish = json!({
            "environment": "dev", "type": "local-directory", "name": name, "tags": {"owner": "payments"},
        });
        dana.send_with("POST", "/api/v1/resources", Some(&wish), &[("idempotency-key", "k-1")])
    };
    let first = ask(&server, "notes");
    assert_eq!(first.status, 202, "{first:?}");
    server.kill();
    server.launch();
    let again = ask(&server, "notes");
    assert_eq!((again.status, again.request()), (202, first.request()), "the first answer comes again: {again:?}");
    let other = ask(&server, "other");
    assert_eq!(other.status, 422, "the key belongs to the first request: {other:?}");
}

/// A server that is up but not ready, since one of its plugins is not active.
fn unready(config: impl Fn(String) -> String) -> Server {
    let mut setup = Setup::without_postgres();
    setup.config = config(setup.config);
    let mut server = Server::prepare(&setup);
    server.launch_without_waiting();
    let begin = std::time::Instant::now();
    loop {
        let answer = ureq::get(server.url("/readyz")).config().http_status_as_error(false).build().call();
        if let Ok(answer) = answer {
            assert_eq!(answer.status(), 503, "a host whose plugins are not all there is not ready");
            return server;
        }
        assert!(begin.elapsed().as_secs() < 60, "{}", server.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_plugin_that_does_not_load_is_named_with_its_reason() {
    let server = unready(|config| {
        let named = "plugin = \"macadam/required-tags@dev\"";
        config.replace(named, &format!("{named}\nlimits = {{ fuel = 100 }}"))
    });
    let ready = ureq::get(server.url("/readyz")).config().http_status_as_error(false).build().call();
    let body = ready.unwrap().body_mut().read_to_string().unwrap();
    assert!(body.contains("required-tags"), "readiness names the plugin: {body}");
    let listed = server.person("ada").get("/api/v1/plugins").body.to_string();
    assert!(listed.contains("fuel budget of 100"), "and the list of plugins the reason: {listed}");
}

#[test]
fn a_guardrail_that_is_not_there_holds_like_one_that_says_no() {
    let wish = json!({
        "environment": "prod", "type": "local-directory", "name": "notes", "tags": {"owner": "payments"},
    });
    for (version, on_error, expected) in
        [("9.9.9", "deny", 403), ("9.9.9", "require-approval", 202), ("not-a-version", "deny", 403)]
    {
        let server = unready(|config| {
            let bound = format!("plugin = \"macadam/production-gate@{version}\"\non-error = \"{on_error}\"");
            config.replace("plugin = \"macadam/production-gate@dev\"", &bound)
        });
        let answer = server.person("dana").post("/api/v1/resources", &wish);
        assert_eq!(answer.status, expected, "{version} {on_error}: {answer:?}");
        assert!(answer.body.to_string().contains("production-gate"), "the missing policy is named: {answer:?}");
        if expected == 202 {
            assert_eq!(answer.body["state"], "pending-approval", "it waits for a person: {answer:?}");
        }
    }
}
