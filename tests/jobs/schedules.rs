//! What is done by the clock: shown, asked for, prompt where it has to be.

use macadam_tests::server::{Server, Setup};
use serde_json::{Value, json};

use crate::{said, wait_until};

fn directory(name: &str, ttl_seconds: Option<u64>) -> Value {
    json!({
        "environment": "dev", "type": "local-directory", "name": name, "spec": {"quota_mb": 64},
        "tags": {"owner": "payments"}, "ttl_seconds": ttl_seconds,
    })
}

fn setup() -> Setup {
    let setup = Setup::without_postgres();
    let schedules = "\n[schedules.decision-log]\ncron = \"0 3 * * *\"\n";
    Setup { config: format!("health-check-seconds = 1\n{}{schedules}", setup.config), ..setup }
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_what_is_done_by_the_clock_and_have_it_done_now() {
    let server = Server::start(&setup());
    let ada = server.person("ada");
    let of = |name: &str| -> Option<Value> {
        let all = ada.get("/api/v1/schedules").body;
        all["items"].as_array()?.iter().find(|one| one["name"] == name).cloned()
    };
    let log = wait_until(&server, "the schedules", || of("decision-log"));
    assert_eq!(log["timing"], "cron 0 3 * * * UTC", "as the configuration says");
    assert_eq!(log["last"], Value::Null, "three o'clock has not come");
    let asked = server.cli("ada", &["schedule", "run", "decision-log"]);
    assert!(asked.status.success(), "{}", said(&asked));
    let ran = wait_until(&server, "its run", || of("decision-log").filter(|one| one["last"]["outcome"] == "succeeded"));
    assert_eq!(ran["last"]["note"], "0 decisions removed");
    let listed = server.cli("ada", &["schedule", "list"]);
    let names = ["expiry", "health-checks", "idempotency-keys", "job-history", "events", "webhook-history"];
    for part in names.into_iter().chain(["0 decisions removed"]) {
        assert!(said(&listed).contains(part), "{part} is missing in {}", said(&listed));
    }

    let unknown = server.cli("ada", &["schedule", "run", "lunch"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said(&unknown).contains("there is no schedule lunch"), "{}", said(&unknown));
    for refused in [server.person("dana").get("/api/v1/schedules"), server.person("amir").get("/api/v1/schedules")] {
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    let metrics = String::from_utf8(ada.download("/metrics")).expect("text");
    let counted = "macadam_schedule_runs_total{schedule=\"decision-log\",outcome=\"succeeded\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_time_ends_on_time_and_a_resource_that_breaks_is_seen() {
    let server = Server::start(&setup());
    let (dana, ada) = (server.person("dana"), server.person("ada"));
    let short = dana.post("/api/v1/resources", &directory("short", Some(1)));
    assert_eq!(dana.wait_for(&short.request()), "succeeded", "{short:?}\n{}", server.log());
    wait_until(&server, "the end of its life time", || {
        let gone = dana.get("/api/v1/resources/payments/dev/local-directory/short");
        (gone.status == 404).then_some(Value::Null)
    });

    let files = dana.post("/api/v1/resources", &directory("files", None));
    assert_eq!(dana.wait_for(&files.request()), "succeeded", "{files:?}\n{}", server.log());
    let path = "/api/v1/resources/payments/dev/local-directory/files";
    let health = |state: &str| {
        // The checks have a pause of their own; somebody who asks does not wait for it.
        ada.post("/api/v1/schedules/health-checks/run", &json!({}));
        let shown = dana.get(path).body;
        (shown["health"]["state"] == state).then_some(shown)
    };
    wait_until(&server, "the first look", || health("healthy"));
    std::fs::remove_dir_all(server.data().join("workspaces/payments/dev/files")).expect("somebody removes it");
    let broken = wait_until(&server, "the broken resource", || health("unhealthy"));
    assert!(broken["health"]["message"].as_str().is_some_and(|why| why.contains("gone")), "{broken}");
    let listed = server.cli("dana", &["resource", "list"]);
    assert!(said(&listed).contains("unhealthy"), "{}", said(&listed));
    let shown = server.cli("dana", &["resource", "get", "payments/dev/local-directory/files"]);
    assert!(said(&shown).contains("unhealthy since"), "{}", said(&shown));
}
