//! Exports: by hand and on a schedule, each verified without a server.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use macadam_core::audit::{Heads, HeadsSigner, Line};
use macadam_tests::server::{Server, Setup};

use crate::{TAMPERED, directory, file, said, server, works};

/// How long to wait for an export that is due.
const PATIENCE: Duration = Duration::from_secs(60);

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let read = std::fs::read_dir(directory).into_iter().flatten();
    let named = read.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == extension));
    let mut named: Vec<_> = named.collect();
    named.sort();
    named
}

#[test]
fn an_export_verifies_without_a_server_whole_in_part_and_by_stream() {
    let mut server = server("");
    let key = works(&server, "ada", &["audit", "key"]);
    let (whole, part, stream) = (file(&server, "a.jsonl"), file(&server, "b.jsonl"), file(&server, "c.jsonl"));
    works(&server, "ada", &["audit", "export", "-o", &whole]);
    std::thread::sleep(Duration::from_secs(2));
    let lately = server.person("dana").post("/api/v1/resources", &directory("lately"));
    server.person("dana").wait_for(&lately.request());
    works(&server, "ada", &["audit", "export", "--since", "2s", "-o", &part]);
    works(&server, "ada", &["audit", "export", "--stream", "team/payments", "-o", &stream]);
    let heads = file(&server, "heads.json");
    std::fs::write(&heads, works(&server, "ada", &["audit", "heads"])).unwrap();
    let own = ["audit", "verify", "--stream", "team/payments", "--heads", &heads];
    works(&server, "dana", &own);
    let more = server.cli("dana", &[&own[..], &["--stream", "platform"]].concat());
    assert_eq!(more.status.code(), Some(1), "what one may not read was not cut: {}", said(&more));
    let refusal = "--stream names platform, which takes the role auditor to read; verify with --stream team/payments";
    assert!(said(&more).contains(refusal), "{}", said(&more));
    let nothing = file(&server, "nothing.jsonl");
    for (person, stream, part) in
        [("dana", "platform", "takes the role auditor"), ("ada", "team/paymnets", "there is no entry of the stream")]
    {
        let refused = server.cli(person, &["audit", "export", "--stream", stream, "-o", &nothing]);
        assert_eq!(refused.status.code(), Some(1), "an export of nothing is none: {}", said(&refused));
        assert!(said(&refused).contains(part), "{part:?} is missing in: {}", said(&refused));
        assert!(!Path::new(&nothing).exists(), "and leaves no file");
    }
    let again = server.cli("ada", &["audit", "export", "-o", &whole]);
    assert!(!again.status.success() && said(&again).contains("is it there already?"), "{}", said(&again));
    server.stop();
    let first = std::fs::read_to_string(&part).unwrap().lines().nth(1).unwrap_or_default().to_owned();
    assert!(first.contains("entry") && !first.contains("\"seq\":1,"), "a part begins where it was asked to: {first}");
    let Ok(Line::Entry(first)) = Line::read(&first) else { panic!("an entry follows the opening: {first}") };
    let from = first.seq.to_string();
    for (arguments, part) in [
        (vec![&*whole, "--key", key.trim()], "from number 1 up to"),
        (vec![&*part], "only a part was looked at: nothing before number"),
        (vec![&*part, "--key", key.trim(), "--from", &from], "only a part was looked at: nothing before number"),
        (vec![&*stream, "--key", key.trim(), "--stream", "team/payments"], "of the streams team/payments"),
        (vec![&*whole, "--key", key.trim(), "--stream", "team/payments"], "of the streams team/payments"),
    ] {
        let verified = works(&server, "ada", &[&["audit", "verify"], &*arguments].concat());
        assert!(verified.contains("everything is what was written") && verified.contains(part), "{verified}");
    }
    for (arguments, part) in [
        (vec![&*part, "--key", key.trim()], format!("or say --from {from} if it is to begin there")),
        (vec![&*stream], "heads name platform".to_owned()),
    ] {
        let lacks = server.cli("ada", &[&["audit", "verify"], &*arguments].concat());
        assert_eq!(lacks.status.code(), Some(TAMPERED), "{}", said(&lacks));
        assert!(said(&lacks).contains(&part), "{part:?} is missing in: {}", said(&lacks));
    }
    let unknown = server.cli("ada", &["audit", "verify", &whole, "--stream", "team/nobody"]);
    assert_eq!(unknown.status.code(), Some(1), "of what nothing is known, nothing is proved: {}", said(&unknown));
    // The log went on after the export, by the readings alone; heads of later are not met by it.
    let short = server.cli("ada", &["audit", "verify", &whole, "--heads", &heads]);
    assert_eq!(short.status.code(), Some(TAMPERED), "{}", said(&short));
    assert!(said(&short).contains("stream platform, entry") && said(&short).contains("was cut"), "{}", said(&short));
    // With the key it is proven where the export ends, and heads of later are none of a log that was cut.
    let early = works(&server, "ada", &["audit", "verify", &whole, "--heads", &heads, "--key", key.trim()]);
    assert!(
        early.contains("everything is what was written") && early.contains("name entries of after that"),
        "{early}"
    );
    let other = "macadam-audit-public:H3gZZremibttozLaEyQ4wdDwzdPVsElG1E+QLnHuqoE=";
    let stranger = server.cli("ada", &["audit", "verify", &whole, "--key", other]);
    assert_eq!(stranger.status.code(), Some(TAMPERED), "{}", said(&stranger));
    assert!(said(&stranger).contains("signed with"), "{}", said(&stranger));
}

#[test]
fn what_is_done_to_a_file_is_found_by_its_line_or_entry() {
    let server = server("");
    let path = file(&server, "a.jsonl");
    works(&server, "ada", &["audit", "export", "-o", &path]);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let without = |index: usize| {
        let left = lines.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, line)| *line);
        left.collect::<Vec<_>>().join("\n")
    };
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    for (changed, code, part) in [
        (text.replacen("\"actor\":null", "\"actor\":\"mallory\"", 1), TAMPERED, "entry 1 (number 1): it was changed"),
        (without(2), TAMPERED, "stream platform, entry 2: it is missing"),
        (without(lines.len() - 2), TAMPERED, "was cut before it"),
        (without(lines.len() - 1), TAMPERED, "does not end with heads"),
        (swapped.join("\n"), TAMPERED, "not in its place"),
        (text.replacen("\"entry\"", "\"entri\"", 1), 1, "line 2"),
        (without(0), 1, "line 1"),
    ] {
        std::fs::write(&path, changed).unwrap();
        let found = server.cli("ada", &["audit", "verify", &path]);
        assert_eq!(found.status.code(), Some(code), "{part}: {}", said(&found));
        assert!(said(&found).contains(part), "{part:?} is missing in: {}", said(&found));
    }
}

#[test]
fn heads_and_entries_are_exported_on_a_schedule_once_and_verify() {
    let config = "audit = { export-directory = \"out\", export-interval-seconds = 10, export-entries = true }";
    let server = server(config);
    let out = server.data().join("out");
    let exported = |directory: &str, extension: &str, least: usize| {
        let begin = Instant::now();
        while files(&out.join(directory), extension).len() < least {
            assert!(begin.elapsed() < PATIENCE, "no {directory} are exported: {}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    exported("entries", "jsonl", 1);
    let lately = server.person("dana").post("/api/v1/resources", &directory("lately"));
    server.person("dana").wait_for(&lately.request());
    // The first after that may have been begun before.
    exported("heads", "json", files(&out.join("heads"), "json").len() + 2);
    let entries = files(&out.join("entries"), "jsonl");
    assert!((1..=2).contains(&entries.len()), "once a day, and midnight may have passed: {entries:?}");
    let key = file(&server, "audit.key");
    std::fs::write(&key, works(&server, "ada", &["audit", "key"])).unwrap();
    let verified = works(&server, "ada", &["audit", "verify", entries[0].to_str().unwrap(), "--key", &key]);
    assert!(verified.contains("everything is what was written"), "{verified}");
    let heads = out.join("heads").display().to_string();
    let above = server.cli("ada", &["audit", "verify", "--heads", out.to_str().unwrap()]);
    assert_eq!(above.status.code(), Some(1), "what holds no heads is nothing to compare with: {}", said(&above));
    assert!(said(&above).contains("holds no heads"), "{}", said(&above));
    // As docs/audit.md has it. Heads are written more often than entries, and name some that are in no file yet.
    let paths = entries.iter().map(|path| path.to_str().unwrap());
    let arguments: Vec<&str> =
        ["audit", "verify"].into_iter().chain(paths).chain(["--heads", &heads, "--key", &key]).collect();
    let verified = works(&server, "ada", &arguments);
    assert!(verified.contains("everything is what was written"), "{verified}");
    assert!(entries.len() > 1 || verified.contains("name entries of after that"), "{verified}");
    let verified = works(&server, "ada", &["audit", "verify", "--heads", &heads, "--key", &key]);
    assert!(verified.contains("everything is what was written"), "{verified}");
}

#[test]
fn files_that_reach_further_than_the_log_are_not_gone_on_from_and_that_is_said() {
    let setup = Setup::without_postgres();
    let export = "audit = { export-directory = \"out\", export-interval-seconds = 10, export-entries = true }";
    let mut server = Server::prepare(&Setup { config: format!("{export}\n{}", setup.config), ..setup });
    let directory = server.data().join("out/entries");
    std::fs::create_dir_all(&directory).unwrap();
    let (at, heads) = ("2020-01-01T00:00:00Z".parse().unwrap(), Vec::new());
    let closing = HeadsSigner::new(&[7; 32]).sign(Heads { at, entries: Some(1_000_000), heads }).unwrap();
    let line = serde_json::to_string(&Line::Heads(closing)).unwrap();
    std::fs::write(directory.join("2020-01-01.jsonl"), format!("{line}\n")).unwrap();
    server.launch();
    let begin = Instant::now();
    while !server.log().contains("reach up to entry 1000000") {
        assert!(begin.elapsed() < PATIENCE, "nothing is said of it: {}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(files(&directory, "jsonl").len(), 1, "an empty file would look like a day without entries");
}
