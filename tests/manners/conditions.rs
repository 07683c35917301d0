//! `If-Match`: a change of what somebody has looked at, and of nothing else.

use macadam_tests::server::Person;
use serde_json::{Value, json};

use crate::{make_directory, server_with};

fn change_if(person: &Person<'_>, path: &str, body: &Value, tag: &str) -> (u16, String) {
    let answer = person.send_with("PUT", path, Some(body), &[("if-match", tag)]);
    (answer.status, answer.body["type"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_resource_is_changed_by_who_has_seen_it_as_it_is_and_by_nobody_else() {
    let server = server_with("");
    make_directory(&server, "ledger", "gold");
    let (dana, path) = (server.person("dana"), "/api/v1/resources/payments/dev/local-directory/ledger");
    let seen = dana.get(path).header("etag").to_owned();
    let change = json!({"spec": {"quota_mb": 128}});
    let changed = dana.send_with("PUT", path, Some(&change), &[("if-match", &seen)]);
    assert_eq!(changed.status, 202, "{changed:?}");
    assert_eq!(dana.wait_for(&changed.request()), "succeeded");
    let late = change_if(&dana, path, &json!({"spec": {"quota_mb": 256}}), &seen);
    assert_eq!(late, (412, "/problems/stale".to_owned()), "somebody was faster");
    assert_eq!(dana.get(path).body["spec"]["quota_mb"], 128, "a change that is refused changes nothing");
}

#[test]
fn what_has_no_revisions_refuses_a_condition_instead_of_ignoring_it() {
    let server = server_with("");
    let (dana, ada) = (server.person("dana"), server.person("ada"));
    let made = dana.post("/api/v1/webhooks", &json!({"url": "https://hooks.invalid/a"}));
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/api/v1/webhooks/{}", made.body["id"].as_str().expect("an id"));
    let seen = dana.get(&path).header("etag").to_owned();
    let change = json!({"description": "another"});
    assert_eq!(change_if(&dana, &path, &change, &seen), (400, "/problems/malformed".to_owned()));
    assert_eq!(dana.get(&path).body["description"], "", "a change that is refused changes nothing");
    assert_eq!(dana.send("PUT", &path, Some(&change)).status, 200, "without a condition it is done");

    let wish = json!({"team": "payments", "signatures": "optional"});
    assert_eq!(change_if(&ada, "/api/v1/namespaces/pay", &wish, "*"), (400, "/problems/malformed".to_owned()));
    assert_eq!(ada.send("PUT", "/api/v1/namespaces/pay", Some(&wish)).status, 200);
}
