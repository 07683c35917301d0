//! Following events by the command line, over restarts of the host, and a host that stops while somebody follows.

use std::process::{Child, Command, Stdio};

use macadam_tests::server::{Server, binary};
use serde_json::Value;

use crate::{events, make_directory, setup, until};

/// Somebody who follows, writing to a file.
fn tail(server: &Server, file: &std::path::Path, more: &[&str]) -> Child {
    let out = std::fs::File::create(file).unwrap();
    Command::new(binary())
        .args(["--server", &server.url(""), "--as", "dana", "--data"])
        .arg(server.data())
        .args(["event", "tail"])
        .args(more)
        .stdout(out)
        .stderr(Stdio::null())
        .spawn()
        .expect("the command line runs")
}

#[test]
fn who_follows_over_restarts_of_the_host_sees_each_event_once_and_in_order() {
    let mut server = Server::start(&setup(""));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("events");
    let mut tail = tail(&server, &file, &["--after", "0", "--type", "macadam.re", "--output", "json"]);
    let seen = || -> Vec<String> {
        let text = std::fs::read_to_string(&file).unwrap();
        let id = |line: &str| Some(serde_json::from_str::<Value>(line).ok()?["id"].as_str()?.to_owned());
        text.lines().filter_map(id).collect()
    };
    for (name, kill) in [("a", false), ("b", true), ("c", false)] {
        make_directory(&server.person("dana"), name);
        if kill {
            server.kill();
        } else {
            server.stop();
            assert!(
                !server.log().contains("are cut off"),
                "a stream ends when the host is told to stop\n{}",
                server.log()
            );
        }
        server.launch();
    }
    let told = events(&server.person("dana"), "type=macadam.re");
    let told: Vec<_> = told.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    until(&server, "everything is shown", || seen().len() >= told.len());
    let _ = tail.kill();
    let _ = tail.wait();
    assert_eq!(seen(), told);
}

#[test]
fn events_are_shown_for_people_and_a_place_that_is_not_there_is_told() {
    let server = Server::start(&setup(""));
    make_directory(&server.person("dana"), "a");
    let shown =
        server.cli("dana", &["event", "tail", "--after", "0", "--subject", "resources/payments/", "--count", "2"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success(), "{shown:?}");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.lines().all(|line| line.contains("macadam.resource.")), "{text}");
    let ahead = server.cli("dana", &["event", "tail", "--after", "100000"]);
    let said = String::from_utf8_lossy(&ahead.stderr).into_owned();
    assert_eq!(ahead.status.code(), Some(1), "{said}");
    assert!(said.contains("go on after"), "the remedy is named: {said}");
}

#[test]
fn webhooks_are_managed_by_command() {
    let server = Server::start(&setup(""));
    let said = |arguments: &[&str]| -> (Option<i32>, String) {
        let ran = server.cli("dana", arguments);
        (ran.status.code(), format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr)))
    };
    let url = "https://hooks.invalid/a";
    let (code, made) = said(&["webhook", "create", url, "--type", "macadam.request.", "--output", "json"]);
    assert_eq!(code, Some(0), "{made}");
    let made: Value = serde_json::from_str(&made).unwrap();
    let id = made["id"].as_str().unwrap();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    for (arguments, code, part) in [
        (vec!["webhook", "list"], 0, url),
        (vec!["webhook", "get", id], 0, "macadam.request."),
        (vec!["webhook", "change", id, "--all-types"], 0, "all"),
        (vec!["webhook", "rotate", id], 0, "whsec_"),
        (vec!["webhook", "test", id], 1, "did not arrive"),
        (vec!["webhook", "deliveries", id], 0, "macadam.webhook.test"),
        (vec!["webhook", "enable", id], 0, "active"),
        (vec!["webhook", "create", "http://hooks.invalid/a"], 1, "allow-http-hosts"),
        (vec!["webhook", "delete", id], 0, "removed"),
        (vec!["webhook", "get", id], 1, "there is no webhook"),
    ] {
        let (ended, said) = said(&arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {part:?} is missing in: {said}");
    }
}
