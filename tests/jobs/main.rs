//! Jobs and what is done by the clock, with the real server, its command line and a real PostgreSQL to break and mend.
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

mod interventions;
mod schedules;

use std::process::Output;
use std::time::{Duration, Instant};

use macadam_tests::postgres::Postgres;
use macadam_tests::server::{Server, Setup};
use serde_json::Value;

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A server whose jobs give up soon, and whose provider makes databases on a server that can be broken.
fn impatient(postgres: &Postgres, tries: u32) -> Setup {
    let setup = Setup::with_postgres(postgres);
    let jobs = format!("\n[jobs]\ntries = {tries}\nlongest-wait-seconds = 1\n");
    Setup { config: format!("health-check-seconds = 1\n{}{jobs}", setup.config), ..setup }
}

/// Lets the provider in no more, as a server without a free connection would.
async fn breaks(postgres: &Postgres) {
    postgres.query("alter role provisioner connection limit 0").await;
    postgres.query("select pg_terminate_backend(pid)::text from pg_stat_activity where usename = 'provisioner'").await;
}

async fn mends(postgres: &Postgres) {
    postgres.query("alter role provisioner connection limit -1").await;
}

/// Waits until something shows, and gives it.
fn wait_until(server: &Server, what: &str, mut look: impl FnMut() -> Option<Value>) -> Value {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "{what} does not come\n{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The id of a request's job.
fn job_of(server: &Server, request: &str) -> String {
    let shown = server.person("ada").get(&format!("/api/v1/requests/{request}"));
    shown.body["job"]["id"].as_str().unwrap_or_else(|| panic!("there is no job in {shown:?}")).to_owned()
}
