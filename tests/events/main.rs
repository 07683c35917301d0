//! Events that leave the host: followed as a stream, and told to a real receiver, which is down now and then.
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

mod disabling;
mod order;
mod secrets;
mod targets;
mod verify;
mod watching;

use std::time::{Duration, Instant};

use macadam_tests::server::{Person, Server, Setup};
use serde_json::{Value, json};

use macadam_tests::receiver::Receiver;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A host that may call receivers on this machine; `more` is added to its `[webhooks]`.
pub(crate) fn setup(more: &str) -> Setup {
    let allowed = "[webhooks]\nallow-addresses = [\"127.0.0.1/32\"]\nallow-http-hosts = [\"127.0.0.1\"]\n";
    let plugins = Setup::without_postgres();
    // What providers see of resources by themselves would be told at any time.
    let config = format!("health-check-seconds = 0\n{allowed}{more}\n{}", plugins.config);
    Setup { config, ..plugins }
}

/// Makes a webhook of dana's team that takes what begins like this.
pub(crate) fn webhook(dana: &Person<'_>, receiver: &Receiver, types: &[&str]) -> Value {
    let made = dana.post("/api/v1/webhooks", &json!({"url": receiver.url("/hook"), "types": types}));
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

pub(crate) fn path(webhook: &Value, more: &str) -> String {
    format!("/api/v1/webhooks/{}{more}", webhook["id"].as_str().unwrap())
}

/// Makes a directory and waits until it is there, which leaves a handful of events.
pub(crate) fn make_directory(dana: &Person<'_>, name: &str) {
    let wish = json!({
        "environment": "dev", "type": "local-directory", "name": name, "spec": {}, "tags": {"owner": "payments"},
    });
    let taken = dana.post("/api/v1/resources", &wish);
    assert_eq!(taken.status, 202, "{taken:?}");
    assert_eq!(dana.wait_for(&taken.request()), "succeeded");
}

/// Waits until something holds.
pub(crate) fn until(server: &Server, what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what}\n{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The events that somebody may see, from the first on.
pub(crate) fn events(person: &Person<'_>, query: &str) -> Vec<Value> {
    let page = person.get(&format!("/api/v1/events?limit=200&{query}"));
    assert_eq!(page.status, 200, "{page:?}");
    page.body["items"].as_array().unwrap().clone()
}
