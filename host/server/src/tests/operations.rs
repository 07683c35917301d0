//! What machines ask.

use axum::body::Body;
use axum::http::{Method, Request, header};
use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::canonical::CanonicalJson;
use macadam_core::digest::Digest;
use macadam_core::limits::Usage;
use macadam_store::{
    AccessPolicyChange, Attribution, DecisionKind, DecisionOutcome, DecisionRole, Expected, NewDecision,
};
use serde_json::json;

use super::host::{Answer, Host, request_as};

async fn ask(host: &Host, path: &str) -> Answer {
    host.send(Request::builder().uri(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_host_without_broken_plugins_is_alive_and_ready_for_whoever_asks() {
    let host = Host::start().await;
    assert_eq!(ask(&host, "/healthz").await.status, 200);
    let ready = ask(&host, "/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json()["status"], "ready");
}

#[tokio::test]
async fn a_plugin_that_is_not_active_makes_the_host_alive_and_not_ready() {
    let host = Host::start_with(&["macadam/gone@1.0.0"], true).await;
    assert_eq!(ask(&host, "/healthz").await.status, 200, "the process itself is well");
    let answer = ask(&host, "/readyz").await;
    assert_eq!(answer.is_problem("unavailable", 503)["failed"], serde_json::json!(["macadam/gone@1.0.0"]));
    assert_eq!(answer.header(header::RETRY_AFTER), "5");
    let plugins = host.get_as("ada", "/api/v1/plugins").await.json();
    assert_eq!(plugins["items"][0]["state"], "failed");
    assert!(plugins["items"][0]["error"].as_str().unwrap().contains("macadam/gone"), "an administrator sees why");
    let plugins = host.get_as("dana", "/api/v1/plugins").await.json();
    assert!(!plugins["items"][0]["error"].as_str().unwrap().contains("macadam/gone"), "others see that it is so");
}

/// What `/readyz` answers, and what the gauge says right after.
async fn readiness(host: &Host) -> (u16, String) {
    let status = ask(host, "/readyz").await.status.as_u16();
    let text = String::from_utf8(ask(host, "/metrics").await.body).unwrap();
    let gauge = text.lines().find_map(|line| line.strip_prefix("macadam_ready "));
    (status, gauge.unwrap_or_else(|| panic!("there is no gauge in:\n{text}")).to_owned())
}

/// Another host adds an access policy that this version cannot read, which allows nothing from then on.
async fn closes_access(host: &Host) {
    let change = AccessPolicyChange {
        name: "newer".parse().unwrap(),
        text: Some("nonsense".to_owned()),
        expected: Expected::Absent,
        generation: 0,
    };
    let why = Attribution { actor: None, origin: Origin::NONE, reason: String::new() };
    host.store.change_access_policy(&change, &why, Timestamp::now()).await.unwrap();
    host.state.platform.follow_access().await.unwrap();
}

#[tokio::test]
async fn the_gauge_says_that_a_host_is_ready_exactly_while_readiness_does() {
    let (ready, not_ready) = ((200, "1".to_owned()), (503, "0".to_owned()));
    let broken = Host::start_with(&["macadam/gone@1.0.0"], true).await;
    assert_eq!(readiness(&broken).await, not_ready, "a plugin is not active");
    let closed = Host::start().await;
    assert_eq!(readiness(&closed).await, ready);
    closes_access(&closed).await;
    assert_eq!(readiness(&closed).await, not_ready, "nothing is allowed");
    let cut_off = Host::start().await;
    assert_eq!(readiness(&cut_off).await, ready);
    cut_off.loses_its_store().await;
    assert_eq!(readiness(&cut_off).await, not_ready, "the store does not answer");
}

/// A policy said yes.
fn a_decision() -> NewDecision {
    let document = |value| CanonicalJson::new(&value).unwrap();
    NewDecision {
        kind: DecisionKind::Policy,
        role: DecisionRole::Active,
        team: "payments".parse().unwrap(),
        binding: "cost".parse().unwrap(),
        plugin: serde_json::from_value(json!({"name": "macadam/cost", "version": "1.0.0"})).unwrap(),
        component: Digest::of(b"cost"),
        contract: "macadam:plugin@0.2.0".to_owned(),
        settings: document(json!({})),
        input: document(json!({"request": 1})),
        request: None,
        subject: "payments/dev/database/orders".to_owned(),
        outcome: DecisionOutcome::Answered(document(json!({"verdict": "allow"}))),
        usage: Usage::default(),
        pair: None,
        difference: None,
    }
}

#[tokio::test]
async fn decisions_that_cannot_be_recorded_are_counted_once_they_are_given_up() {
    let host = Host::start().await;
    let lost = async |host: &Host| {
        let text = String::from_utf8(ask(host, "/metrics").await.body).unwrap();
        text.lines().find_map(|line| line.strip_prefix("macadam_decisions_lost_total ")?.parse::<u64>().ok())
    };
    let recorder = host.state.platform.recorder();
    recorder.record(vec![a_decision()]).await;
    recorder.flush().await;
    assert_eq!(lost(&host).await, Some(0));
    host.loses_its_store().await;
    // The tries are spread over some twenty seconds.
    tokio::time::pause();
    recorder.record(vec![a_decision(), a_decision()]).await;
    recorder.flush().await;
    assert_eq!(lost(&host).await, Some(2));
}

#[tokio::test]
async fn metrics_count_by_route_and_ask_for_a_token_unless_they_are_open() {
    let host = Host::start_with(&[], false).await;
    ask(&host, "/metrics").await.is_problem("unauthenticated", 401);
    host.get_as("dana", "/api/v1/requests/0198c0de-0000-7000-8000-000000000000").await.is_problem("not-found", 404);
    host.get_as("dana", "/some/path").await;
    let text = String::from_utf8(host.get_as("dana", "/metrics").await.body).unwrap();
    for line in [
        "macadam_http_requests_total{method=\"GET\",route=\"/api/v1/requests/{id}\",status=\"404\"} 1",
        "macadam_http_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"} 1",
        "macadam_http_request_duration_seconds_count{method=\"GET\",route=\"/metrics\",status=\"401\"} 1",
        "macadam_ready 1",
        "# TYPE macadam_plugin_fuel counter",
        "# UNIT macadam_plugin_call_duration_seconds seconds",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "OpenMetrics ends with a mark, so that a cut text is seen");
    let open = Host::start().await;
    assert_eq!(ask(&open, "/metrics").await.status, 200);
}

#[tokio::test]
async fn a_request_keeps_its_id_and_gets_one_when_it_has_none_that_may_be_logged() {
    let host = Host::start().await;
    for (given, kept) in [("abc-123", true), ("two words", false), ("x\u{1b}[31m", false), ("", false)] {
        let request = request_as("dana", Method::GET, "/api/v1/whoami").header("x-request-id", given.as_bytes());
        let Ok(request) = request.body(Body::empty()) else { continue };
        let answer = host.send(request).await;
        let id = answer.header("x-request-id");
        assert_eq!(id == given, kept, "{given:?} became {id:?}");
        assert!(!id.is_empty());
    }
}

#[tokio::test]
async fn no_answer_is_kept_by_caches_on_the_way() {
    let host = Host::start().await;
    let answer = host.get_as("dana", "/api/v1/whoami").await;
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn a_handler_that_panics_is_the_servers_failure_and_nobody_elses() {
    let mut host = Host::start().await;
    let layer = axum::middleware::from_fn_with_state(host.state.clone(), crate::observe::observe);
    let panics: axum::routing::MethodRouter = axum::routing::get(async || -> &'static str { panic!("on purpose") });
    host.router = axum::Router::new().route("/healthz", panics).layer(layer);
    let answer = ask(&host, "/healthz").await;
    answer.is_problem("internal", 500);
    assert!(!String::from_utf8_lossy(&answer.body).contains("on purpose"), "why stays in the log");
    assert!(!answer.header("x-request-id").is_empty(), "the operator finds it by this");
}

/// What is logged, kept.
#[derive(Clone, Default)]
struct Logged(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_requests_line_names_route_status_and_person_and_neither_token_nor_body_nor_query() {
    let host = Host::start().await;
    let logged = Logged::default();
    let writer = logged.clone();
    let body = serde_json::json!({"environment": "dev", "type": "database", "name": "in-the-body"});
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    // A line is known once a thread came by it while somebody listens, and the first to come decides for all. The other
    // tests' threads have no subscriber: so the lines are made known, and then this thread has them decided anew.
    host.post_as("dana", "/api/v1/resources?in-the-query=1", &body).await.is_problem("invalid", 422);
    tracing::callsite::rebuild_interest_cache();
    host.post_as("dana", "/api/v1/resources?in-the-query=1", &body).await.is_problem("invalid", 422);
    drop(guard);
    let text = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    for part in ["method=POST", "route=/api/v1/resources", "person=dana", "status=422", "id="] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    for secret in ["token-of-dana", "in-the-body", "in-the-query"] {
        assert!(!text.contains(secret), "{secret} must not be logged: {text}");
    }
}
