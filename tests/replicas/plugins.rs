//! What can be had, what is active, and whose signatures count is the same on every host.

use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use macadam_registry::signature::{SigningKey, sign};
use macadam_tests::replicas::{Place, Replicas};
use serde_json::json;

use crate::{CONFIG, activate, answered, asks, bind, policy, publish, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_through_one_is_activated_through_another_and_asked_by_a_third() {
    for place in [Place::Directory, Place::S3] {
        let replicas = Replicas::start(3, place, CONFIG).await;
        let [a, b, c] = replicas.servers.as_slice() else { panic!("there are three") };
        publish(a, "1.0.0");
        activate(b, "1.0.0");
        assert_eq!(answered(b), ["1.0.0"], "whoever changed it has it at once");
        asks(c, &["1.0.0"]);
        asks(a, &["1.0.0"]);
        publish(c, "1.1.0");
        activate(a, "1.1.0");
        asks(b, &["1.1.0"]);
        let back = c.person("ada").post("/api/v1/bindings/gate/rollback", &json!({"reason": "a test"}));
        assert_eq!(back.status, 200, "{back:?}");
        asks(a, &["1.0.0"]);
        asks(b, &["1.0.0"]);
        let yanked = a.person("amir").send("POST", "/api/v1/plugins/macadam/gate/1.1.0/yank", None);
        assert_eq!(yanked.status, 204, "{yanked:?}");
        let refused = bind(c, &json!({"plugin": "macadam/gate@^1.1"}));
        assert_eq!(refused.status, 422, "what was yanked is found nowhere: {refused:?}");
        let removed = b.person("ada").send("DELETE", "/api/v1/bindings/gate", None);
        assert_eq!(removed.status, 204, "{removed:?}");
        asks(a, &[]);
        asks(c, &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_through_one_takes_what_it_signed_out_on_all() {
    let replicas = Replicas::start(2, Place::Directory, CONFIG).await;
    let [a, b] = replicas.servers.as_slice() else { panic!("there are two") };
    let key = SigningKey::generate().unwrap();
    let trusted =
        a.person("ada").post("/api/v1/namespaces/macadam/keys", &json!({"public_key": key.public().to_string()}));
    assert_eq!(trusted.status, 200, "{trusted:?}");
    let package = policy("1.0.0", "production-gate", "");
    let signature = BASE64_STANDARD.encode(sign(&package, &key).to_bytes());
    let published = b.person("amir").publish_signed(package.archive(), Some(&signature));
    assert_eq!(published.status, 201, "a key that is trusted on one counts on all: {published:?}");
    activate(b, "1.0.0");
    asks(a, &["1.0.0"]);
    let revoked = json!({"key": key.id().to_string(), "reason": "it leaked"});
    assert_eq!(a.person("ada").post("/api/v1/namespaces/macadam/revocations", &revoked).status, 200);
    for server in [a, b] {
        until("a denial", server, || {
            let shown = crate::preview(&server.person("dana"));
            (shown.body["outcome"] == "denied").then_some(())
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_nobody_was_told_of_is_found_all_the_same() {
    let replicas = Replicas::start(2, Place::Directory, CONFIG).await;
    let [a, b] = replicas.servers.as_slice() else { panic!("there are two") };
    publish(a, "1.0.0");
    publish(a, "1.1.0");
    let cut = "select pg_terminate_backend(pid)::text from pg_stat_activity where query ilike 'listen%'";
    for version in ["1.0.0", "1.1.0", "1.0.0"] {
        let cut = replicas.postgres.query(cut).await;
        assert!(!cut.is_empty(), "hosts listen, also after they were cut off");
        activate(a, version);
        asks(b, &[version]);
        until("listening anew", b, || {
            let listens = "select pid::text from pg_stat_activity where query ilike 'listen%'";
            let listening = tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(replicas.postgres.query(listens))
            });
            (listening.len() == 2).then_some(())
        });
    }
    assert!(b.log().contains("listening anew"), "that it was cut off is said: {}", b.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_to_one_fails_while_another_changes_what_is_active() {
    let replicas = Replicas::start(2, Place::Directory, CONFIG).await;
    let [a, b] = replicas.servers.as_slice() else { panic!("there are two") };
    publish(a, "1.0.0");
    publish(a, "1.1.0");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut seen = std::collections::BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                // It asserts that the request was answered.
                seen.extend(answered(b));
            }
            seen
        });
        for index in 0..20 {
            let version = ["1.0.0", "1.1.0"][index % 2];
            activate(a, version);
            asks(b, &[version]);
        }
        done.store(true, Ordering::Relaxed);
        assert_eq!(asking.join().unwrap().len(), 2, "both were asked while they took turns");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_breaks_its_bound_on_one_is_out_on_all() {
    let replicas = Replicas::start(2, Place::Directory, CONFIG).await;
    let [a, b] = replicas.servers.as_slice() else { panic!("there are two") };
    publish(a, "1.0.0");
    let trap = policy("2.0.0", "hostile-policy", "act = \"trap\"");
    assert_eq!(a.person("amir").publish(trap.archive()).status, 201);
    activate(a, "1.0.0");
    let binding = json!({
        "plugin": "macadam/gate@1.0.0",
        "canary": {"version": "2.0.0", "weight": 100, "bounds": {"failures": 0}},
    });
    let bound = bind(a, &binding);
    assert_eq!(bound.status, 200, "{bound:?}");
    until("the canary on the other one", b, || {
        b.person("ada").get("/api/v1/bindings/gate").body["binding"].get("canary").map(drop)
    });
    until("the end of the canary", b, || {
        let asked = b.person("dana").post("/api/v1/resources", &crate::directory("prod", "notes"));
        assert!(asked.status < 500, "a canary that fails hurts nobody: {asked:?}");
        let shown = a.person("ada").get("/api/v1/bindings/gate");
        shown.body["binding"].get("canary").is_none().then_some(())
    });
    asks(a, &["1.0.0"]);
}
