//! A client's own key counts on every host, and over the death and sleep of the one that had the request first.

use std::time::Duration;

use macadam_tests::replicas::{Place, Replicas};
use macadam_tests::server::Remote;
use serde_json::Value;

use crate::{CONFIG, directory};

/// Longer than a host sleeps.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_under_the_same_key_is_taken_once_whichever_hosts_are_asked() {
    let replicas = Replicas::start(3, Place::Directory, CONFIG).await;
    let wish = directory("dev", "notes");
    let ask = |number: usize| {
        let (host, wish) = (replicas.servers[number % 3].remote("dana", PATIENCE), wish.clone());
        std::thread::spawn(move || ask_until_taken(&host, &wish, "k1"))
    };
    let threads: Vec<_> = (0..9).map(ask).collect();
    let answers: Vec<Value> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "everybody has the same answer: {answers:?}");
    let all = replicas.servers[0].person("dana").get("/api/v1/requests");
    assert_eq!(all.body["items"].as_array().unwrap().len(), 1, "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_host_falls_asleep_or_dies_over_it_is_taken_once_by_another() {
    let mut replicas = Replicas::start(2, Place::Directory, CONFIG).await;
    for (number, milliseconds) in [2, 5, 9, 14].into_iter().enumerate() {
        let (name, dies) = (format!("files-{number}"), number % 2 == 1);
        let wish = directory("dev", &name);
        let first = {
            let (host, wish, key) = (replicas.servers[0].remote("dana", PATIENCE), wish.clone(), name.clone());
            std::thread::spawn(move || {
                host.send("POST", "/api/v1/resources", Some(&wish), &[("idempotency-key", &key)])
            })
        };
        std::thread::sleep(Duration::from_millis(milliseconds));
        let server = &mut replicas.servers[0];
        if dies {
            server.kill();
        } else {
            server.pause();
        }
        let taken = ask_until_taken(&replicas.servers[1].remote("dana", PATIENCE), &wish, &name);
        let server = &mut replicas.servers[0];
        if dies {
            server.launch();
        } else {
            server.resume();
        }
        let first = first.join().unwrap();
        // Cut off, answered the same, or told that another has taken it over.
        assert!([0, 202, 503].contains(&first.status), "{first:?}\n{}", replicas.servers[0].log());
        if first.status == 202 {
            assert_eq!(first.body["request"], taken["request"], "both were answered the same");
        }
        let again = replicas.servers[0].remote("dana", PATIENCE);
        assert_eq!(ask_until_taken(&again, &wish, &name), taken, "also whoever comes once more");
        let request = taken["request"].as_str().unwrap();
        assert_eq!(replicas.servers[1].person("dana").wait_for(request), "succeeded");
    }
    let all = replicas.servers[0].person("dana").get("/api/v1/requests");
    assert_eq!(all.body["items"].as_array().unwrap().len(), 4, "{all:?}");
}

/// Asks under a key until there is an answer, which says that it was taken.
fn ask_until_taken(host: &Remote, wish: &Value, key: &str) -> Value {
    for _ in 0..400 {
        let answer = host.send("POST", "/api/v1/resources", Some(wish), &[("idempotency-key", key)]);
        if answer.status == 202 {
            return answer.body;
        }
        // Under way, or held up by what a host that sleeps has locked.
        let told = answer.body["detail"].as_str().unwrap_or_default();
        assert!(answer.status == 503 || answer.status == 409 && told.contains("under way"), "{answer:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("a request is under way for ever");
}
