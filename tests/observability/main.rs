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

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use macadam_tests::collector::{self, Collector, Span};
use macadam_tests::receiver::{Got, Receiver};
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
    let environment = collector.environment(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]);
    let mut server = Server::start(&Setup { environment, ..Setup::without_postgres() });
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
    let taken_as = named("take").attribute("macadam.request");
    assert_eq!(taken_as, Some(taken.request()), "from the request's trace one comes to those of its job");
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
    assert_eq!(step.links(), [TRACE], "from a job's trace one comes to the request's");
    let provider = spans.iter().find(|span| span.parent == step.id && span.name == "plugin macadam/local-directory");
    let provider = provider.expect("the provider's call is below the step");
    let host_call = spans.iter().find(|span| span.parent == provider.id).expect("what it had the host do is below");
    assert_eq!((host_call.name.as_str(), host_call.kind), ("files", collector::CLIENT));
    assert!(server.log().contains(TRACE), "the request's line in the log names the trace");
}

/// A host that may call receivers on this machine, and its webhook that takes everything.
fn with_receiver(environment: Vec<(String, String)>) -> (Server, Receiver, String) {
    let allowed = "[webhooks]\nallow-addresses = [\"127.0.0.1/32\"]\nallow-http-hosts = [\"127.0.0.1\"]\n";
    let plugins = Setup::without_postgres();
    let server = Server::start(&Setup { config: format!("{allowed}{}", plugins.config), environment, ..plugins });
    let receiver = Receiver::start();
    let wish = json!({"url": receiver.url("/hook"), "types": ["macadam."]});
    let made = server.person("dana").post("/api/v1/webhooks", &wish);
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/api/v1/webhooks/{}", made.body["id"].as_str().expect("an id"));
    (server, receiver, path)
}

fn wait_for_message(receiver: &Receiver, is_it: impl Fn(&Got) -> bool) -> Got {
    let begin = std::time::Instant::now();
    loop {
        if let Some(got) = receiver.got().into_iter().find(|got| is_it(got)) {
            return got;
        }
        assert!(begin.elapsed().as_secs() < 60, "the message does not come: {:?}", receiver.got());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_receiver_of_webhooks_can_go_on_with_the_trace() {
    let collector = Collector::start();
    let environment = collector.environment(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]);
    let (mut server, receiver, path) = with_receiver(environment);
    let header = format!("00-{TRACE}-{PARENT}-01");
    let headers = [("traceparent", header.as_str())];
    let tried = server.person("dana").send_with("POST", &format!("{path}/test"), Some(&json!({})), &headers);
    assert_eq!(tried.body["status"], 204, "{tried:?}");
    let is_test = |got: &Got| got.header("webhook-id").starts_with("test_");
    let test = wait_for_message(&receiver, is_test);
    let told = wait_for_message(&receiver, |got| !is_test(got));
    server.stop();

    let spans = collector.spans();
    let span_of = |got: &Got| -> &Span {
        let [_, trace, id, flags] = got.header("traceparent").split('-').collect::<Vec<_>>()[..] else {
            panic!("four parts: {got:?}")
        };
        assert_eq!(flags, "01", "what is sent to a collector is sampled");
        let found = spans.iter().find(|span| span.id == id && span.trace == trace);
        found.unwrap_or_else(|| panic!("{trace} {id} is a span that the collector has: {spans:#?}"))
    };
    for (got, receiver) in [(&test, &receiver), (&told, &receiver)] {
        let span = span_of(got);
        assert_eq!((span.name.as_str(), span.kind), ("POST webhook", collector::CLIENT));
        assert_eq!(span.attribute("http.response.status_code"), Some("204".to_owned()));
        assert_eq!(span.attribute("macadam.webhook.message").as_deref(), Some(got.header("webhook-id")));
        assert_eq!(
            span.attribute("macadam.webhook.receiver"),
            Some(receiver.url("")),
            "without the rest of the address"
        );
    }
    assert_eq!(span_of(&test).trace, TRACE, "a test is in the trace of the request that asked for it");
    assert_eq!(span_of(&told).parent, "", "what is told of an event begins a trace");
}

#[test]
fn a_host_that_sends_no_traces_tells_receivers_of_none() {
    let (server, receiver, path) = with_receiver(Vec::new());
    let tried = server.person("dana").post(&format!("{path}/test"), &json!({}));
    assert_eq!(tried.body["status"], 204, "{tried:?}");
    assert!(receiver.got().iter().all(|got| !got.headers.contains_key("traceparent")));
}

/// Previews something with a trace's id, on a host with these variables, and says what was sent as protobuf.
fn sent_with(variables: &[(&str, &str)]) -> Vec<u8> {
    let collector = Collector::start();
    let mut server =
        Server::start(&Setup { environment: collector.environment(variables), ..Setup::without_postgres() });
    let header = format!("00-{TRACE}-{PARENT}-00");
    let headers = [("traceparent", header.as_str())];
    let previewed = server.person("dana").send_with("POST", "/api/v1/preview", Some(&directory("notes")), &headers);
    assert_eq!(previewed.status, 200, "{previewed:?}");
    server.stop();
    collector.protobuf().concat()
}

#[test]
fn traces_are_protobuf_unless_something_else_is_said_and_a_sampler_counts() {
    let trace: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&TRACE[2 * at..2 * at + 2], 16).unwrap()).collect();
    let has = |body: &[u8], part: &[u8]| body.windows(part.len()).any(|window| window == part);
    let all = sent_with(&[("OTEL_TRACES_SAMPLER", "always_on"), ("OTEL_SERVICE_NAME", "paved-road")]);
    for part in [trace.as_slice(), b"POST /api/v1/preview", b"paved-road", b"plugin macadam/cost-threshold"] {
        assert!(has(&all, part), "{:?} is in what is sent", String::from_utf8_lossy(part));
    }
    let chosen = sent_with(&[("OTEL_TRACES_SAMPLER", "parentbased_always_on")]);
    assert!(!has(&chosen, &trace), "a client that does not sample its trace is heeded");
}

#[test]
fn a_protocol_that_the_host_does_not_speak_is_refused_at_the_start() {
    let ran = Command::new(macadam_tests::server::binary())
        .args(["serve", "--data"])
        .arg(tempfile::tempdir().unwrap().path())
        .envs([("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(
        !ran.status.success() && said.contains("OTEL_EXPORTER_OTLP_PROTOCOL") && said.contains("http/json"),
        "{said}"
    );
}

#[test]
fn without_an_endpoint_nothing_is_traced_and_with_one_that_is_away_nothing_is_held_up() {
    let away = vec![("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), "http://127.0.0.1:9".to_owned())];
    for (is_traced, environment) in [(false, Vec::new()), (true, away)] {
        let mut server = Server::start(&Setup { environment, ..Setup::without_postgres() });
        assert_eq!(server.person("dana").post("/api/v1/preview", &directory("notes")).status, 200);
        assert_eq!(server.log().contains("trace="), is_traced, "the log names a trace where there is one");
        server.stop();
        let told = server.log().matches("traces are not taken").count();
        assert_eq!(told, usize::from(is_traced), "that traces are lost is said once: {}", server.log());
    }
}

/// What a host says that has decided and made something, and has run something by the clock.
static SAID: LazyLock<String> = LazyLock::new(|| {
    let server = Server::start(&Setup::without_postgres());
    let dana = server.person("dana");
    let taken = dana.post("/api/v1/resources", &directory("notes"));
    assert_eq!(taken.status, 202, "{taken:?}");
    assert_eq!(dana.wait_for(&taken.request()), "succeeded", "{}", server.log());
    let begin = std::time::Instant::now();
    loop {
        let said = String::from_utf8(dana.download("/metrics")).expect("metrics are text");
        // A request ends a moment before its job's step is counted; and each host looks once what is to be sealed anew.
        if ["macadam_job_attempts_total{", "macadam_schedule_runs_total{"].iter().all(|series| said.contains(series)) {
            return said;
        }
        assert!(begin.elapsed().as_secs() < 60, "steps and runs are counted:\n{said}\n{}", server.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
});

/// The metrics that a host says, by the names under which they are asked for: a counter's ends in `_total`.
fn families(said: &str) -> BTreeSet<String> {
    let described = said.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let named = |(name, kind): (&str, &str)| if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
    described.map(named).collect()
}

/// What a file of `deploy/observability/` asks about.
fn asked_by(file: &str) -> BTreeSet<String> {
    metrics(&std::fs::read_to_string(folder().join(file)).expect("the file is there"))
}

fn documentation() -> String {
    let file = macadam_tests::components::source_root().join("docs/observability.md");
    std::fs::read_to_string(file).expect("the documentation is there")
}

#[test]
fn what_dashboard_and_alerts_ask_about_is_what_a_host_says() {
    let said = SAID.as_str();
    for file in ["grafana-dashboard.json", "alerts.yaml"] {
        let asked = asked_by(file);
        assert!(asked.len() >= 5, "{file} asks about something: {asked:?}");
        for name in asked {
            let is_said = said
                .lines()
                .any(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")));
            assert!(is_said, "{file} asks about {name}, which no host says:\n{said}");
        }
    }
}

/// What the dashboard and the alerts ask, each with what is shown of the answer.
fn questions() -> Vec<(String, String)> {
    let read = |file: &str| std::fs::read_to_string(folder().join(file)).expect("the file is there");
    let dashboard: Value = serde_json::from_str(&read("grafana-dashboard.json")).expect("the dashboard is JSON");
    let alerts: Value = serde_yaml_ng::from_str(&read("alerts.yaml")).expect("the alerts are YAML");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let panels = dashboard["panels"].as_array().expect("it has panels").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let shown = targets.map(|target| (text(&target["expr"]), text(&target["legendFormat"])));
    let rules = alerts["groups"][0]["rules"].as_array().expect("there are rules").iter();
    let told = rules.map(|rule| (text(&rule["expr"]), text(&rule["annotations"]["description"])));
    shown.chain(told).collect()
}

/// The labels in a series or in a question about some: each stands before a value in quotes.
fn labels(text: &str) -> BTreeSet<String> {
    let text =
        ["=~\"", "!~\"", "!=\""].iter().fold(text.to_owned(), |text, comparison| text.replace(comparison, "=\""));
    let mut before: Vec<_> = text.split("=\"").collect();
    before.pop();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    before.into_iter().filter_map(|text| text.rsplit(|c: char| !is_name(c)).next()).map(str::to_owned).collect()
}

/// What stands between two marks, wherever they are.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    text.split(begin).skip(1).filter_map(|rest| Some(rest.split_once(end)?.0)).collect()
}

#[test]
fn the_labels_that_dashboard_and_alerts_ask_for_are_those_of_the_metrics() {
    let questions = questions();
    assert!(questions.len() >= 25, "there are questions: {}", questions.len());
    // What Prometheus adds to each series.
    let added = BTreeSet::from(["instance".to_owned(), "job".to_owned()]);
    for (question, shown) in questions {
        let mut all: Option<BTreeSet<String>> = None;
        for name in metrics(&question) {
            let series = SAID.lines().find(|line| line.starts_with(&format!("{name}{{")));
            let there: BTreeSet<_> = series.map(labels).unwrap_or_default().union(&added).cloned().collect();
            for matchers in between(&question, &format!("{name}{{"), "}") {
                let asked = labels(matchers);
                assert!(asked.is_subset(&there), "{question:?} asks {name} for {asked:?}, which has {there:?}");
            }
            all = Some(all.map_or_else(|| there.clone(), |all| all.intersection(&there).cloned().collect()));
        }
        let all = all.unwrap_or_else(|| added.clone());
        let grouped: Vec<_> = between(&question, "by (", ")").iter().flat_map(|labels| labels.split(", ")).collect();
        let unknown: Vec<_> = grouped.iter().filter(|label| !all.contains(**label)).collect();
        assert!(unknown.is_empty(), "{question:?} groups by {unknown:?}, and there is {all:?}");
        let shown = between(&shown, "{{", "}}");
        let shown = shown.into_iter().map(|label| label.trim().trim_start_matches("$labels."));
        for label in shown.filter(|label| !label.starts_with("$value")) {
            let is_left = if grouped.is_empty() { all.contains(label) } else { grouped.contains(&label) };
            assert!(is_left, "the answer to {question:?} has no {label:?} to show");
        }
    }
}

#[test]
fn whatever_a_host_says_of_jobs_and_schedules_is_asked_about_by_dashboard_or_alerts() {
    let asked: BTreeSet<_> = ["grafana-dashboard.json", "alerts.yaml"].into_iter().flat_map(asked_by).collect();
    let said = families(&SAID);
    let is_of_work = |name: &&String| name.starts_with("macadam_job") || name.starts_with("macadam_schedule");
    let of_work: BTreeSet<_> = said.iter().filter(is_of_work).collect();
    assert!(of_work.len() >= 6, "a host says something of its work: {said:?}");
    let unseen: Vec<_> = of_work.into_iter().filter(|name| !asked.contains(*name)).collect();
    assert!(unseen.is_empty(), "nobody would see it: {unseen:?}");
}

#[test]
fn the_documentation_names_every_metric_that_a_host_says_and_no_other() {
    let text = documentation();
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| `macadam_")).collect();
    assert_eq!(metrics(&rows.join("\n")), families(&SAID), "what the table names, and what a host says");
}

#[test]
fn every_alert_is_tried_and_documented() {
    let read = |file: &str| std::fs::read_to_string(folder().join(file)).expect("the file is there");
    let (rules, tried, documented) = (read("alerts.yaml"), read("alerts-test.yaml"), documentation());
    let names: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() >= 11, "there are alerts: {names:?}");
    for name in names {
        assert!(tried.contains(&format!("alertname: {name}\n")), "{name} is never seen to come");
        assert!(documented.contains(&format!("`{name}`")), "{name} is not in docs/observability.md");
    }
}

#[test]
fn every_histogram_ends_with_all_that_it_counted() {
    let server = Server::start(&Setup::without_postgres());
    let dana = server.person("dana");
    assert_eq!(dana.post("/api/v1/preview", &directory("notes")).status, 200);
    let said = String::from_utf8(dana.download("/metrics")).expect("metrics are text");
    let value_of = |series: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(series)).map(str::trim);
        line.unwrap_or_else(|| panic!("there is no {series}:\n{said}")).to_owned()
    };
    let counts: Vec<_> = said.lines().filter_map(|line| line.split_once("_count{")).collect();
    assert!(counts.iter().any(|(name, _)| *name == "macadam_plugin_call_duration_seconds"), "{said}");
    for (name, rest) in counts {
        let (labels, count) = rest.rsplit_once(' ').expect("a value");
        let last = value_of(&format!("{name}_bucket{{le=\"+Inf\",{labels}"));
        assert_eq!(last, count, "a quantile is asked of the buckets: {name}{{{labels}");
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
    // A row is a heading.
    let asking = panels.iter().filter(|panel| panel["type"] != "row");
    let targets = asking.flat_map(|panel| panel["targets"].as_array().expect("targets"));
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
