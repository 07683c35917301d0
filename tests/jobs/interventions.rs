//! A job is taken back while it runs; one that has died is tried again once its cause is mended.

use macadam_tests::postgres::Postgres;
use macadam_tests::server::Server;
use serde_json::json;

use crate::{breaks, impatient, job_of, mends, said, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_while_it_runs_leaves_nothing_behind_and_says_cancelled() {
    let postgres = Postgres::start().await;
    let server = Server::start(&impatient(&postgres, 1_000));
    let (dana, ada) = (server.person("dana"), server.person("ada"));
    breaks(&postgres).await;
    let taken = dana.request_database("dev", "orders", 10);
    assert_eq!(taken.status, 202, "{taken:?}");
    let id = job_of(&server, &taken.request());
    let path = format!("/api/v1/jobs/{id}");
    let failing = wait_until(&server, "a try that failed", || {
        let job = dana.get(&path).body;
        (job["failures"].as_u64() > Some(0)).then_some(job)
    });
    assert_eq!(failing["error_class"], "passing", "a database that is down may come back: {failing}");

    let cancelled = server.cli("dana", &["job", "cancel", &id]);
    assert!(cancelled.status.success(), "{}", said(&cancelled));
    let undoing = wait_until(&server, "undoing", || {
        let job = dana.get(&path).body;
        (job["phase"] == "undo").then_some(job)
    });
    assert_eq!(undoing["cancelled"]["by"], "dana", "{undoing}");
    assert_eq!(dana.get(&format!("/api/v1/requests/{}", taken.request())).body["state"], "running");
    mends(&postgres).await;
    let followed = server.cli("dana", &["job", "get", &id, "--follow"]);
    assert!(said(&followed).contains("cancelled"), "{}", said(&followed));
    assert_eq!(dana.wait_for(&taken.request()), "cancelled", "{}", server.log());
    assert_eq!(postgres.databases().await, Vec::<String>::new());
    assert_eq!(postgres.roles().await, Vec::<String>::new(), "nothing is left of it");
    assert_eq!(dana.get("/api/v1/resources/payments/dev/postgres-database/orders").status, 404);

    let job = dana.get(&path).body;
    let outcomes: Vec<_> = job["history"].as_array().expect("a history").iter().map(|one| &one["outcome"]).collect();
    assert!(outcomes.contains(&&json!("retried")) && outcomes.contains(&&json!("undoing")), "{outcomes:?}");
    assert_eq!(outcomes.last(), Some(&&json!("cancelled")));
    let late = server.cli("dana", &["job", "cancel", &id]);
    assert_eq!(late.status.code(), Some(1));
    assert!(said(&late).contains("cancelled and cannot be cancelled any more"), "{}", said(&late));
    let events = ada.get(&path);
    assert_eq!(events.status, 200, "administrators see every team's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_could_not_be_finished_is_dead_until_its_cause_is_mended_and_it_is_tried_again() {
    let postgres = Postgres::start().await;
    let server = Server::start(&impatient(&postgres, 2));
    let (dana, ada) = (server.person("dana"), server.person("ada"));
    let made = dana.request_database("dev", "orders", 10);
    assert_eq!(dana.wait_for(&made.request()), "succeeded", "{}", server.log());
    breaks(&postgres).await;
    let key = "/api/v1/resources/payments/dev/postgres-database/orders";
    let deleted = dana.send("DELETE", key, None);
    assert_eq!(dana.wait_for(&deleted.request()), "failed", "{}", server.log());
    let id = job_of(&server, &deleted.request());
    let dead = server.cli("ada", &["job", "list", "--state", "dead", "--output", "json"]);
    assert!(said(&dead).contains(&id), "{}", said(&dead));
    let metrics = String::from_utf8(ada.download("/metrics")).expect("text");
    assert!(metrics.contains("macadam_jobs{state=\"dead\"} 1"), "{metrics}");
    assert!(metrics.contains("macadam_job_attempts_total{phase=\"deprovision\",outcome=\"dead\"} 1"), "{metrics}");

    let refused = dana.post(&format!("/api/v1/jobs/{id}/retry"), &json!({}));
    assert_eq!(refused.status, 403, "mending is an administrator's: {refused:?}");
    let again = server.cli("ada", &["job", "retry", &id, "--follow"]);
    assert_eq!(again.status.code(), Some(1), "nothing is mended yet: {}", said(&again));
    assert!(said(&again).contains("the job is dead"), "{}", said(&again));

    mends(&postgres).await;
    let again = server.cli("ada", &["job", "retry", &id, "--follow"]);
    assert!(again.status.success(), "{}\n{}", said(&again), server.log());
    assert_eq!(dana.wait_for(&deleted.request()), "succeeded", "its request ends with it");
    assert_eq!(postgres.databases().await, Vec::<String>::new());
    assert_eq!(dana.get(key).status, 404);
    let twice = ada.post(&format!("/api/v1/jobs/{id}/retry"), &json!({}));
    assert_eq!(twice.status, 409, "{twice:?}");
    let shown = server.cli("dana", &["job", "get", &id]);
    assert!(said(&shown).contains("dead (passing)") && said(&shown).contains("done"), "{}", said(&shown));
}
