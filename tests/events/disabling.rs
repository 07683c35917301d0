//! A receiver that is gone is left alone.

use macadam_tests::server::Server;
use serde_json::json;

use crate::{events, make_directory, path, setup, until, webhook};
use macadam_tests::receiver::Receiver;

#[test]
fn a_webhook_whose_receiver_fails_for_long_is_disabled_told_of_and_goes_on_when_it_is_enabled() {
    let (server, receiver) = (Server::start(&setup("disable-after-seconds = 1")), Receiver::start());
    let dana = server.person("dana");
    receiver.answer_always(500);
    let webhook = webhook(&dana, &receiver, &["macadam.webhook.created", "macadam.resource."]);
    until(&server, "it is disabled", || dana.get(&path(&webhook, "")).body["state"] == "disabled");
    let there = dana.get(&path(&webhook, "")).body;
    let reason = there["reason"].as_str().unwrap();
    assert!(reason.contains("nothing has arrived since") && reason.contains("500"), "{reason}");
    assert!(there["failures"].as_u64().unwrap() >= 2, "not after the first failure: {there}");
    let told = events(&dana, "type=macadam.webhook.disabled");
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["data"]["webhook"], &told[0]["data"]["reason"]), (&webhook["id"], &json!(reason)));

    let asked = receiver.got().len();
    receiver.answer_always(204);
    make_directory(&dana, "a");
    assert_eq!(receiver.got().len(), asked, "nobody calls a disabled webhook");
    let enabled = dana.post(&path(&webhook, "/enable"), &json!({}));
    assert_eq!((enabled.status, &enabled.body["state"]), (200, &json!("active")));
    until(&server, "it goes on", || {
        receiver.taken().last().is_some_and(|last| last.event()["type"] == "macadam.resource.ready")
    });
    let types: Vec<_> = receiver.taken().iter().map(|each| each.event()["type"].clone()).collect();
    assert_eq!(types, ["macadam.webhook.created", "macadam.resource.creating", "macadam.resource.ready"]);
}

#[test]
fn a_failure_right_after_something_arrived_begins_a_new_count_however_long_the_receiver_was_down_before() {
    let (server, receiver) = (Server::start(&setup("disable-after-seconds = 1")), Receiver::start());
    let dana = server.person("dana");
    // The retry comes a second later at least, and arrives; what was told with the same change follows at once.
    receiver.answer_next(500, None);
    receiver.answer_next(204, None);
    receiver.answer_next(503, None);
    let webhook = webhook(&dana, &receiver, &["macadam.resource.creating", "macadam.request.queued"]);
    make_directory(&dana, "a");
    until(&server, "the third answer is kept", || {
        dana.get(&path(&webhook, "")).body["last_error"].as_str().is_some_and(|error| error.contains("503"))
    });
    let there = dana.get(&path(&webhook, "")).body;
    assert_eq!(there["state"], "active", "something has just arrived: {there}");
    until(&server, "everything arrives", || receiver.taken().len() == 2);
    let types: Vec<_> = receiver.taken().iter().map(|each| each.event()["type"].clone()).collect();
    assert_eq!(types, ["macadam.resource.creating", "macadam.request.queued"]);
}

#[test]
fn a_receiver_that_says_it_is_gone_is_not_asked_again() {
    let (server, receiver) = (Server::start(&setup("")), Receiver::start());
    let dana = server.person("dana");
    receiver.answer_always(410);
    let webhook = webhook(&dana, &receiver, &["macadam."]);
    until(&server, "it is disabled", || dana.get(&path(&webhook, "")).body["state"] == "disabled");
    make_directory(&dana, "a");
    assert_eq!(receiver.got().len(), 1, "once is enough");
    let there = dana.get(&path(&webhook, "")).body;
    assert!(there["reason"].as_str().unwrap().contains("410"), "{there}");
}
