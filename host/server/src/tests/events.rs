//! Events as clients meet them: pages and streams, resumed, and only what one may see.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::request::Builder;
use axum::http::{Method, Request, StatusCode};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_store::{NewEvent, NewServiceToken, ServiceTokenId, Store};
use serde_json::{Value, json};

use super::host::{Host, one_of_platform, request_as};
use crate::ServerState;
use crate::api::Streams;

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stream of events, read as a client does.
struct Stream {
    body: BodyDataStream,
    text: String,
}

/// One message: its id and its event, if it has one.
#[derive(Debug)]
struct Message {
    id: u64,
    event: Option<Value>,
}

impl Stream {
    async fn open(host: &Host, person: &str, query: &str, last: Option<u64>) -> Self {
        let path = format!("/api/v1/events{query}");
        let mut request = request_as(person, Method::GET, &path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Self::answering(host, request).await
    }

    /// One that is opened by some token.
    async fn bearing(host: &Host, token: &str) -> Self {
        let request = Request::builder().uri("/api/v1/events").header("authorization", format!("Bearer {token}"));
        Self::answering(host, request).await
    }

    async fn answering(host: &Host, request: Builder) -> Self {
        use tower::ServiceExt as _;
        let request = request.header("accept", "text/event-stream").body(Body::empty()).unwrap();
        let response = host.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next message; nothing when the stream has ended.
    async fn message(&mut self) -> Option<Message> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let event = field("data:").map(|data| serde_json::from_str(data).unwrap());
                return Some(Message { id: field("id:").unwrap().parse().unwrap(), event });
            }
            let more = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("something is sent")?;
            self.text.push_str(std::str::from_utf8(&more.unwrap()).unwrap());
        }
    }

    /// Reads to the end, which comes by itself.
    async fn end(&mut self) {
        let all = async { while self.message().await.is_some() {} };
        tokio::time::timeout(PATIENCE, all).await.expect("the stream ends");
    }

    /// The next event.
    async fn event(&mut self) -> (u64, Value) {
        loop {
            let message = self.message().await.expect("the stream goes on");
            if let Some(event) = message.event {
                return (message.id, event);
            }
        }
    }
}

/// A host that looks at the tokens of streams so often.
async fn looking_every(look: Duration) -> Host {
    Host::start().await.with(|state| ServerState { streams: Streams::default().looked_at_every(look), ..state })
}

async fn tell(store: &dyn Store, team: &str, number: u64) -> u64 {
    let data = json!({"team": team, "number": number});
    let event = NewEvent { event_type: "macadam.test.told".into(), subject: format!("tests/{team}"), data };
    store.append_event(&event, Timestamp::now()).await.unwrap()
}

fn types(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_that_is_cut_off_again_and_again_sees_each_event_once_and_in_order() {
    const EVENTS: u64 = 600;
    let host = Host::start().await;
    let start = host.store.event_range().await.unwrap().latest;
    let store = host.store.clone();
    let writer = tokio::spawn(async move {
        for number in 0..EVENTS {
            tell(store.as_ref(), "payments", number).await;
            // What others do goes between, and is not seen.
            tell(store.as_ref(), "orders", number).await;
        }
    });
    let (mut seen, mut last) = (Vec::new(), start);
    let mut cut = 1;
    while (seen.len() as u64) < EVENTS {
        let mut stream = Stream::open(&host, "dana", "", Some(last)).await;
        for _ in 0..cut {
            if seen.len() as u64 == EVENTS {
                break;
            }
            let (id, event) = stream.event().await;
            assert!(id > last, "an event came again, or out of order");
            assert_eq!(event["id"], id.to_string(), "the id is the place to go on from");
            assert_eq!(event["team"], "payments", "nothing of another team is seen");
            seen.push(event["data"]["number"].as_u64().unwrap());
            last = id;
        }
        cut = cut * 2 % 127 + 1;
    }
    writer.await.unwrap();
    assert_eq!(seen, (0..EVENTS).collect::<Vec<_>>(), "none is missing");
}

#[tokio::test]
async fn what_is_told_while_one_listens_arrives_and_what_was_before_does_not() {
    let host = Host::start().await;
    tell(host.store.as_ref(), "payments", 1).await;
    let mut stream = Stream::open(&host, "dana", "", None).await;
    let here = stream.message().await.unwrap();
    assert!(here.event.is_none(), "first the client is told where it is");
    assert_eq!(here.id, host.store.event_range().await.unwrap().latest);
    let told = tell(host.store.as_ref(), "payments", 2).await;
    let (id, event) = stream.event().await;
    assert_eq!((id, &event["data"]["number"]), (told, &json!(2)));
    assert_eq!((&event["specversion"], &event["source"]), (&json!("1.0"), &json!("/macadam")));
}

#[tokio::test]
async fn one_sees_the_events_of_teams_that_one_may_see_and_those_for_everybody() {
    let host = Host::start().await;
    host.dana_has_asked_for("ledger", one_of_platform()).await;
    let binding =
        NewEvent { event_type: "macadam.binding.changed".into(), subject: "bindings/x".into(), data: json!({}) };
    host.store.append_event(&binding, Timestamp::now()).await.unwrap();
    let own = ["macadam.resource.creating", "macadam.request.pending-approval"];
    for (person, team, binding) in
        [("dana", true, false), ("olga", false, false), ("amir", true, false), ("ada", true, true)]
    {
        let page = host.get_as(person, "/api/v1/events?limit=200").await.json();
        let seen = types(&page);
        assert_eq!(own.iter().all(|own| seen.contains(own)), team, "{person} sees {seen:?}");
        assert_eq!(own.iter().any(|own| seen.contains(own)), team, "{person} sees {seen:?}");
        assert_eq!(seen.contains(&"macadam.binding.changed"), binding, "{person} sees {seen:?}");
        assert!(seen.contains(&"macadam.environment.changed"), "{person} sees {seen:?}");
    }
    let mut stream = Stream::open(&host, "olga", "?after=0&type=macadam.request.", None).await;
    stream.message().await.unwrap();
    tell(host.store.as_ref(), "payments", 1).await;
    host.get_as("olga", "/api/v1/events?team=payments").await.is_problem("invalid", 422);
    let unseen = tokio::time::timeout(Duration::from_millis(300), stream.event()).await;
    assert!(unseen.is_err(), "a stream shows no more than a page: {unseen:?}");
}

#[tokio::test]
async fn filters_narrow_by_the_beginning_of_type_and_subject_and_by_team() {
    let host = Host::start().await;
    let request = host.dana_has_asked_for("ledger", one_of_platform()).await;
    for (query, expected) in [
        ("type=macadam.request.", vec!["macadam.request.pending-approval"]),
        ("type=macadam.re&team=payments", vec!["macadam.resource.creating", "macadam.request.pending-approval"]),
        ("subject=resources/payments/", vec!["macadam.resource.creating"]),
        (&format!("subject=requests/{request}"), vec!["macadam.request.pending-approval"]),
        ("team=orders&type=macadam.re", vec![]),
        ("type=macadam.nothing", vec![]),
    ] {
        let page = host.get_as("ada", &format!("/api/v1/events?{query}")).await.json();
        assert_eq!(types(&page), expected, "{query}");
    }
}

#[tokio::test]
async fn pages_lead_from_the_first_event_to_the_last_and_on_to_what_comes_later() {
    let host = Host::start().await;
    let told = host.store.event_range().await.unwrap().latest;
    let (mut after, mut seen) = ("0".to_owned(), 0);
    let last = loop {
        let page = host.get_as("ada", &format!("/api/v1/events?limit=2&after={after}")).await.json();
        seen += types(&page).len() as u64;
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break page["last"].as_str().unwrap().to_owned(),
        }
    };
    assert_eq!((seen, last.as_str()), (told, told.to_string().as_str()));
    tell(host.store.as_ref(), "payments", 1).await;
    let page = host.get_as("ada", &format!("/api/v1/events?after={last}")).await.json();
    assert_eq!(types(&page), ["macadam.test.told"]);
}

#[tokio::test]
async fn a_client_that_is_too_far_behind_is_told_so_and_where_it_can_go_on() {
    let host = Host::start().await;
    let gone = host.store.event_range().await.unwrap().latest;
    host.store.prune_events(Timestamp::now()).await.unwrap();
    let kept = tell(host.store.as_ref(), "payments", 1).await;
    for accept in ["text/event-stream", "application/json"] {
        let get = |last: u64| {
            let request = request_as("dana", Method::GET, "/api/v1/events").header("accept", accept);
            host.send(request.header("last-event-id", last).body(Body::empty()).unwrap())
        };
        let problem = get(gone - 1).await.is_problem("gone", 410);
        assert_eq!(problem["oldest"], kept.to_string());
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("go on after {}", kept - 1)), "the remedy is named: {detail}");
        let ahead = get(kept + 1).await.is_problem("gone", 410);
        assert!(ahead["detail"].as_str().unwrap().contains(&format!("go on after {kept}")), "{ahead}");
        let malformed = request_as("dana", Method::GET, "/api/v1/events").header("accept", accept);
        let malformed = malformed.header("last-event-id", "x").body(Body::empty()).unwrap();
        host.send(malformed).await.is_problem("malformed", 400);
    }
    let page = host.get_as("dana", &format!("/api/v1/events?after={gone}")).await.json();
    assert_eq!(types(&page), ["macadam.test.told"], "who has seen everything that is gone misses nothing");
    let page = host.get_as("dana", "/api/v1/events?after=0").await.json();
    assert_eq!(types(&page), ["macadam.test.told"], "who has seen nothing gets whatever is kept");
}

#[tokio::test]
async fn events_are_kept_for_a_week_and_then_removed_by_the_clock() {
    let host = Host::start().await;
    let told = tell(host.store.as_ref(), "payments", 1).await;
    let now = Timestamp::now();
    let in_days = async |days: i64| host.runs("events", now + SignedDuration::from_hours(24 * days)).await;
    assert_eq!(in_days(6).await, "0 events removed", "a receiver may be away for days");
    assert_eq!(host.store.event_range().await.unwrap().oldest, 1);
    assert_eq!(in_days(8).await, format!("{told} events removed"));
    let range = host.store.event_range().await.unwrap();
    assert_eq!((range.oldest, range.latest), (told + 1, told), "nothing is left, and numbers go on where they were");
}

#[tokio::test]
async fn the_header_counts_over_the_address_that_a_client_repeats() {
    let host = Host::start().await;
    let first = tell(host.store.as_ref(), "payments", 1).await;
    let second = tell(host.store.as_ref(), "payments", 2).await;
    let mut stream = Stream::open(&host, "dana", "?after=0", Some(first)).await;
    assert_eq!(stream.event().await.0, second);
}

#[tokio::test]
async fn a_person_has_a_bounded_number_of_streams() {
    let host = Host::start().await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(Stream::open(&host, "dana", "", None).await);
    }
    let one_more = || {
        let request = request_as("dana", Method::GET, "/api/v1/events").header("accept", "text/event-stream");
        host.send(request.body(Body::empty()).unwrap())
    };
    let refused = one_more().await;
    refused.is_problem("too-many-requests", 429);
    assert!(!refused.header("retry-after").is_empty());
    Stream::open(&host, "olga", "", None).await;
    drop(open.pop());
    let mut tries = 0;
    loop {
        // The task of the stream that was closed has to notice.
        let request = request_as("dana", Method::GET, "/api/v1/events").header("accept", "text/event-stream");
        use tower::ServiceExt as _;
        let answer = host.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        if answer.status() == StatusCode::OK {
            break;
        }
        tries += 1;
        assert!(tries < 500, "a stream that was closed makes room");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_stream_ends_soon_after_its_token_was_revoked_and_others_go_on() {
    let host = looking_every(Duration::from_millis(20)).await;
    let make = async |name: &str| {
        let wish = json!({"name": name, "roles": ["developer"], "scopes": ["event.read"], "expires_in_days": 1});
        let made = host.post_as("dana", "/api/v1/service-tokens", &wish).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        made.json()
    };
    let (revoked, kept) = (make("revoked").await, make("kept").await);
    let mut ending = Stream::bearing(&host, revoked["token"].as_str().unwrap()).await;
    let mut going_on = Stream::bearing(&host, kept["token"].as_str().unwrap()).await;
    let told = tell(host.store.as_ref(), "payments", 1).await;
    // Both have been looked at some times by then.
    tokio::time::sleep(Duration::from_millis(200)).await;
    for stream in [&mut ending, &mut going_on] {
        assert_eq!(stream.event().await.0, told, "a token that counts keeps its stream");
    }
    let path = format!("/api/v1/service-tokens/{}", revoked["id"].as_str().unwrap());
    let answer = host.send(request_as("dana", Method::DELETE, &path).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    ending.end().await;
    let told = tell(host.store.as_ref(), "payments", 2).await;
    // The team is told of the revocation as well.
    let went_on = [going_on.event().await.0, going_on.event().await.0];
    assert_eq!(went_on, [told - 1, told], "a stream by another token goes on");
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    // Nobody looks at the token meanwhile: the stream knows from the beginning when it ends.
    let host = looking_every(Duration::from_secs(3600)).await;
    // Whole seconds, so that what is kept of its end is exactly what is said here.
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let token = "mcs_of-a-moment";
    let new = NewServiceToken {
        id: ServiceTokenId::new(now, [7; 10]),
        hash: Digest::of(token.as_bytes()),
        team: "payments".parse().unwrap(),
        name: "deploy".to_owned(),
        roles: vec!["developer".to_owned()],
        scopes: vec!["event.read".parse().unwrap()],
        expires_at: now + SignedDuration::from_secs(3),
        created_by: None,
        origin: Origin::NONE,
    };
    host.store.add_service_token(&new, now).await.unwrap();
    Stream::bearing(&host, token).await.end().await;
    assert!(Timestamp::now() >= new.expires_at, "it goes on until then");
}

#[tokio::test]
async fn streams_end_when_the_host_stops_and_new_ones_are_refused() {
    let host = Host::start().await;
    let mut stream = Stream::open(&host, "dana", "", None).await;
    stream.message().await.unwrap();
    host.state.platform.feed().stop();
    assert!(stream.message().await.is_none(), "the stream ends by itself");
    let request = request_as("dana", Method::GET, "/api/v1/events").header("accept", "text/event-stream");
    host.send(request.body(Body::empty()).unwrap()).await.is_problem("unavailable", 503);
}

#[tokio::test]
async fn a_client_that_takes_nothing_holds_no_more_than_a_few_events() {
    let host = Host::start().await;
    let mut stream = Stream::open(&host, "dana", "", None).await;
    stream.message().await.unwrap();
    // More than the feed keeps and the stream buffers; nothing is read meanwhile.
    let start = host.store.event_range().await.unwrap().latest;
    for number in 0..1_500 {
        tell(host.store.as_ref(), "payments", number).await;
    }
    for number in 0..1_500_u64 {
        let (id, event) = stream.event().await;
        assert_eq!(
            (id, &event["data"]["number"]),
            (start + 1 + number, &json!(number)),
            "the outbox has what was missed"
        );
    }
}
