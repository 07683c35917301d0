//! Three hosts on one database, under load, while hosts and databases are killed and put to sleep: what was taken is done
//! once and comes to its end, nothing in production without an approval, whatever is told is told in order, and the audit
//! log proves itself. A run in which too little happened, or too little was asked for, proves nothing and fails.
//!
//! | module | what it holds |
//! |---|---|
//! | `load` | people who ask and approve, whichever host answers |
//! | `trouble` | what happens to hosts and databases |
//! | `proof` | what must hold afterwards |
//!
//! `MACADAM_CHAOS_SECONDS` says how long; `cargo xtask test chaos` takes minutes for it.
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

mod load;
mod proof;
mod trouble;

use std::time::Duration;

use macadam_tests::postgres::Postgres;
use macadam_tests::replicas::{Place, Replicas};

/// How long there is trouble if nothing is said.
const SHORT: u64 = 40;

const ORGANISATION: &str = r#"
[[teams]]
name = "payments"
members = ["dana"]

[[teams]]
name = "platform"
members = ["amir", "ada"]

[[environments]]
name = "dev"
class = "development"

[[environments]]
name = "prod"
class = "production"
"#;

/// Production asks for an approval; what fails is tried again, since all that is broken here is mended.
fn config(databases: &Postgres) -> String {
    format!(
        r#"
when-no-policy-applies = "allow"

[jobs]
tries = 1000
longest-wait-seconds = 2

[connections.sql.main]
url = "{}"

[[plugins]]
plugin = "macadam/production-gate@dev"
settings = {{ groups = ["platform"] }}

[[plugins]]
plugin = "macadam/postgres-database@dev"
grants = ["sql:main", "secrets"]
"#,
        databases.provisioner_url()
    )
}

fn how_long() -> Duration {
    let said = std::env::var("MACADAM_CHAOS_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(said.unwrap_or(SHORT))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_or_falls_asleep_nothing_is_lost_done_twice_or_told_out_of_order() {
    let databases = Postgres::start().await;
    let mut replicas = Replicas::prepare(3, Place::Directory, &config(&databases)).await;
    for server in &mut replicas.servers {
        std::fs::write(server.data().join("organisation.toml"), ORGANISATION).expect("it is written");
        server.launch();
    }
    let load = load::Load::start(&replicas.servers);
    let mut trouble = trouble::Trouble::new(replicas, databases);
    let time = how_long();
    let troubles = trouble.make(time).await;
    let asked = load.stop();
    let (mut replicas, databases) = trouble.over();
    for server in &mut replicas.servers {
        server.wait_until_ready();
    }
    println!("{} requests through {troubles}", asked.requests.len());
    troubles.suffice_for(time);
    proof::enough_was_asked(&asked, time);
    proof::of(&replicas, &databases, asked).await;
}
