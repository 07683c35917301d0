//! Receivers check messages with what they have: the scheme's own library, and the command line.

use std::process::{Command, Output};

use macadam_tests::components::source_root;
use macadam_tests::server::{Server, binary};
use serde_json::json;

use crate::{path, setup, webhook};
use macadam_tests::receiver::{Got, Receiver};

/// A message that a host has sent, with its secret.
fn sent() -> (Got, String) {
    let (server, receiver) = (Server::start(&setup("")), Receiver::start());
    let dana = server.person("dana");
    let made = webhook(&dana, &receiver, &["macadam.nothing"]);
    let tried = dana.post(&path(&made, "/test"), &json!({}));
    assert_eq!(tried.body["status"], 204, "{tried:?}");
    (receiver.got().remove(0), made["secret"].as_str().unwrap().to_owned())
}

#[test]
fn the_library_that_receivers_use_takes_what_a_host_sends_and_nothing_that_was_changed() {
    let modules = source_root().join("guests/target/foreign/node_modules");
    assert!(
        modules.join("standardwebhooks").is_dir(),
        "the package standardwebhooks is not installed; run `cargo xtask test events`, which installs it first"
    );
    let (got, secret) = sent();
    let judge = |body: &str| {
        let headers = json!({
            "webhook-id": got.header("webhook-id"),
            "webhook-timestamp": got.header("webhook-timestamp"),
            "webhook-signature": got.header("webhook-signature"),
        });
        let run = Command::new("node")
            .arg(source_root().join("tests/events/verify.cjs"))
            .args([&secret, &headers.to_string(), body])
            .env("NODE_PATH", &modules)
            .output();
        run.expect("node runs")
    };
    let body = String::from_utf8(got.body.to_vec()).unwrap();
    let good = judge(&body);
    assert!(good.status.success(), "{good:?}");
    let read: serde_json::Value = serde_json::from_slice(&good.stdout).expect("the library gives the event");
    assert_eq!(read["type"], "macadam.webhook.test");
    assert!(!judge(&body.replace("webhook.test", "webhook.best")).status.success(), "a changed body is refused");
}

#[test]
fn the_command_line_says_whether_a_message_is_good_and_why_not() {
    let (got, secret) = sent();
    let directory = tempfile::tempdir().unwrap();
    let body = directory.path().join("body.json");
    std::fs::write(&body, &got.body).unwrap();
    let verify = |secret: &str, id: &str, timestamp: &str| -> Output {
        let mut command = Command::new(binary());
        command.args(["webhook", "verify", "--id", id, "--timestamp", timestamp]);
        command.args(["--signature", got.header("webhook-signature")]).arg(&body);
        command.env("MACADAM_WEBHOOK_SECRET", secret).output().expect("the command line runs")
    };
    let (id, timestamp) = (got.header("webhook-id"), got.header("webhook-timestamp"));
    let good = verify(&secret, id, timestamp);
    assert!(good.status.success(), "{good:?}");
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for (secret, id, timestamp, part) in [
        (other, id, timestamp, "no signature fits"),
        (secret.as_str(), "evt_1", timestamp, "no signature fits"),
        (secret.as_str(), id, "1614265330", "no signature fits"),
        (secret.as_str(), id, "soon", "webhook-timestamp"),
        ("hunter2", id, timestamp, "whsec_"),
    ] {
        let refused = verify(secret, id, timestamp);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(part), "{part:?} is missing in: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
