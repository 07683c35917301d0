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

/// How many databases are asked for, some of them taken back or removed while the server is killed.
const CHANGES_OF_MIND: usize = 60;

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
        {
            let dana = server.person("dana");
            let name = format!("db{number}");
            let taken = dana.request_database("dev", &name, 10);
            assert_eq!(taken.status, 202, "{taken:?}\n{}", server.log());
            std::thread::sleep(waits.next(40));
            match number % 3 {
                // Wherever the job is by now: before it began, between two steps, in the middle of one, or over.
                0 => {
                    let cancelled = dana.post(&format!("/api/v1/requests/{}/cancel", taken.request()), &json!({}));
                    assert!([200, 409].contains(&cancelled.status), "{cancelled:?}\n{}", server.log());
                }
                1 => {
                    let removed =
                        dana.send("DELETE", &format!("/api/v1/resources/payments/dev/postgres-database/{name}"), None);
                    assert!([202, 404, 409].contains(&removed.status), "{removed:?}\n{}", server.log());
                }
                _ => {}
            }
        }
        if number % 5 == 4 {
            std::thread::sleep(waits.next(60));
            server.kill();
            server.launch();
        }
    }
    let (jobs, begin) = (all_jobs(&server), Instant::now());
    while begin.elapsed() < Duration::from_secs(60) && jobs().iter().any(|job| !is_final(job)) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let states: Vec<_> = jobs().iter().map(|job| job["state"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(states.iter().all(|state| ENDS.contains(&state.as_str())), "every job ends: {states:?}\n{}", server.log());
    assert!(!states.contains(&"dead".to_owned()), "nothing was broken, so nothing may be left half done: {states:?}");
    assert!(states.contains(&"cancelled".to_owned()) && states.contains(&"succeeded".to_owned()), "{states:?}");
    let ready = server.person("dana").get("/api/v1/resources?limit=200").body["items"].as_array().map_or(0, Vec::len);
    println!("{} jobs, {ready} databases are left", states.len());
    assert_eq!(postgres.databases().await.len(), ready, "one database for each resource, and none that nobody has");
    assert_eq!(postgres.roles().await.len(), ready, "and one role for each");
}

fn is_final(job: &Value) -> bool {
    job["state"].as_str().is_some_and(|state| ENDS.contains(&state))
}

/// Every job there is.
fn all_jobs(server: &Server) -> impl Fn() -> Vec<Value> + '_ {
    || {
        let page = server.person("dana").get("/api/v1/jobs?limit=200").body;
        page["items"].as_array().cloned().unwrap_or_default()
    }
}
