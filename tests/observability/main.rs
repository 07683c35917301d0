//! What operators look at: traces, as a collector gets them; and that dashboard and alerts ask about what there is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_errors_doc,
    reason = "tests fail by panicking, and say what they saw"
)]

mod collector;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use collector::{Collector, Span};
use macadam_tests::server::{Server, Setup};
use serde_json::{Value, json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn directory(name: &str) -> Value {
    json!({"environment": "dev", "type": "local-directory", "name": name, "spec": {}, "tags": {"owner": "payments"}})
}

#[test]
fn a_request_is_one_trace_from_its_route_to_the_calls_of_its_plugins() {
    let collector = Collector::start();
    let mut server = Server::start(&Setup { environment: collector.environment(), ..Setup::without_postgres() });
    let dana = server.person("dana");
    let header = format!("00-{TRACE}-{PARENT}-01");
    let headers = [("traceparent", header.as_str())];
    let taken = dana.send_with("POST", "/api/v1/resources", Some(&directory("notes")), &headers);
    assert_eq!(taken.status, 202, "{taken:?}");
    assert_eq!(dana.wait_for(&taken.request()), "succeeded");
    server.stop();

    let spans = collector.spans();
    let of_trace: Vec<_> = spans.iter().filter(|span| span.trace == TRACE).collect();
    let named = |name: &str| -> &Span {
        let found = of_trace.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("the trace has no span {name:?}: {of_trace:#?}"))
    };
    let route = named("POST /api/v1/resources");
    assert_eq!((route.parent.as_str(), route.kind), (PARENT, collector::SERVER), "it goes on with the client's trace");
    assert_eq!(route.attribute("http.response.status_code"), Some("202".to_owned()));
    let policy = named("plugin macadam/cost-threshold");
    assert!(policy.attribute("macadam.plugin.fuel").is_some_and(|fuel| fuel != "0"), "{policy:?}");
    let mut above = policy;
    let mut path = vec![policy.name.clone()];
    while above.id != route.id {
        let parent = of_trace.iter().find(|span| span.id == above.parent);
        above = parent.unwrap_or_else(|| panic!("{above:?} hangs in the air"));
        path.insert(0, above.name.clone());
    }
    assert_eq!(path, ["POST /api/v1/resources", "submit", "decide", "plugin macadam/cost-threshold"]);

    let request = taken.request();
    let step = spans
        .iter()
        .find(|span| span.name == "job step" && span.attribute("macadam.request").as_deref() == Some(request.as_str()));
    let step = step.unwrap_or_else(|| panic!("the job's steps are traced: {spans:#?}"));
    let provider = spans.iter().find(|span| span.parent == step.id && span.name == "plugin macadam/local-directory");
    let provider = provider.expect("the provider's call is below the step");
    let host_call = spans.iter().find(|span| span.parent == provider.id).expect("what it had the host do is below");
    assert_eq!((host_call.name.as_str(), host_call.kind), ("files", collector::CLIENT));
    assert!(server.log().contains(TRACE), "the request's line in the log names the trace");
}

#[test]
fn without_an_endpoint_nothing_is_traced_and_with_one_that_is_away_nothing_is_held_up() {
    let away = vec![("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), "http://127.0.0.1:9".to_owned())];
    for (is_traced, environment) in [(false, Vec::new()), (true, away)] {
        let mut server = Server::start(&Setup { environment, ..Setup::without_postgres() });
        assert_eq!(server.person("dana").post("/api/v1/preview", &directory("notes")).status, 200);
        assert_eq!(server.log().contains("trace="), is_traced, "the log names a trace where there is one");
        server.stop();
    }
}

#[test]
fn what_dashboard_and_alerts_ask_about_is_what_a_host_says() {
    let server = Server::start(&Setup::without_postgres());
    let dana = server.person("dana");
    assert_eq!(dana.post("/api/v1/resources", &directory("notes")).status, 202);
    let said = String::from_utf8(dana.download("/metrics")).expect("metrics are text");
    for file in ["grafana-dashboard.json", "alerts.yaml"] {
        let text = std::fs::read_to_string(folder().join(file)).expect("the file is there");
        let asked = metrics(&text);
        assert!(asked.len() >= 5, "{file} asks about something: {asked:?}");
        for name in asked {
            let is_said = said
                .lines()
                .any(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")));
            assert!(is_said, "{file} asks about {name}, which no host says:\n{said}");
        }
    }
}

#[test]
fn the_alerts_come_when_they_should_and_not_before() {
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts-test.yaml"]] {
        let ran = Command::new("promtool").args(arguments).current_dir(folder()).output();
        let ran = ran.expect("promtool is there: `cargo xtask test` installs Debian's package prometheus");
        assert!(
            ran.status.success(),
            "{}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
    }
}

#[test]
fn every_question_of_the_dashboard_is_one_that_prometheus_understands() {
    let text = std::fs::read_to_string(folder().join("grafana-dashboard.json")).expect("the file is there");
    let dashboard: Value = serde_json::from_str(&text).expect("the dashboard is JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "panels have ids of their own");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let questions = targets.map(|target| {
        // What Grafana fills in before it asks.
        let question = target["expr"].as_str().expect("a question").replace("$__rate_interval", "5m");
        json!({"record": "dashboard:question", "expr": question.replace("$instance", ".*")})
    });
    let rules = json!({"groups": [{"name": "dashboard", "rules": questions.collect::<Vec<_>>()}]});
    let directory = tempfile::tempdir().expect("a temporary directory");
    // JSON is YAML.
    std::fs::write(directory.path().join("rules.yaml"), rules.to_string()).expect("it can be written");
    let mut check = Command::new("promtool");
    check.args(["check", "rules", "--lint=none", "rules.yaml"]).current_dir(directory.path());
    let ran = check.output().expect("promtool is there");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

fn folder() -> PathBuf {
    macadam_tests::components::source_root().join("deploy/observability")
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_name(c)).filter(|word| word.starts_with("macadam_"));
    words.map(str::to_owned).collect()
}
