//! Telling what happens, by a host that dies over it: to somebody who follows, and to a webhook.

use std::io::{BufRead as _, BufReader, Lines};
use std::time::Duration;

use macadam_tests::receiver::{Got, Receiver, UNANSWERED};
use macadam_tests::replicas::{Place, Replicas};
use macadam_tests::server::Server;
use serde_json::{Value, json};

use crate::{CONFIG, directory, until};

/// How long somebody follows before a test gives up on what is still to come.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the webhook takes.
const TYPES: [&str; 4] = ["macadam.request.", "macadam.resource.", "macadam.job.", "macadam.webhook."];

/// Receivers are on this machine; what providers see of resources by themselves would be told at any time.
fn config() -> String {
    let allowed = "[webhooks]\nallow-addresses = [\"127.0.0.1/32\"]\nallow-http-hosts = [\"127.0.0.1\"]\n";
    format!("health-check-seconds = 0\n{CONFIG}\n{allowed}")
}

/// Asks a host for directories, and says by which requests.
fn ask(server: &Server, names: &[&str]) -> Vec<String> {
    let dana = server.person("dana");
    names.iter().map(|name| dana.post("/api/v1/resources", &directory("dev", name)).request()).collect()
}

fn all_succeed(server: &Server, requests: &[String]) {
    for request in requests {
        assert_eq!(server.person("dana").wait_for(request), "succeeded", "{}", server.log());
    }
}

fn place(event: &Value) -> u64 {
    event["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no place in {event}"))
}

/// The places of all events, page by page.
fn told(server: &Server) -> Vec<u64> {
    let mut told = Vec::new();
    loop {
        let after = told.last().copied().unwrap_or(0);
        let page = server.person("ada").get(&format!("/api/v1/events?after={after}&limit=200"));
        assert_eq!(page.status, 200, "{page:?}");
        let items = page.body["items"].as_array().expect("a list");
        if items.is_empty() {
            return told;
        }
        told.extend(items.iter().map(place));
    }
}

/// Somebody who follows all events from the first on, as libraries for server-sent events do: the places of what is told,
/// until the stream breaks off.
struct Stream {
    lines: Lines<BufReader<ureq::BodyReader<'static>>>,
    /// The last place that the host has named, with an event or without one.
    last: Option<String>,
}

impl Stream {
    /// Follows at a host; whoever comes back says what they have seen, and repeats the address as it was.
    fn open(server: &Server, last: Option<String>) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let agent: ureq::Agent = agent.into();
        let line = server.person("ada").authorization();
        let (_, authorization) = line.split_once(": ").expect("a header");
        let mut ask = agent
            .get(server.url("/api/v1/events?after=0"))
            .header("authorization", authorization)
            .header("accept", "text/event-stream");
        if let Some(last) = &last {
            ask = ask.header("last-event-id", last);
        }
        let answer = ask.call().expect("the host answers");
        assert_eq!(answer.status().as_u16(), 200, "the stream begins");
        Self { lines: BufReader::new(answer.into_body().into_reader()).lines(), last }
    }
}

impl Iterator for Stream {
    type Item = u64;

    /// A message counts when its empty line is there: what breaks off before has not come.
    fn next(&mut self) -> Option<u64> {
        let (mut id, mut has_data) = (None, false);
        loop {
            let line = self.lines.next()?.ok()?;
            match line.split_once(':') {
                Some(("id", value)) => id = Some(value.trim().to_owned()),
                Some(("data", _)) => has_data = true,
                Some(_) => {}
                None => {
                    self.last = id.take().or_else(|| self.last.take());
                    if std::mem::take(&mut has_data) {
                        return self.last.as_ref().map(|last| last.parse().expect("a place"));
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_at_a_host_that_dies_goes_on_at_another_and_gets_each_event_once_and_in_order() {
    let mut replicas = Replicas::start(2, Place::Directory, &config()).await;
    let mut stream = Stream::open(&replicas.servers[0], None);
    let mut requests = ask(&replicas.servers[0], &["a", "b"]);
    requests.extend(ask(&replicas.servers[1], &["c", "d"]));
    let mut seen: Vec<_> = stream.by_ref().take(10).collect();
    assert_eq!(seen.len(), 10, "a host tells what happens\n{}", replicas.servers[0].log());
    replicas.servers[0].kill();
    // What it had sent is there nevertheless, and may end in the middle of a message.
    seen.extend(stream.by_ref());
    let left = &replicas.servers[1];
    let mut stream = Stream::open(left, stream.last);
    requests.extend(ask(left, &["e", "f"]));
    all_succeed(left, &requests);
    let told = told(left);
    assert!(seen.len() < told.len(), "something is left for the other host to tell");
    seen.extend(stream.by_ref().take(told.len() - seen.len()));
    assert_eq!(seen, told, "nothing is missing, twice or in another order\n{}", left.log());
}

fn places(got: &[Got]) -> Vec<u64> {
    got.iter().map(Got::place).collect()
}

/// The places of all that a webhook of dana's team takes.
fn expected(server: &Server, webhook: &Value) -> Vec<u64> {
    let begin = webhook["cursor"].as_u64().expect("a webhook has a place");
    let page = server.person("dana").get(&format!("/api/v1/events?team=payments&after={begin}&limit=200"));
    let is_taken = |event: &&Value| TYPES.iter().any(|taken| event["type"].as_str().unwrap().starts_with(taken));
    page.body["items"].as_array().expect("a list").iter().filter(is_taken).map(place).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_was_telling_a_webhook_when_it_died_another_tells_in_order_and_none_is_missing() {
    let mut replicas = Replicas::prepare(2, Place::Directory, &config()).await;
    let receiver = Receiver::start();
    let answered = 3;
    (0..answered).for_each(|_| receiver.answer_next(204, None));
    receiver.answer_always(UNANSWERED);
    replicas.servers[0].launch();
    let first = &replicas.servers[0];
    let wish = json!({"url": receiver.url("/hook"), "types": TYPES});
    let webhook = first.person("dana").post("/api/v1/webhooks", &wish);
    assert_eq!(webhook.status, 201, "{webhook:?}");
    let mut requests = ask(first, &["a", "b"]);
    until("a message that waits for its answer", first, || (receiver.got().len() > answered).then_some(()));
    // It comes only now, so that the first one is the one that is telling.
    replicas.servers[1].launch();
    replicas.servers[0].kill();
    receiver.answer_always(204);
    let left = &replicas.servers[1];
    requests.extend(ask(left, &["c"]));
    all_succeed(left, &requests);
    let expected = expected(left, &webhook.body);
    until("the last message", left, || (places(&receiver.taken()).last() == expected.last()).then_some(()));
    let mut taken = places(&receiver.taken());
    // One whose answer was lost would come again, and nothing before it.
    taken.dedup();
    assert_eq!(taken, expected, "nothing is missing, late or early\n{}", left.log());
    for got in receiver.got().iter().filter(|got| got.answered == UNANSWERED) {
        assert_eq!(got.place(), expected[answered], "nothing overtakes the one that has not arrived");
    }
}
