//! `--selector`: which things are listed, by their tags.

use macadam_tests::server::Server;
use serde_json::Value;

use crate::{make_directory, server_with};

/// The names that the command line lists.
fn listed(server: &Server, selector: &[&str]) -> Vec<String> {
    let arguments = [&["resource", "list", "--output", "json"], selector].concat();
    let ran = server.cli("dana", &arguments);
    assert!(ran.status.success(), "{selector:?}: {}", String::from_utf8_lossy(&ran.stderr));
    let shown: Value = serde_json::from_slice(&ran.stdout).expect("JSON on standard output");
    let items = shown["items"].as_array().or(shown.as_array()).expect("a list");
    let mut names: Vec<_> = items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_command_line_lists_what_a_selector_takes_and_says_where_one_is_wrong() {
    let server = server_with("");
    make_directory(&server, "ledger", "gold");
    make_directory(&server, "notes", "silver");
    assert_eq!(listed(&server, &[]), ["ledger", "notes"]);
    for (selector, names) in [
        ("tier=gold", &["ledger"][..]),
        ("tier!=gold", &["notes"]),
        ("tier in (gold,silver),owner=payments", &["ledger", "notes"]),
        ("tier notin (gold),owner", &["notes"]),
        ("!owner", &[]),
    ] {
        assert_eq!(listed(&server, &["-l", selector]), names, "{selector}");
    }
    assert_eq!(listed(&server, &["--selector", "tier=silver"]), ["notes"]);

    let refused = server.cli("dana", &["resource", "list", "-l", "tier in gold"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "a selector that cannot be read is a mistake of usage: {said}");
    assert!(said.contains("tier in gold") && said.contains("at character 9"), "{said}");
    for (list, wrong) in [("resources", "tier%20in%20gold"), ("resources", "tier%3D%00"), ("requests", "tier%3Da%00")] {
        let refused = server.person("dana").get(&format!("/api/v1/{list}?selector={wrong}"));
        assert_eq!(
            (refused.status, refused.body["violations"][0]["field"].as_str()),
            (422, Some("selector")),
            "{wrong}"
        );
    }
}
