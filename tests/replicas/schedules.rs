//! What is done by the clock, by several hosts of which each has one.

use std::time::Instant;

use macadam_tests::replicas::{Place, Replicas};
use macadam_tests::server::Server;

use crate::{CONFIG, until};

/// A schedule that is due again so many seconds after each run.
const NAME: &str = "idempotency-keys";
const SECONDS: u64 = 2;

/// How many runs are waited for. If two hosts ran it at each moment, it would not have been due so often by then.
const RUNS: u64 = 8;

/// How many runs a host has counted, whatever they came to.
fn runs(server: &Server) -> u64 {
    let metrics = String::from_utf8(server.person("ada").download("/metrics")).expect("metrics are text");
    let series = format!("macadam_schedule_runs_total{{schedule=\"{NAME}\"");
    let of_schedule = metrics.lines().filter(|line| line.starts_with(&series));
    of_schedule.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_by_the_clock_is_done_by_one_of_the_hosts_each_time_it_is_due() {
    let often = format!("{CONFIG}\n[schedules.{NAME}]\nevery-seconds = {SECONDS}\n");
    let replicas = Replicas::start(3, Place::Directory, &often).await;
    let all = || replicas.servers.iter().map(runs).sum::<u64>();
    // Only now: what the hosts took to start would leave room for moments that never were.
    let begin = Instant::now();
    let before = all();
    let ran = until("some runs", &replicas.servers[0], || Some(all() - before).filter(|ran| *ran >= RUNS));
    // The next one is due so long after the end of the last, however slow the hosts are.
    let due = 1 + begin.elapsed().as_secs() / SECONDS;
    assert!(ran <= due, "{ran} runs, and it was due {due} times at most\n{}", replicas.servers[0].log());
}
