//! People who ask and approve, whichever host answers. Who gets no answer asks another host the same, under the same key.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use macadam_tests::server::{Answer, Remote, Server, database};
use serde_json::json;

/// How many people ask at once.
const CLIENTS: usize = 3;

/// How long a person thinks between two requests.
const THOUGHT: Duration = Duration::from_millis(500);

/// How long somebody waits for an answer: longer than a host sleeps.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long somebody who follows may be behind when there is no trouble any more.
const CATCHING_UP: Duration = Duration::from_secs(60);

/// The environment in which nothing is made without an approval.
pub(crate) const PRODUCTION: &str = "prod";

/// A request that was taken.
pub(crate) struct Taken {
    pub(crate) id: String,
    /// Where it was asked for.
    pub(crate) environment: &'static str,
}

/// Everything that was asked for and taken.
pub(crate) struct Asked {
    /// The requests by the name of what they are for.
    pub(crate) requests: BTreeMap<String, Taken>,
    /// Somebody who has followed all events meanwhile, and still does.
    pub(crate) follower: Follower,
}

/// Somebody who follows events, whichever host answers.
pub(crate) struct Follower {
    /// The event to read to; none has this number until somebody says which.
    end: Arc<AtomicU64>,
    thread: JoinHandle<Vec<u64>>,
}

impl Follower {
    fn start(hosts: Hosts) -> Self {
        let end = Arc::new(AtomicU64::new(u64::MAX));
        let to = Arc::clone(&end);
        Self { end, thread: std::thread::spawn(move || follow(hosts, &to)) }
    }

    /// Has it read on to an event, and says the numbers of all that it has seen.
    pub(crate) fn read_to(self, event: u64) -> Vec<u64> {
        self.end.store(event, Ordering::SeqCst);
        self.thread.join().expect("every event is read")
    }
}

/// The people at work.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<BTreeMap<String, Taken>>>,
    approver: JoinHandle<()>,
    follower: Follower,
    unfinished: Arc<AtomicUsize>,
}

/// The hosts, as one person reaches them.
struct Hosts {
    hosts: Vec<Remote>,
    next: usize,
}

impl Hosts {
    fn of(servers: &[Server], person: &str) -> Self {
        Self { hosts: servers.iter().map(|server| server.remote(person, PATIENCE)).collect(), next: 0 }
    }

    /// Asks one host after the other until one answers.
    fn send(&mut self, method: &str, path: &str, body: Option<&serde_json::Value>, key: Option<&str>) -> Answer {
        let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        loop {
            self.next += 1;
            let answer = self.hosts[self.next % self.hosts.len()].send(method, path, body, &headers);
            match answer.status {
                // Not there, or without its database.
                0 | 503 => std::thread::sleep(Duration::from_millis(100)),
                // Killed or not, a host says what it means.
                status => {
                    assert!(status < 500, "{method} {path}: {answer:?}");
                    return answer;
                }
            }
        }
    }
}

impl Load {
    pub(crate) fn start(servers: &[Server]) -> Self {
        let (over, unfinished) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(CLIENTS)));
        let clients = (0..CLIENTS).map(|client| {
            let (hosts, over, unfinished) = (Hosts::of(servers, "dana"), Arc::clone(&over), Arc::clone(&unfinished));
            std::thread::spawn(move || {
                let asked = ask(hosts, client, &over);
                unfinished.fetch_sub(1, Ordering::SeqCst);
                asked
            })
        });
        let clients = clients.collect();
        let (hosts, more) = (Hosts::of(servers, "amir"), Arc::clone(&unfinished));
        let approver = std::thread::spawn(move || approve(hosts, &more));
        let follower = Follower::start(Hosts::of(servers, "ada"));
        Self { over, clients, approver, follower, unfinished }
    }

    /// Has nobody ask any more, and says what was asked for.
    pub(crate) fn stop(self) -> Asked {
        self.over.store(true, Ordering::SeqCst);
        let asked = self.clients.into_iter().map(|client| client.join().expect("every request is taken"));
        let requests = asked.flatten().collect();
        assert_eq!(self.unfinished.load(Ordering::SeqCst), 0);
        self.approver.join().expect("everything is approved");
        Asked { requests, follower: self.follower }
    }
}

fn ask(mut hosts: Hosts, client: usize, over: &AtomicBool) -> BTreeMap<String, Taken> {
    let mut asked = BTreeMap::new();
    while !over.load(Ordering::SeqCst) {
        let name = format!("db{client}-{}", asked.len());
        let environment = if asked.len() % 3 == 0 { PRODUCTION } else { "dev" };
        let id = take(&mut hosts, environment, &name);
        asked.insert(name, Taken { id, environment });
        std::thread::sleep(THOUGHT);
    }
    asked
}

/// Asks under one key until it is taken, whatever happens to the hosts meanwhile.
fn take(hosts: &mut Hosts, environment: &str, name: &str) -> String {
    let wish = database(environment, name, 10);
    loop {
        let taken = hosts.send("POST", "/api/v1/resources", Some(&wish), Some(name));
        if taken.status == 202 {
            return taken.request();
        }
        // A host is at it, or died over it and is not taken for dead yet.
        let told = taken.body["detail"].as_str().unwrap_or_default();
        assert!(taken.status == 409 && told.contains("under way"), "{taken:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Approves until nobody asks any more and nothing waits.
fn approve(mut hosts: Hosts, unfinished: &AtomicUsize) {
    loop {
        let last = unfinished.load(Ordering::SeqCst) == 0;
        let waiting = hosts.send("GET", "/api/v1/requests?state=pending-approval&limit=200", None, None);
        let waiting = waiting.body["items"].as_array().expect("a list").clone();
        for request in &waiting {
            let path = format!("/api/v1/requests/{}", request["id"].as_str().expect("an id"));
            let digest = hosts.send("GET", &path, None, None).body["digest"].clone();
            let approved = hosts.send("POST", &format!("{path}/approve"), Some(&json!({"digest": digest})), None);
            // A conflict is an approval whose answer was lost.
            assert!([200, 409].contains(&approved.status), "{approved:?}");
        }
        if last && waiting.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Reads what happens, page by page from whichever host answers, to the event that is said to be the end. One that does
/// not come is not waited for for ever: what was seen says which.
fn follow(mut hosts: Hosts, end: &AtomicU64) -> Vec<u64> {
    let mut seen: Vec<u64> = Vec::new();
    let mut told = None;
    loop {
        let (place, end) = (seen.last().copied().unwrap_or(0), end.load(Ordering::SeqCst));
        let waited = (end < u64::MAX).then(|| told.get_or_insert_with(Instant::now).elapsed());
        if place >= end || waited.is_some_and(|waited| waited > CATCHING_UP) {
            return seen;
        }
        seen.extend(page(&mut hosts, place).iter().map(number));
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn page(hosts: &mut Hosts, after: u64) -> Vec<serde_json::Value> {
    let page = hosts.send("GET", &format!("/api/v1/events?after={after}&limit=200"), None, None);
    assert_eq!(page.status, 200, "{page:?}");
    page.body["items"].as_array().expect("a list").clone()
}

/// An event's number.
pub(crate) fn number(event: &serde_json::Value) -> u64 {
    event["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no number in {event}"))
}
