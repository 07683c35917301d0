//! What must hold when the trouble is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use macadam_tests::postgres::Postgres;
use macadam_tests::replicas::Replicas;
use macadam_tests::server::Server;
use serde_json::{Value, json};

use crate::load::{Asked, PRODUCTION, Taken, number};

/// How long the work that is left may take: everything that waits is tried again within seconds.
const REST: Duration = Duration::from_secs(180);

/// The final states of a request and of a job.
const ENDS: [&str; 7] = ["succeeded", "failed", "cancelled", "dead", "rejected", "denied", "expired"];

/// In how many seconds at least one request is taken, and one that needs an approval. Three people who think for half a
/// second ask for twenty times as much, as long as nothing sleeps; and each of them asks for production first.
const SECONDS_PER_REQUEST: u64 = 4;
const SECONDS_PER_APPROVAL: u64 = 20;

/// Makes sure that people have asked for enough for what holds afterwards to mean something.
pub(crate) fn enough_was_asked(asked: &Asked, time: Duration) {
    let taken = asked.requests.len() as u64;
    assert!(taken >= time.as_secs() / SECONDS_PER_REQUEST, "only {taken} requests were taken in {time:?}");
    let guarded = in_production(asked).count() as u64;
    assert!(guarded >= time.as_secs() / SECONDS_PER_APPROVAL, "only {guarded} were for production in {time:?}");
}

fn in_production(asked: &Asked) -> impl Iterator<Item = &Taken> {
    asked.requests.values().filter(|taken| taken.environment == PRODUCTION)
}

pub(crate) async fn of(replicas: &Replicas, databases: &Postgres, asked: Asked) {
    let logs = || replicas.servers.iter().map(Server::log).collect::<Vec<_>>().join("\n――――\n");
    let host = &replicas.servers[0];
    let requests = all_ended(host, "requests");
    let states: BTreeMap<_, _> = requests.iter().map(|request| (text(request, "id"), text(request, "state"))).collect();
    let taken: BTreeSet<_> = asked.requests.values().map(|taken| taken.id.clone()).collect();
    assert_eq!(taken.len(), asked.requests.len(), "each wish has a request of its own");
    assert_eq!(states.keys().cloned().collect::<BTreeSet<_>>(), taken, "what was taken is there, and nothing else");
    let others: Vec<_> = states.iter().filter(|(_, state)| *state != "succeeded").collect();
    assert!(others.is_empty(), "all of it succeeds: {others:?}\n{}", logs());
    let jobs = all_ended(host, "jobs");
    assert_eq!(jobs.len(), requests.len(), "one job for each");
    assert_eq!(databases.databases().await.len(), requests.len(), "one database for each, and none that nobody has");
    assert_eq!(databases.roles().await.len(), requests.len(), "and one role for each");
    production_was_approved_by_others(host, &asked);
    events_tell_each_story_once(host, asked);
    audit_proves_itself(host, requests.len());
}

fn text(of: &Value, member: &str) -> String {
    of[member].as_str().unwrap_or_else(|| panic!("no {member} in {of}")).to_owned()
}

/// Everything of a kind, once all of it has ended.
fn all_ended(host: &Server, kind: &str) -> Vec<Value> {
    let begin = Instant::now();
    loop {
        let all = all(host, kind);
        let open: Vec<_> = all.iter().filter(|each| !ENDS.contains(&text(each, "state").as_str())).collect();
        if open.is_empty() {
            return all;
        }
        assert!(begin.elapsed() < REST, "{} {kind} do not end: {:?}\n{}", open.len(), open.first(), host.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn all(host: &Server, kind: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = host.person("ada").get(&format!("/api/v1/{kind}?limit=200{after}"));
        assert_eq!(page.status, 200, "{page:?}");
        all.extend(page.body["items"].as_array().expect("a list").iter().cloned());
        match page.body["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

/// All that was asked for has succeeded by now; what is in production has not without somebody else who said yes. Both the
/// request and the audit log say who.
fn production_was_approved_by_others(host: &Server, asked: &Asked) {
    let ada = host.person("ada");
    let read = |path: String| {
        let answer = ada.get(&path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    };
    for Taken { id, .. } in in_production(asked) {
        let request = read(format!("/api/v1/requests/{id}"));
        let entries = read(format!("/api/v1/audit?action=request.approved&subject=requests/{id}"));
        let requester = text(&request, "person");
        for (told, member) in [(&request["approvals"], "person"), (&entries["items"], "actor")] {
            let people: Vec<_> = told.as_array().expect("a list").iter().map(|each| text(each, member)).collect();
            assert!(!people.is_empty(), "nobody has approved {id}, and it was done: {request} {entries}");
            assert!(!people.contains(&requester), "{requester} approves what they asked for: {request} {entries}");
        }
    }
}

/// Events are numbered without holes; who followed them from host to host has seen just these; and each request's story
/// has its beginning before its end, and each of them once.
fn events_tell_each_story_once(host: &Server, asked: Asked) {
    let events = all_events(host);
    let numbers: Vec<_> = events.iter().map(number).collect();
    let first = numbers.first().copied().unwrap_or_default();
    assert!(numbers.iter().copied().eq(first..first + numbers.len() as u64), "no number is missing, none is twice");
    let followed = asked.follower.read_to(numbers.last().copied().expect("something was told"));
    assert!(
        followed.starts_with(&numbers),
        "nothing came late, where somebody had read already, and they have read to the end: {followed:?} of {numbers:?}"
    );
    let mut stories: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in &events {
        stories.entry(text(event, "subject")).or_default().push(text(event, "type"));
    }
    for Taken { id: request, .. } in asked.requests.values() {
        let story = &stories[&format!("requests/{request}")];
        let at = |kind: &str| {
            let places: Vec<_> = story.iter().enumerate().filter(|(_, each)| *each == kind).map(|(at, _)| at).collect();
            assert_eq!(places.len(), 1, "{kind} is told once of {request}: {story:?}");
            places[0]
        };
        assert!(at("macadam.request.queued") < at("macadam.request.succeeded"), "{story:?}");
        assert_eq!(story.last().map(String::as_str), Some("macadam.request.succeeded"), "{story:?}");
    }
    let ready = stories.iter().filter(|(subject, _)| subject.starts_with("resources/"));
    for (subject, story) in ready {
        let times = story.iter().filter(|kind| *kind == "macadam.resource.ready").count();
        assert_eq!(times, 1, "{subject} is made once: {story:?}");
    }
}

fn all_events(host: &Server) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    loop {
        let after = events.last().map_or(0, number);
        let page = host.person("ada").get(&format!("/api/v1/events?after={after}&limit=200"));
        let items = page.body["items"].as_array().expect("a list").clone();
        if items.is_empty() {
            return events;
        }
        events.extend(items);
    }
}

/// All of the audit log is what was written, and all that was done is in it: each request is told of at least when it is
/// queued, runs and succeeds.
fn audit_proves_itself(host: &Server, requests: usize) {
    let verified = host.cli("ada", &["audit", "verify", "--output", "json"]);
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{said}{}", String::from_utf8_lossy(&verified.stderr));
    let found: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!((&found["streams"], &found["findings"]), (&Value::Null, &json!([])), "nothing is left out: {said}");
    let entries = found["entries"].as_u64().expect("a number");
    assert!(entries >= 3 * requests as u64, "{entries} entries do not tell of {requests} requests");
}
