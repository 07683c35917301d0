//! Jobs over HTTP. No worker runs here, so a job stays where it is.

use axum::body::Body;
use axum::http::Method;
use serde_json::json;

use super::host::{Host, request_as};

async fn job_of_dana(host: &Host, name: &str) -> String {
    let request = host.dana_has_asked_for(name, Vec::new()).await;
    let shown = host.get_as("dana", &format!("/api/v1/requests/{request}")).await.json();
    shown["job"]["id"].as_str().unwrap().to_owned()
}

async fn post(host: &Host, person: &str, path: &str) -> super::host::Answer {
    host.send(request_as(person, Method::POST, path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn jobs_are_listed_by_filter_and_page_for_those_who_may_see_them() {
    let host = Host::start().await;
    let (first, second) = (job_of_dana(&host, "one").await, job_of_dana(&host, "two").await);
    let page = host.get_as("dana", "/api/v1/jobs?state=queued&provider=macadam/test&phase=provision&limit=1").await;
    let page = page.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let rest = host.get_as("dana", &format!("/api/v1/jobs?after={}", page["next"].as_str().unwrap())).await.json();
    let mut seen = [page["items"][0]["id"].as_str().unwrap(), rest["items"][0]["id"].as_str().unwrap()];
    seen.sort_unstable();
    let mut made = [first.as_str(), second.as_str()];
    made.sort_unstable();
    assert_eq!(seen, made, "each once");
    assert_eq!(host.get_as("olga", "/api/v1/jobs?team=payments").await.json()["items"], json!([]), "not other teams'");
    assert_eq!(host.get_as("ada", "/api/v1/jobs?team=payments").await.json()["items"].as_array().unwrap().len(), 2);
    host.get_as("olga", &format!("/api/v1/jobs/{first}")).await.is_problem("not-found", 404);
    for wrong in ["state=sleeping", "phase=lunch", "provider=x", "limit=0", "limit=201", "colour=red"] {
        let answer = host.get_as("dana", &format!("/api/v1/jobs?{wrong}")).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{wrong}: {}", answer.status);
        let problem = answer.json();
        let name = wrong.split('=').next().unwrap();
        assert!(problem.to_string().contains(name), "{wrong} is named: {problem}");
    }
}

#[tokio::test]
async fn a_job_is_taken_back_by_whoever_may_change_what_belongs_to_its_team() {
    let host = Host::start().await;
    let (mine, theirs, again) = (
        job_of_dana(&host, "one").await,
        job_of_dana(&host, "two").await,
        host.dana_has_asked_for("three", vec![]).await,
    );
    post(&host, "olga", &format!("/api/v1/jobs/{mine}/cancel")).await.is_problem("not-found", 404);
    post(&host, "amir", &format!("/api/v1/jobs/{mine}/cancel")).await.is_problem("forbidden", 403);
    let cancelled = post(&host, "dana", &format!("/api/v1/jobs/{mine}/cancel")).await.json();
    assert_eq!((&cancelled["state"], &cancelled["cancelled"]["by"]), (&json!("cancelled"), &json!("dana")));
    post(&host, "dana", &format!("/api/v1/jobs/{mine}/cancel")).await.is_problem("conflict", 409);
    let cancelled = post(&host, "ada", &format!("/api/v1/jobs/{theirs}/cancel")).await.json();
    assert_eq!((&cancelled["state"], &cancelled["cancelled"]["by"]), (&json!("cancelled"), &json!("ada")));
    let request = host.post_as("dana", &format!("/api/v1/requests/{again}/cancel"), &json!({})).await.json();
    assert_eq!((&request["state"], &request["job"]["state"]), (&json!("cancelled"), &json!("cancelled")));
    assert_eq!(host.get_as("dana", "/api/v1/resources").await.json()["items"], json!([]), "nothing is left");
}

#[tokio::test]
async fn only_an_administrator_has_a_job_tried_again_and_only_a_dead_one() {
    let host = Host::start().await;
    let id = job_of_dana(&host, "one").await;
    post(&host, "dana", &format!("/api/v1/jobs/{id}/retry")).await.is_problem("forbidden", 403);
    let refused = post(&host, "ada", &format!("/api/v1/jobs/{id}/retry")).await.is_problem("conflict", 409);
    assert!(refused["detail"].as_str().unwrap().contains("queued; only a dead one"), "{refused}");
    for id in ["x", "0198c0de-0000-7000-8000-000000000000"] {
        post(&host, "ada", &format!("/api/v1/jobs/{id}/retry")).await.is_problem("not-found", 404);
    }
}

#[tokio::test]
async fn schedules_are_for_administrators_and_one_that_is_not_there_is_named() {
    let host = Host::start().await;
    host.get_as("dana", "/api/v1/schedules").await.is_problem("forbidden", 403);
    post(&host, "amir", "/api/v1/schedules/expiry/run").await.is_problem("forbidden", 403);
    assert_eq!(host.get_as("ada", "/api/v1/schedules").await.json()["items"], json!([]), "no worker has told any yet");
    let refused = post(&host, "ada", "/api/v1/schedules/expiry/run").await.is_problem("not-found", 404);
    assert!(refused["detail"].as_str().unwrap().contains("schedule expiry"), "{refused}");
    post(&host, "ada", "/api/v1/schedules/No%20Name/run").await.is_problem("not-found", 404);
}

#[tokio::test]
async fn what_there_is_to_do_is_counted() {
    let host = Host::start().await;
    job_of_dana(&host, "one").await;
    let text = String::from_utf8(host.get_as("dana", "/metrics").await.body).unwrap();
    for line in
        ["macadam_jobs{state=\"queued\"} 1", "macadam_jobs{state=\"dead\"} 0", "macadam_job_queue_age_seconds 0."]
    {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
}
