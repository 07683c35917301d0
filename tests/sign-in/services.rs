//! Services, which call with a token of their own and are nobody.

use macadam_tests::identity::Machine;
use serde_json::{Value, json};

use crate::host;

fn bootstrap(server: &macadam_tests::server::Server, machine: &Machine) -> String {
    let data = server.data().to_str().unwrap();
    let made = machine.run(&[
        "--data",
        data,
        "token",
        "bootstrap",
        "--team",
        "platform",
        "--name",
        "setup",
        "--role",
        "admin",
        "--days",
        "1",
    ]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let token = made.said.trim().to_owned();
    assert!(token.starts_with("mcs_") && token.len() == 68, "the token stands alone on standard output: {made:?}");
    token
}

#[test]
fn without_development_mode_and_without_a_provider_a_host_says_what_to_do_and_its_operator_gets_in() {
    let server = host("");
    assert!(server.log().contains("no person can sign in"), "{}", server.log());
    assert!(!server.data().join("tokens.txt").exists() && !server.data().join("people.toml").exists());
    let machine = Machine::new();
    let token = bootstrap(&server, &machine);
    let whoami = server.bearing(&token).get("/api/v1/whoami");
    assert_eq!(whoami.status, 200, "{whoami:?}");
    assert_eq!(whoami.body["person"], "macadam-service.platform.setup");
    assert_eq!(whoami.body["credential"]["kind"], "service-token");
    let shown = machine.run(&["--server", &server.url(""), "--token", &token, "token", "list"]);
    assert!(shown.said.contains("platform/setup") && !shown.said.contains("mcs_"), "{shown:?}");
    let text = std::fs::read(server.data().join("macadam.db")).unwrap();
    let wal = std::fs::read(server.data().join("macadam.db-wal")).unwrap_or_default();
    let holds = |bytes: &[u8]| bytes.windows(token.len()).any(|window| window == token.as_bytes());
    assert!(!holds(&text) && !holds(&wal) && !server.log().contains(&token), "the token itself is kept nowhere");
}

#[test]
fn a_service_asks_for_things_and_decides_on_nothing_until_its_token_is_revoked() {
    // With the people of development, so that somebody is there to make tokens without a browser.
    let setup = macadam_tests::server::Setup::without_postgres();
    let server = macadam_tests::server::Server::start(&setup);
    let (dana, amir, ada) = (server.person("dana"), server.person("amir"), server.person("ada"));
    let wish = |roles: &[&str]| json!({"name": "deploy", "roles": roles, "scopes": ["*"], "expires_in_days": 30});
    let made = dana.post("/api/v1/service-tokens", &wish(&["developer"]));
    assert_eq!(made.status, 201, "{made:?}");
    let token = made.body["token"].as_str().unwrap().to_owned();
    let service = server.bearing(&token);

    let directory =
        json!({"environment": "prod", "type": "local-directory", "name": "ledger", "tags": {"owner": "payments"}});
    let asked = service.post("/api/v1/resources", &directory);
    assert_eq!(asked.status, 202, "{asked:?}");
    let request = asked.request();
    assert_eq!(service.approve(&request).status, 403, "a service decides on nothing");
    assert_eq!(dana.approve(&request).status, 403, "dana is no approver");

    // Amir approves, but not what asks with a token of his making: that is his own request.
    let grown = ada.post(
        "/api/v1/service-tokens",
        &json!({"name": "robot", "team": "platform", "roles": ["developer"],
        "scopes": ["*"], "expires_in_days": 1}),
    );
    assert_eq!(grown.status, 201, "{grown:?}");
    let robot = server.bearing(grown.body["token"].as_str().unwrap());
    let asked = robot.post(
        "/api/v1/resources",
        &json!({"environment": "prod", "type": "local-directory", "name": "own",
        "tags": {"owner": "platform"}}),
    );
    assert_eq!(asked.status, 202, "{asked:?}");
    let refused = ada.approve(&asked.request());
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.body["detail"].as_str().unwrap().contains("token of your making"), "{refused:?}");
    let question = format!("/api/v1/authorize?action=request.approve&request={}", asked.request());
    let answer = ada.get(&question).body;
    assert_eq!(answer["allowed"], false, "and she is told so if she asks beforehand: {answer}");
    assert!(answer["because"].as_str().unwrap().contains("token of your making"), "{answer}");
    assert_eq!(amir.approve(&asked.request()).status, 200, "somebody else may");
    assert_eq!(amir.approve(&request).status, 200);
    assert_eq!(amir.wait_for(&request), "succeeded");

    let id = made.body["id"].as_str().unwrap();
    assert_eq!(
        server.person("amir").send("DELETE", &format!("/api/v1/service-tokens/{id}"), None).status,
        404,
        "not his team's"
    );
    assert_eq!(dana.send("DELETE", &format!("/api/v1/service-tokens/{id}"), None).status, 200);
    let out = service.get("/api/v1/whoami");
    assert_eq!(out.status, 401, "a revoked token counts no more, at once");
    assert!(out.body["detail"].as_str().unwrap().contains("revoked"), "{out:?}");
}

#[test]
fn a_token_has_no_more_than_its_maker_and_whatever_is_wrong_with_a_wish_is_named() {
    let server = macadam_tests::server::Server::start(&macadam_tests::server::Setup::without_postgres());
    let dana = server.person("dana");
    let but = |change: Value| {
        let mut wish = json!({"name": "ci", "roles": ["developer"], "scopes": ["resource.*"], "expires_in_days": 7});
        for (name, value) in change.as_object().unwrap() {
            wish[name] = value.clone();
        }
        dana.post("/api/v1/service-tokens", &wish)
    };
    for (change, status, word) in [
        (json!({"roles": ["admin"]}), 403, "admin"),
        (json!({"roles": ["auditor", "developer"]}), 403, "auditor"),
        (json!({"team": "platform"}), 403, "platform"),
        (json!({"roles": []}), 422, "/roles"),
        (json!({"scopes": []}), 422, "/scopes"),
        (json!({"scopes": ["everything"]}), 422, "/scopes/0"),
        (json!({"scopes": ["resource.read", "resource.raed"]}), 422, "/scopes/1"),
        (json!({"scopes": ["resources.*"]}), 422, "/scopes/0"),
        (json!({"name": "Not A Name"}), 422, "/name"),
        (json!({"name": "n".repeat(49)}), 422, "/name"),
        (json!({"expires_in_days": 0}), 422, "/expires_in_days"),
        (json!({"expires_in_days": 367}), 422, "/expires_in_days"),
        (json!({"expires_in_days": i64::MAX}), 422, "/expires_in_days"),
        (json!({"roles": ["king"]}), 422, "/roles/0"),
        (json!({"more": 1}), 422, "/more"),
    ] {
        let refused = but(change.clone());
        assert_eq!(refused.status, status, "{change}: {refused:?}");
        assert!(refused.body.to_string().contains(word), "{word:?} in {refused:?}");
    }
    let ada = server.person("ada");
    let of_nobody = ada.post(
        "/api/v1/service-tokens",
        &json!({"name": "ci", "team": "nobody", "roles": ["developer"],
        "scopes": ["catalog.read"], "expires_in_days": 7}),
    );
    assert_eq!(
        (of_nobody.status, of_nobody.body["violations"][0]["field"].as_str()),
        (422, Some("/team")),
        "{of_nobody:?}"
    );
    let approver = ada.post(
        "/api/v1/service-tokens",
        &json!({"name": "ci", "roles": ["approver"], "scopes": ["*"],
        "expires_in_days": 7}),
    );
    assert_eq!(approver.status, 422, "a service never approves, whoever makes it: {approver:?}");
    assert_eq!(dana.get("/api/v1/service-tokens").body["items"], json!([]), "whatever was refused left nothing");

    let made = but(json!({}));
    let service = server.bearing(made.body["token"].as_str().unwrap());
    let child = service.post(
        "/api/v1/service-tokens",
        &json!({"name": "child", "roles": ["developer"],
        "scopes": ["resource.*"], "expires_in_days": 1}),
    );
    assert_eq!(child.status, 403, "a token makes no other, or a stolen one would live for ever: {child:?}");
    let (id, own) = (made.body["id"].as_str().unwrap(), but(json!({"name": "other"})));
    let path = |id: &str| format!("/api/v1/service-tokens/{id}");
    assert_eq!(service.send("DELETE", &path(own.body["id"].as_str().unwrap()), None).status, 404, "nor sees another");
    assert_eq!(service.send("DELETE", &path(id), None).status, 200, "its own it may give up");
    assert_eq!(service.get("/api/v1/whoami").status, 401);
    for id in ["x", "0198c0de-0000-7000-8000-000000000000"] {
        assert_eq!(dana.send("DELETE", &path(id), None).status, 404);
    }
}

#[test]
fn an_administrator_gets_nothing_by_a_token_for_another_team_that_only_its_members_or_auditors_may_have() {
    let server = macadam_tests::server::Server::start(&macadam_tests::server::Setup::without_postgres());
    let (dana, ada) = (server.person("dana"), server.person("ada"));
    let make = |team: &str, roles: &[&str], scopes: &[&str]| {
        let wish = json!({"name": "probe", "team": team, "roles": roles, "scopes": scopes, "expires_in_days": 1});
        ada.post("/api/v1/service-tokens", &wish)
    };
    for (scope, action) in [
        ("*", "resource.use"),
        ("resource.*", "resource.use"),
        ("resource.use", "resource.use"),
        ("decision.*", "decision.read"),
        ("decision.read", "decision.read"),
        ("audit.*", "audit.read"),
        ("audit.read", "audit.read"),
    ] {
        let refused = make("payments", &["developer"], &["catalog.read", scope]);
        assert_eq!(refused.status, 422, "{scope}: {refused:?}");
        let violation = &refused.body["violations"][0];
        assert_eq!(violation["field"], "/scopes", "{refused:?}");
        let said = violation.to_string();
        assert!(said.contains(action) && said.contains("a member of payments"), "the remedy is told: {refused:?}");
    }
    for team in ["payments", "platform"] {
        let refused = make(team, &["auditor"], &["catalog.read"]);
        assert_eq!(refused.status, 403, "what auditors read is not an administrator's to give: {refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains("auditor"), "{refused:?}");
    }
    let left = dana.get("/api/v1/service-tokens").body["items"].clone();
    assert_eq!(left, json!([]), "whatever was refused left nothing");

    let made = make("payments", &["developer"], &["resource.read", "resource.create", "request.read"]);
    assert_eq!(made.status, 201, "administrators act for any team, and so may a service: {made:?}");
    assert_eq!(make("platform", &["publisher"], &["*"]).status, 201, "in their own team they are members");
}
