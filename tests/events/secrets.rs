//! A webhook's secret is shown when it is made, and is nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use macadam_tests::server::Server;
use serde_json::json;

use crate::{events, make_directory, path, setup, until, webhook};
use macadam_tests::receiver::Receiver;

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_secret_is_in_no_log_no_answer_no_event_and_no_file() {
    let mut server = Server::start(&setup(""));
    let receiver = Receiver::start();
    let dana = server.person("dana");
    receiver.answer_next(500, None);
    let made = webhook(&dana, &receiver, &["macadam."]);
    let first = made["secret"].as_str().unwrap().to_owned();
    make_directory(&dana, "a");
    until(&server, "something arrives", || !receiver.taken().is_empty());
    let rotated = dana.post(&path(&made, "/rotate"), &json!({})).body;
    let second = rotated["secret"].as_str().unwrap().to_owned();
    let tried = dana.post(&path(&made, "/test"), &json!({}));
    assert_eq!(tried.body["status"], 204, "{tried:?}");
    until(&server, "the rotation is told", || {
        receiver.taken().iter().any(|each| each.event()["type"] == "macadam.webhook.rotated")
    });
    let last = receiver.taken().pop().unwrap();
    for secret in [&first, &second] {
        last.verify(secret).expect("while a secret is replaced, both count");
    }
    let shown: Vec<String> = ["", "/deliveries"].map(|more| dana.get(&path(&made, more)).body.to_string()).into();
    let told = format!("{shown:?} {:?} {}", events(&server.person("ada"), ""), server.log());
    for secret in [&first, &second] {
        assert!(!told.contains(secret.as_str()) && !told.contains(secret.strip_prefix("whsec_").unwrap()));
    }
    server.stop();
    for entry in std::fs::read_dir(server.data()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for secret in [&first, &second] {
            let encoded = secret.strip_prefix("whsec_").unwrap();
            let plain = STANDARD.decode(encoded).unwrap();
            assert!(
                !contains(&bytes, encoded.as_bytes()) && !contains(&bytes, &plain),
                "{} has a secret",
                path.display()
            );
        }
    }
}
