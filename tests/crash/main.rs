//! A server that is killed at random points loses nothing and does nothing twice.
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

mod backup;
mod disk;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use macadam_tests::postgres::Postgres;
use macadam_tests::server::{Server, Setup};
use serde_json::{Value, json};

/// How many databases are asked for over all the crashes.
const PROVISIONINGS: usize = 200;

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
"#;

/// A small generator of "random" waits that are the same in every run (Knuth, TAOCP 2, section 3.3.4, table 1, line 26).
struct Waits(u64);

impl Waits {
    fn next(&mut self, below_ms: u64) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((self.0 >> 33) % below_ms)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_provisionings_survive_a_server_that_is_killed_again_and_again() {
    let postgres = Postgres::start().await;
    let setup = Setup { organisation: ORGANISATION.to_owned(), ..Setup::with_postgres(&postgres) };
    let mut server = Server::prepare(&setup);
    server.launch();
    let (mut requests, mut waits, mut crashes, mut asked) = (Vec::new(), Waits(20_260_301), 0, 0);
    while asked < PROVISIONINGS {
        // A burst of wishes, then a crash somewhere in the middle of the work on them.
        for _ in 0..10 {
            let key = format!("key-{asked}");
            let taken = server.person("dana").request_database_once("dev", &format!("db{asked}"), 10, &key);
            assert_eq!(taken.status, 202, "{taken:?}\n{}", server.log());
            requests.push(taken.request());
            asked += 1;
        }
        std::thread::sleep(waits.next(400));
        server.kill();
        crashes += 1;
        server.launch();
    }
    for _ in 0..10 {
        std::thread::sleep(waits.next(1_500));
        server.kill();
        crashes += 1;
        server.launch();
    }
    let begin = Instant::now();
    let states: Vec<String> = requests.iter().map(|request| server.person("dana").wait_for(request)).collect();
    println!("{PROVISIONINGS} provisionings through {crashes} crashes; the rest took {:?}", begin.elapsed());
    assert!(states.iter().all(|state| state == "succeeded"), "every request ended well: {states:?}\n{}", server.log());
    let databases = postgres.databases().await;
    assert_eq!(databases.len(), PROVISIONINGS, "one database for each request, none lost, none made twice");
    let roles: BTreeSet<_> = postgres.roles().await.into_iter().collect();
    assert_eq!(roles.len(), PROVISIONINGS, "and one role for each");
}

/// How many databases are asked for, some of which are taken back, and some removed, while the server is killed.
const CHANGES_OF_MIND: usize = 40;

/// The final states of a job.
const ENDS: [&str; 4] = ["succeeded", "failed", "cancelled", "dead"];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_and_removed_between_crashes_is_made_once_or_not_at_all() {
    let postgres = Postgres::start().await;
    let setup = Setup { organisation: ORGANISATION.to_owned(), ..Setup::with_postgres(&postgres) };
    let mut server = Server::prepare(&setup);
    server.launch();
    let mut waits = Waits(20_261_126);
    for number in 0..CHANGES_OF_MIND {
        let taken = server.person("dana").request_database("dev", &format!("db{number}"), 10);
        assert_eq!(taken.status, 202, "{taken:?}\n{}", server.log());
        std::thread::sleep(waits.next(40));
        if number % 3 == 0 {
            // Wherever the job is by now: before it began, between two steps, in the middle of one, or over.
            let cancel = format!("/api/v1/requests/{}/cancel", taken.request());
            let cancelled = server.person("dana").post(&cancel, &json!({}));
            assert!([200, 409].contains(&cancelled.status), "{cancelled:?}\n{}", server.log());
        }
        crash_now_and_then(&mut server, number, &mut waits);
    }
    all_end(&server);
    let ready = resources(&server);
    for (number, resource) in ready.iter().enumerate().filter(|(number, _)| number % 2 == 0) {
        let removed = server.person("dana").send("DELETE", &format!("/api/v1/resources/{resource}"), None);
        assert_eq!(removed.status, 202, "{removed:?}\n{}", server.log());
        std::thread::sleep(waits.next(40));
        crash_now_and_then(&mut server, number / 2, &mut waits);
    }
    let states = all_end(&server);
    assert!(!states.contains(&"dead".to_owned()), "nothing was broken, so nothing is left half done: {states:?}");
    assert!(states.contains(&"cancelled".to_owned()) && states.contains(&"succeeded".to_owned()), "{states:?}");
    let left = resources(&server).len();
    println!("{} jobs; of {} databases {left} are left", states.len(), ready.len());
    assert_eq!(left, ready.len() / 2, "what was removed is gone, and nothing else");
    assert_eq!(postgres.databases().await.len(), left, "one database for each resource, and none that nobody has");
    assert_eq!(postgres.roles().await.len(), left, "and one role for each");
}

fn crash_now_and_then(server: &mut Server, number: usize, waits: &mut Waits) {
    if number % 5 == 4 {
        std::thread::sleep(waits.next(60));
        server.kill();
        server.launch();
    }
}

/// Waits until every job has ended, and says how.
fn all_end(server: &Server) -> Vec<String> {
    let begin = Instant::now();
    loop {
        let page = server.person("dana").get("/api/v1/jobs?limit=200").body;
        let jobs = page["items"].as_array().expect("a list");
        let states: Vec<_> = jobs.iter().map(|job| job["state"].as_str().unwrap_or_default().to_owned()).collect();
        if states.iter().all(|state| ENDS.contains(&state.as_str())) {
            return states;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "every job ends: {states:?}\n{}", server.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The names of what there is.
fn resources(server: &Server) -> Vec<String> {
    let page = server.person("dana").get("/api/v1/resources?limit=200").body;
    let name = |resource: &Value| {
        let of = |part: &str| resource[part].as_str().unwrap_or_default().to_owned();
        [of("namespace"), of("environment"), of("type"), of("name")].join("/")
    };
    page["items"].as_array().expect("a list").iter().map(name).collect()
}
