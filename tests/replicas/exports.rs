//! Exports of the audit log by hosts that share a directory for them: of each moment once, by whichever comes first.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use macadam_tests::replicas::{Place, Replicas};
use macadam_tests::server::Server;
use serde_json::Value;

use crate::{CONFIG, directory, until};

/// How often heads are exported: as often as may be.
const INTERVAL: Duration = Duration::from_secs(10);

/// The names of a directory's files; what is still being written has another ending.
fn files(directory: &Path, ending: &str) -> Vec<String> {
    let read = std::fs::read_dir(directory).into_iter().flatten();
    let names = read.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    names
}

/// Waits until there are more of a directory's files than there were.
fn goes_on(directory: &Path, ending: &str, server: &Server) {
    let before = files(directory, ending).len();
    let what = format!("another {ending} in {}", directory.display());
    until(&what, server, || (files(directory, ending).len() > before).then_some(()));
}

/// How often the hosts say that they have written a file.
fn written(servers: &[Server], name: &str) -> usize {
    let says = |line: &&str| line.contains("exported of the audit log") && line.contains(name);
    servers.iter().map(|server| server.log().lines().filter(says).count()).sum()
}

fn makes(server: &Server, name: &str) {
    let taken = server.person("dana").post("/api/v1/resources", &directory("dev", name));
    assert_eq!(server.person("dana").wait_for(&taken.request()), "succeeded", "{taken:?}\n{}", server.log());
}

/// What a command of the auditor says, which must work.
fn audit(server: &Server, arguments: &[&str]) -> String {
    let output = server.cli("ada", &[&["audit"], arguments].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{errors}\n{}", server.log());
    said
}

/// Two hosts that begin together on an empty database and export into one directory.
async fn two_hosts(out: &Path) -> Replicas {
    let export = format!(
        "audit = {{ export-directory = \"{}\", export-interval-seconds = {}, export-entries = true }}\n",
        out.display(),
        INTERVAL.as_secs()
    );
    let mut replicas = Replicas::prepare(2, Place::Directory, &format!("{export}{CONFIG}")).await;
    for server in &mut replicas.servers {
        server.launch_without_waiting();
    }
    replicas.servers.iter_mut().for_each(Server::wait_until_ready);
    replicas
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_share_a_directory_export_each_moment_once_and_all_of_it_verifies() {
    let out = tempfile::tempdir().unwrap();
    let (heads, entries) = (out.path().join("heads"), out.path().join("entries"));
    let mut replicas = two_hosts(out.path()).await;
    until("a file of entries", &replicas.servers[0], || (!files(&entries, ".jsonl").is_empty()).then_some(()));
    makes(&replicas.servers[0], "notes");
    goes_on(&heads, ".json", &replicas.servers[0]);

    // Both wake after a moment that nobody has written, and find it due at once.
    replicas.servers.iter().for_each(Server::pause);
    std::thread::sleep(INTERVAL + Duration::from_secs(1));
    let before = files(&heads, ".json").len();
    replicas.servers.iter().for_each(Server::resume);
    let woken = &replicas.servers[1];
    until("heads of after the pause", woken, || (files(&heads, ".json").len() > before).then_some(()));

    // Each of them goes on alone.
    for (gone, left) in [(0, 1), (1, 0)] {
        replicas.servers[gone].stop();
        makes(&replicas.servers[left], &format!("left-{left}"));
        goes_on(&heads, ".json", &replicas.servers[left]);
        replicas.servers[gone].launch();
    }

    let [a, b] = replicas.servers.as_slice() else { panic!("there are two") };
    let (moments, days) = (files(&heads, ".json"), files(&entries, ".jsonl"));
    assert!((1..=2).contains(&days.len()), "once a day, and midnight may have passed: {days:?}");
    for name in moments.iter().chain(&days) {
        // It is there before it is said.
        until(name, a, || (written(&replicas.servers, name) > 0).then_some(()));
        assert_eq!(written(&replicas.servers, name), 1, "{name} is written once\n{}\n{}", a.log(), b.log());
    }
    let interval = SignedDuration::try_from(INTERVAL).unwrap();
    for name in &moments {
        let due: Timestamp = name.trim_end_matches(".json").parse().unwrap();
        let signed: Value = serde_json::from_slice(&std::fs::read(heads.join(name)).unwrap()).unwrap();
        let at: Timestamp = signed["statement"]["at"].as_str().unwrap().parse().unwrap();
        let late = at.duration_since(due);
        assert!((SignedDuration::ZERO..interval).contains(&late), "{name} is of {at}");
    }

    let (key, heads) = (out.path().join("audit.key").display().to_string(), heads.display().to_string());
    std::fs::write(&key, audit(a, &["key"])).unwrap();
    let days: Vec<_> = days.iter().map(|day| entries.join(day).display().to_string()).collect();
    let days: Vec<_> = days.iter().map(String::as_str).collect();
    for server in [a, b] {
        let kept = ["--heads", &heads, "--key", &key];
        for arguments in [[&["verify"], &kept[..]].concat(), [&["verify"], &*days, &kept[..]].concat()] {
            let verified = audit(server, &arguments);
            assert!(verified.contains("everything is what was written"), "{arguments:?}: {verified}");
        }
        assert!(!server.log().contains("the audit log is not exported"), "{}", server.log());
    }
}
