//! What people do while the memory is watched: a table of acts, each with its pace, and a thread for each of them.
//!
//! The paces add up to some sixty requests a second. An act that took longer than its pace leaves out a turn, so that a
//! slow machine gets less to do and not a queue.

mod decided;
mod made;
mod operated;
mod read;
mod refused;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::site::Site;

/// How long somebody sleeps before they look whether everything is over.
const NAP: Duration = Duration::from_millis(200);

/// How long somebody waits for a request to come to its end, and how often they look.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Something that is done again and again.
struct Act {
    name: &'static str,
    every: Duration,
    /// Does it; it is told how often it was done before.
    once: fn(&Site, usize) -> anyhow::Result<()>,
}

const fn act(name: &'static str, every_ms: u64, once: fn(&Site, usize) -> anyhow::Result<()>) -> Act {
    Act { name, every: Duration::from_millis(every_ms), once }
}

static ACTS: [Act; 12] = [
    act("preview", 100, read::preview),
    act("look", 100, read::look),
    act("page", 500, read::pages),
    act("follow", 1_000, read::follow),
    act("directory", 2_000, made::directory),
    act("another-directory", 2_000, made::directory),
    act("approval", 3_000, decided::approval),
    act("scaffold", 4_000, made::scaffold),
    act("refused", 200, refused::refused),
    act("stranger", 1_500, refused::stranger),
    act("service", 10_000, operated::service),
    act("rebind", 60_000, operated::rebind),
];

/// Makes what there is to look at, and somebody who is told of it.
pub(super) fn prepare(site: &Site, receiver: &str) -> anyhow::Result<()> {
    operated::webhook(site, receiver)?;
    made::stock(site)
}

/// Has everybody start.
pub(super) fn start(site: &Arc<Site>) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let start = |act: &'static Act| {
        let site = Arc::clone(site);
        let thread = std::thread::Builder::new().name(act.name.to_owned());
        anyhow::Ok(thread.spawn(move || keep_doing(&site, act))?)
    };
    ACTS.iter().map(start).collect()
}

fn keep_doing(site: &Site, act: &Act) {
    let mut next = Instant::now();
    for round in 0.. {
        if !site.goes_on() {
            return;
        }
        if let Err(error) = (act.once)(site, round) {
            site.tally.complain(format!("{}, round {round}: {error:#}", act.name));
        }
        next = (next + act.every).max(Instant::now());
        while site.goes_on() && Instant::now() < next {
            std::thread::sleep(NAP.min(next.saturating_duration_since(Instant::now())));
        }
    }
}

/// A wish for a directory.
fn wish(environment: &str, name: &str) -> Value {
    wish_of(environment, name, 500)
}

/// A wish for a directory of some megabytes.
fn wish_of(environment: &str, name: &str, quota: u32) -> Value {
    let half = if name.len().is_multiple_of(2) { "even" } else { "odd" };
    json!({
        "environment": environment, "type": "local-directory", "name": name, "spec": {"quota_mb": quota},
        "tags": {"owner": "payments", "half": half},
    })
}

/// Where a directory is shown.
fn path(environment: &str, name: &str) -> String {
    format!("/api/v1/resources/payments/{environment}/local-directory/{name}")
}

/// Waits until a request has succeeded.
fn succeeds(site: &Site, request: &str) -> anyhow::Result<()> {
    let (begin, path) = (Instant::now(), format!("/api/v1/requests/{request}"));
    loop {
        let state = site.ask("dana", "GET", &path).expect(&[200])?.text("/state")?;
        match state.as_str() {
            "succeeded" => return Ok(()),
            "queued" | "running" | "approved" if begin.elapsed() < PATIENCE => std::thread::sleep(LOOK_EVERY),
            _ => anyhow::bail!("{path} is {state}"),
        }
    }
}
