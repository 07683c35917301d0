//! Swapping what is active under load: no request fails, each answer names the version that gave it, and no version that
//! was replaced stays in memory.
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

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use macadam_registry::{Versioning, pack};
use macadam_tests::components::{component, contract_of};
use macadam_tests::server::{Connection, Person, Server, Setup};
use serde_json::{Value, json};

const CONNECTIONS: usize = 200;

/// How long each of them rests after an answer. Without that the server has more to do than it can from the first moment on,
/// and what is tested is how long an administrator queues: half a second for each swap.
const REST: Duration = Duration::from_millis(250);

const SWAPS: usize = 1_000;
const MANY_SWAPS: usize = 10_000;

/// One that decides, one that traps, one that loops until its fuel is used up.
const VERSIONS: [(&str, &str, &str); 3] =
    [("1.0.0", "production-gate", ""), ("2.0.0", "hostile-policy", "trap"), ("3.0.0", "hostile-policy", "loop")];

fn server() -> Server {
    let config = r#"
when-no-policy-applies = "allow"

[[plugins]]
plugin = "macadam/local-directory@dev"
grants = ["files:workspaces"]

[connections.files.workspaces]
path = "workspaces"
"#;
    let server = Server::start(&Setup { config: config.to_owned(), ..Setup::default() });
    for (version, code, act) in VERSIONS {
        let settings = if act.is_empty() { String::new() } else { format!("act = \"{act}\"") };
        let component = component(code);
        let contract = contract_of(&component);
        let manifest = format!(
            "name = \"macadam/gate\"\nversion = \"{version}\"\nkind = \"approval-policy\"\ncontract = \"{contract}\"\n\
             summary = \"A policy of the tests.\"\nlicense = \"Apache-2.0\"\nauthors = []\n[settings]\n{settings}\n\
             [limits]\nfuel = 200_000\n"
        );
        let package = pack(&manifest, &component, "", Versioning::AsWritten).expect("it can be packed");
        let published = server.person("amir").publish(package.archive());
        assert_eq!(published.status, 201, "{published:?}");
    }
    server
}

fn activate(admin: &Connection<'_>, index: usize) {
    let version = VERSIONS[index % VERSIONS.len()].0;
    let wish = json!({"binding": {"plugin": format!("macadam/gate@{version}")}, "reason": "a swap"});
    let changed = admin.send("PUT", "/api/v1/bindings/gate", &wish);
    assert_eq!(changed.status, 200, "{changed:?}");
}

/// What one connection saw: how often each version answered, and how long each answer took.
#[derive(Default)]
struct Seen {
    versions: BTreeMap<String, u64>,
    took: Vec<Duration>,
}

fn ask_until(person: &Person<'_>, number: usize, stop: &AtomicBool) -> Seen {
    let (connection, mut seen) = (person.connect(), Seen::default());
    let wish = json!({
        "environment": "prod", "type": "local-directory", "name": format!("notes-{number}"), "spec": {"quota_mb": 500},
    });
    while !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let shown = connection.send("POST", "/api/v1/preview", &wish);
        seen.took.push(begin.elapsed());
        assert_eq!(shown.status, 200, "no request may fail while versions are swapped: {shown:?}");
        let verdict = &shown.body["verdicts"][0];
        let version = verdict["plugin"]["version"].as_str().unwrap_or_else(|| panic!("no version in {shown:?}"));
        let expected = if version == "1.0.0" { "require-approval" } else { "deny" };
        assert_eq!(verdict["verdict"], expected, "what {version} says is what counts: {verdict}");
        *seen.versions.entry(version.to_owned()).or_default() += 1;
        std::thread::sleep(REST);
    }
    seen
}

/// Loads the server while something is done, and gives what was seen.
fn under_load(server: &Server, meanwhile: impl FnOnce()) -> Seen {
    let (stop, dana) = (AtomicBool::new(false), server.person("dana"));
    std::thread::scope(|scope| {
        let (dana, stop) = (&dana, &stop);
        let askers: Vec<_> =
            (0..CONNECTIONS).map(|number| scope.spawn(move || ask_until(dana, number, stop))).collect();
        meanwhile();
        stop.store(true, Ordering::Relaxed);
        askers.into_iter().map(|asker| asker.join().unwrap()).fold(Seen::default(), |mut all, seen| {
            for (version, count) in seen.versions {
                *all.versions.entry(version).or_default() += count;
            }
            all.took.extend(seen.took);
            all
        })
    })
}

fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took[took.len() * 99 / 100]
}

#[test]
fn a_thousand_swaps_under_two_hundred_connections_drop_no_request() {
    let server = server();
    let ada = server.person("ada");
    let admin = ada.connect();
    activate(&admin, 0);
    let still = under_load(&server, || std::thread::sleep(Duration::from_secs(3)));
    let swapping = under_load(&server, || (0..SWAPS).for_each(|index| activate(&admin, index)));
    let (asked, versions) = (swapping.took.len(), swapping.versions.clone());
    println!(
        "{SWAPS} swaps beside {asked} answers {versions:?}: p99 {:?}, without swaps {:?} of {}",
        p99(swapping.took),
        p99(still.took.clone()),
        still.took.len()
    );
    assert_eq!(versions.len(), VERSIONS.len(), "every version answered some: {versions:?}");
    let history = ada.get("/api/v1/bindings/gate/history");
    let newest: &Value = &history.body["items"][0];
    // The first of the thousand says what was there already, which is no change.
    assert_eq!(newest["revision"], json!(SWAPS), "every swap is on record: {newest}");
}

#[test]
fn ten_thousand_swaps_leave_no_version_behind_in_memory() {
    let server = server();
    let ada = server.person("ada");
    let admin = ada.connect();
    (0..1_000).for_each(|index| activate(&admin, index));
    let early = server.resident_bytes();
    (1_000..MANY_SWAPS).for_each(|index| activate(&admin, index));
    let late = server.resident_bytes();
    println!("resident after 1,000 swaps: {} KiB, after {MANY_SWAPS}: {} KiB", early / 1024, late / 1024);
    // A version is some 350 KiB: nine thousand that stayed would be three gigabytes.
    assert!(late < early + (16 << 20), "from {early} to {late} bytes");
}
