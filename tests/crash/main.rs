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
