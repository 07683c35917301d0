//! One host's death.

use macadam_tests::replicas::{Place, Replicas};
use macadam_tests::server::Server;
use serde_json::json;

use crate::{CONFIG, activate, asks, directory, publish, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_loses_nothing_and_the_others_do_its_work() {
    let mut replicas = Replicas::start(3, Place::Directory, CONFIG).await;
    let mut taken = Vec::new();
    let mut ask = |server: &Server, number: usize| {
        let asked = server.person("dana").post("/api/v1/resources", &directory("dev", &format!("files-{number}")));
        assert_eq!(asked.status, 202, "{asked:?}");
        taken.push(asked.request());
    };
    for number in 0..9 {
        ask(&replicas.servers[number % 3], number);
    }
    // With work of its own under way or not; what it held is held no more when the lease runs out.
    replicas.servers[0].kill();
    for number in 9..15 {
        ask(&replicas.servers[1 + number % 2], number);
    }
    for request in &taken {
        let state = replicas.servers[1].person("dana").wait_for(request);
        assert_eq!(state, "succeeded", "{}\n{}", replicas.servers[1].log(), replicas.servers[2].log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_told_as_503_and_nobody_has_to_be_restarted_when_it_is_back() {
    let mut replicas = Replicas::start(1, Place::Directory, CONFIG).await;
    let wish = json!({"name": "deploy", "roles": ["developer"], "scopes": ["*"], "expires_in_days": 1});
    let made = replicas.servers[0].person("dana").post("/api/v1/service-tokens", &wish);
    assert_eq!(made.status, 201, "{made:?}");
    let service = replicas.servers[0].bearing(made.body["token"].as_str().unwrap());
    replicas.postgres.kill();
    let dana = replicas.servers[0].person("dana");
    // What its processes do without the one that was killed, they do for a moment only.
    until("the end of the database", &replicas.servers[0], || {
        (dana.get("/api/v1/requests").status != 200).then_some(())
    });
    let ada = replicas.servers[0].person("ada");
    let binding = json!({"binding": {"plugin": "macadam/local-directory@dev", "grants": ["files:workspaces"]}});
    for answer in [
        dana.get("/api/v1/requests"),
        // What version is meant is in the store: nothing is wrong with the wish.
        ada.send("PUT", "/api/v1/bindings/local-directory", Some(&binding)),
        ada.post("/api/v1/replays", &json!({"plugin": "macadam/local-directory@dev"})),
        dana.post("/api/v1/resources", &directory("dev", "notes")),
        // Its first question, so the key is not in memory yet but in the vault, or nowhere.
        dana.get("/api/v1/audit/key"),
        // Whether a service's token counts is in the store, and a person's is not.
        service.get("/api/v1/requests"),
        service.get("/api/v1/whoami"),
    ] {
        assert_eq!((answer.status, answer.body["type"].as_str()), (503, Some("/problems/unavailable")), "{answer:?}");
        assert!(!answer.header("retry-after").is_empty(), "it says when to come back: {answer:?}");
    }
    let begin = std::time::Instant::now();
    let said = String::from_utf8(dana.download("/metrics")).expect("metrics are text");
    assert!(begin.elapsed() < std::time::Duration::from_secs(9), "Prometheus gives a scrape up after ten seconds");
    assert!(said.contains("\nmacadam_ready 0\n"), "what the host itself counts is shown also now:\n{said}");
    replicas.postgres.revive().await;
    let server = &replicas.servers[0];
    let taken = until("the database", server, || {
        let taken = server.person("dana").post("/api/v1/resources", &directory("dev", "notes"));
        assert!([202, 503].contains(&taken.status), "{taken:?}\n{}", server.log());
        (taken.status == 202).then_some(taken)
    });
    assert_eq!(server.person("dana").wait_for(&taken.request()), "succeeded", "{}", server.log());
    let whoami = server.bearing(made.body["token"].as_str().unwrap()).get("/api/v1/whoami");
    assert_eq!(whoami.status, 200, "the service's token counts as before: {whoami:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_comes_back_has_what_was_changed_while_it_was_away() {
    let mut replicas = Replicas::start(2, Place::Directory, CONFIG).await;
    publish(&replicas.servers[0], "1.0.0");
    publish(&replicas.servers[0], "1.1.0");
    activate(&replicas.servers[0], "1.0.0");
    asks(&replicas.servers[1], &["1.0.0"]);
    replicas.servers[1].kill();
    activate(&replicas.servers[0], "1.1.0");
    replicas.servers[1].launch();
    asks(&replicas.servers[1], &["1.1.0"]);
}
