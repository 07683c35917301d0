//! Events arrive in order and none is missing, also when the receiver or the host is down in between.

use macadam_tests::server::Server;
use serde_json::{Value, json};

use crate::{events, make_directory, path, setup, until, webhook};
use macadam_tests::receiver::{Got, Receiver};

fn places(got: &[Got]) -> Vec<u64> {
    got.iter().map(Got::place).collect()
}

/// The places of all that dana's webhook takes.
fn expected(server: &Server, after: &Value) -> Vec<u64> {
    let place = |event: &Value| event["id"].as_str().unwrap().parse().unwrap();
    let after = after["cursor"].as_u64().unwrap();
    events(&server.person("dana"), "team=payments").iter().map(place).filter(|place: &u64| *place > after).collect()
}

#[test]
fn a_receiver_is_told_of_every_event_of_its_team_in_order_signed_and_as_cloudevents() {
    let (server, receiver) = (Server::start(&setup("")), Receiver::start());
    let dana = server.person("dana");
    let webhook =
        webhook(&dana, &receiver, &["macadam.request.", "macadam.resource.", "macadam.job.", "macadam.webhook."]);
    for name in ["a", "b", "c"] {
        make_directory(&dana, name);
    }
    let expected = expected(&server, &webhook);
    until(&server, "everything arrives", || receiver.got().len() >= expected.len());
    let got = receiver.got();
    assert_eq!(places(&got), expected, "each once, in order, and nothing of others");
    let told = events(&dana, "team=payments");
    for each in &got {
        each.verify(webhook["secret"].as_str().unwrap()).expect("the signature is good");
        assert_eq!(each.header("content-type"), "application/cloudevents+json; charset=utf-8");
        assert_eq!(each.header("webhook-id"), format!("evt_{}", each.place()));
        assert!(told.contains(&each.event()), "what is sent is what is read: {:?}", each.event());
    }
    let there = dana.get(&path(&webhook, "")).body;
    assert!(there["last_success_at"].is_string() && there["last_error"].is_null(), "{there}");
    assert_eq!(there["failures"], 0);
}

#[test]
fn what_does_not_arrive_is_sent_again_and_nothing_overtakes_it() {
    let (server, receiver) = (Server::start(&setup("")), Receiver::start());
    let dana = server.person("dana");
    receiver.answer_next(500, None);
    receiver.answer_next(502, None);
    receiver.answer_next(429, Some("3"));
    let webhook = webhook(&dana, &receiver, &["macadam.resource.", "macadam.webhook."]);
    until(&server, "the receiver is asked three times", || receiver.got().len() >= 3);
    until(&server, "the third answer is kept", || dana.get(&path(&webhook, "")).body["failures"] == 3);
    let there = dana.get(&path(&webhook, "")).body;
    let moment = |field: &str| there[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let wait = moment("next_attempt").duration_since(moment("last_error_at"));
    assert!(wait.as_secs() >= 2, "the receiver's `Retry-After` counts: {wait:?}");
    make_directory(&dana, "a");
    let expected = expected(&server, &webhook);
    let first = expected[0];
    until(&server, "everything arrives", || {
        receiver.taken().last().is_some_and(|last| last.event()["type"] == "macadam.resource.ready")
    });
    let got = receiver.got();
    assert_eq!(places(&got[..4]), [first; 4], "nothing overtakes the one that does not arrive");
    assert!(got[..4].iter().all(|each| each.header("webhook-id") == format!("evt_{first}")), "it is known again");
    let taken = places(&receiver.taken());
    assert!(taken.is_sorted_by(|a, b| a < b), "each is taken once: {taken:?}");
    let history = dana.get(&path(&webhook, "/deliveries")).body;
    let attempts: Vec<_> = history["items"].as_array().unwrap().iter().rev().take(4).collect();
    assert_eq!(attempts.iter().map(|each| each["status"].as_u64().unwrap()).collect::<Vec<_>>(), [500, 502, 429, 204]);
    assert_eq!(attempts.iter().map(|each| each["attempt"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(dana.get(&path(&webhook, "")).body["failures"], 0, "what arrives ends the count");
}

#[test]
fn a_host_that_is_killed_again_and_again_tells_everything_in_order() {
    let mut server = Server::start(&setup(""));
    let receiver = Receiver::start();
    let webhook = webhook(&server.person("dana"), &receiver, &["macadam."]);
    for name in ["a", "b", "c"] {
        make_directory(&server.person("dana"), name);
        server.kill();
        server.launch();
    }
    // A new secret, and an event after which there is none.
    let rotated = server.person("dana").post(&path(&webhook, "/rotate"), &json!({}));
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let last = |got: &Got| got.event()["type"] == "macadam.webhook.rotated";
    until(&server, "the last event arrives", || receiver.taken().iter().any(last));
    let mut arrived = places(&receiver.taken());
    let repeated = arrived.len();
    arrived.dedup();
    assert!(
        arrived.is_sorted_by(|a, b| a < b),
        "an event may come again after a crash, and never out of order: {arrived:?}"
    );
    assert!(repeated - arrived.len() <= 3, "at most the one under way at each crash comes again");
    let team = expected(&server, &webhook);
    let missing: Vec<_> = team.iter().filter(|place| !arrived.contains(place)).collect();
    assert!(missing.is_empty(), "events are missing: {missing:?}");
}
