//! All bindings as one document, by the command line as an administrator's pipeline uses it.

use crate::{answered, policy, preview, server};
use macadam_tests::server::Server;

fn run(server: &Server, arguments: &[&str]) -> (i32, String, String) {
    let output = server.cli("ada", arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_is_exported_and_applied_again_changes_nothing_and_a_change_is_shown_before_it_is_made() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("gate.tar.gz");
    std::fs::write(&archive, policy("macadam/gate", "1.0.0", "production-gate").archive()).unwrap();
    let (code, shown, error) = run(&server, &["plugin", "publish", archive.to_str().unwrap()]);
    assert_eq!(code, 0, "{error}");
    assert!(shown.contains("macadam/gate@1.0.0") && shown.contains("nothing is activated"), "{shown}");

    let (code, yaml, _) = run(&server, &["plugin", "export"]);
    assert_eq!(code, 0);
    let file = folder.path().join("bindings.yaml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, &yaml).unwrap();
    let (code, shown, _) = run(&server, &["plugin", "diff", "-f", path]);
    assert_eq!((code, shown.contains("Nothing would change")), (0, true), "{shown}");

    let gate = "- plugin: macadam/gate@1.0.0\n  settings:\n    groups: [platform]\n";
    std::fs::write(&file, format!("{yaml}{gate}")).unwrap();
    let (code, shown, _) = run(&server, &["plugin", "diff", "-f", path]);
    assert_eq!(code, 5, "something would change: {shown}");
    assert!(shown.contains("gate") && shown.contains("macadam/gate@1.0.0") && !shown.contains("local-directory"));
    assert!(answered(&preview(&server.person("dana"))).is_empty(), "showing changes nothing");

    let (code, _, error) = run(&server, &["plugin", "apply", "-f", path, "--reason", "the new gate"]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(answered(&preview(&server.person("dana"))), ["1.0.0"]);
    let (code, shown, _) = run(&server, &["plugin", "apply", "-f", path]);
    assert_eq!((code, shown.contains("Nothing to change")), (0, true), "twice is a no-op: {shown}");

    std::fs::write(&file, &yaml).unwrap();
    assert_eq!(run(&server, &["plugin", "apply", "-f", path]).0, 0);
    assert!(answered(&preview(&server.person("dana"))).is_empty(), "what is not in the document goes");
}

#[test]
fn a_document_with_one_mistake_changes_nothing_at_all() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bindings.yaml");
    let path = file.to_str().unwrap();
    let before = run(&server, &["plugin", "export"]).1;
    for (text, expected) in [
        ("bindings:\n- plugin: macadam/nothing@1.0.0\n", "macadam/nothing"),
        ("bindings:\n- plugin: macadam/rate-card@dev\n- plugin: macadam/rate-card@dev\n", "twice"),
        ("bindings:\n- plugin: macadam/rate-card@dev\n  sttings: {}\n", "sttings"),
        ("plugins: []\n", "no list `bindings`"),
        ("bindings: [\n", "not YAML"),
    ] {
        std::fs::write(&file, text).unwrap();
        let (code, _, error) = run(&server, &["plugin", "apply", "-f", path]);
        assert_eq!(code, 1, "{text}");
        assert!(error.contains(expected), "{text}: {error}");
        assert_eq!(run(&server, &["plugin", "export"]).1, before, "{text}");
    }
}

#[test]
fn a_version_is_activated_and_rolled_back_by_one_command_each() {
    let server = server();
    for version in ["1.0.0", "1.1.0"] {
        let package = policy("macadam/gate", version, "production-gate");
        assert_eq!(server.person("amir").publish(package.archive()).status, 201);
    }
    let activate =
        |plugin: &str, more: &[&str]| run(&server, &[&["plugin", "activate", "gate", plugin], more].concat());
    assert_eq!(activate("macadam/gate@1.0.0", &["--set", r#"groups=["platform"]"#]).0, 0);
    let (code, shown, _) = activate("macadam/gate@1.1.0", &["--reason", "rounder"]);
    assert_eq!((code, shown.contains("1.1.0")), (0, true), "{shown}");
    let exported = run(&server, &["plugin", "export"]).1;
    assert!(exported.contains("platform"), "the settings stay when the version changes: {exported}");
    let (code, _, error) = activate("macadam/gate@1.0.0", &["--revision", "1"]);
    assert_eq!((code, error.contains("revision 2")), (1, true), "{error}");
    let (code, shown, _) = run(&server, &["plugin", "rollback", "gate"]);
    assert_eq!((code, shown.contains("1.0.0")), (0, true), "{shown}");
    let (_, shown, _) = run(&server, &["plugin", "history", "gate"]);
    assert!(shown.contains("rounder") && shown.contains("rolled back") && shown.contains("ada"), "{shown}");
    assert_eq!(run(&server, &["plugin", "deactivate", "gate", "--reason", "over & out"]).0, 0);
    let (_, shown, _) = run(&server, &["plugin", "bindings"]);
    assert!(!shown.contains("macadam/gate"), "{shown}");
}
