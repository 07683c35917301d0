//! A disk that is full, and a process that is killed while it writes.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use macadam_tests::server::{Server, Setup, binary};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody is at their limit.
fn setup() -> Setup {
    Setup { organisation: crate::ORGANISATION.to_owned(), ..Setup::without_postgres() }
}

fn directory(name: &str) -> serde_json::Value {
    let spec = json!({"quota_mb": 64});
    json!({"environment": "dev", "type": "local-directory", "name": name, "spec": spec, "tags": {"owner": "payments"}})
}

/// A server whose database is on a disk of its own of a few megabytes, which nobody else sees.
struct OnSmallDisk {
    process: Child,
    disk: PathBuf,
}

impl OnSmallDisk {
    /// `None` where this system lets nobody mount a disk of their own.
    fn start(server: &Server) -> Option<Self> {
        let allowed = Command::new("unshare").args(["-Urm", "true"]).stderr(Stdio::null()).status();
        if !allowed.is_ok_and(|status| status.success()) {
            return None;
        }
        let disk = server.data().join("disk");
        std::fs::create_dir(&disk).unwrap();
        std::os::unix::fs::symlink("disk/macadam.db", server.data().join("macadam.db")).unwrap();
        let script = r#"mount -t tmpfs -o size=6m tmpfs "$1" && shift && exec "$@""#;
        let process = Command::new("unshare")
            .args(["-Urm", "sh", "-c", script, "sh"])
            .arg(&disk)
            .arg(binary())
            .args(["serve", "--development", "--data"])
            .arg(server.data())
            .args(["--listen", server.url("").trim_start_matches("http://")])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(server.data().join("server.log")).unwrap())
            .spawn()
            .unwrap();
        // What is mounted there shows through the process alone.
        let root = PathBuf::from(format!("/proc/{}/root", process.id()));
        let seen = root.join(disk.strip_prefix("/").unwrap());
        let started = Self { process, disk: seen };
        let begin = Instant::now();
        while server.person_if_there("dana").is_none_or(|dana| dana.get("/readyz").status != 200) {
            assert!(begin.elapsed() < PATIENCE, "the server does not start: {}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(started)
    }
}

impl Drop for OnSmallDisk {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_full_disk_is_told_as_503_with_its_reason_corrupts_nothing_and_is_over_when_there_is_room() {
    let server = Server::prepare(&setup());
    let Some(small) = OnSmallDisk::start(&server) else {
        println!("this system lets nobody mount a disk of their own; the store's own tests fill a database");
        return;
    };
    let dana = server.person("dana");
    let mut taken = vec![dana.post("/api/v1/resources", &directory("first")).request()];
    // Somebody else's file takes what is left.
    let filler = small.disk.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    let mut refused = 0;
    for n in 0..400 {
        let answer = dana.post("/api/v1/resources", &directory(&format!("more-{n}")));
        match answer.status {
            202 => taken.push(answer.request()),
            503 => {
                let detail = answer.body["detail"].as_str().unwrap();
                assert!(detail.contains("disk") && detail.contains("nothing was changed"), "{detail}");
                refused += 1;
            }
            other => panic!("{other}: {answer:?}\n{}", server.log()),
        }
        if refused == 5 {
            break;
        }
    }
    assert_eq!(refused, 5, "a disk that is full takes nothing more: {}", server.log());
    assert_eq!(dana.get("/api/v1/requests").status, 200, "what is there can still be read");

    drop(file);
    std::fs::remove_file(&filler).unwrap();
    let begin = Instant::now();
    loop {
        let answer = dana.post("/api/v1/resources", &directory("last"));
        if answer.status == 202 {
            taken.push(answer.request());
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "with room it goes on: {answer:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    for request in &taken {
        assert_eq!(dana.wait_for(request), "succeeded", "whatever was taken is done");
    }
    let verified = server.cli("dana", &["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn a_server_that_is_killed_while_it_writes_keeps_what_it_answered_and_its_log_verifies() {
    let mut server = Server::start(&setup());
    let mut taken = Vec::new();
    for round in 0..6_u64 {
        let (url, answered) = (round, std::sync::Mutex::new(Vec::new()));
        let dana = server.person("dana");
        let pid = server.id().to_string();
        std::thread::scope(|scope| {
            for writer in 0..3 {
                let (dana, answered) = (&dana, &answered);
                scope.spawn(move || {
                    for n in 0.. {
                        let answer = dana.post("/api/v1/resources", &directory(&format!("r{url}-{writer}-{n}")));
                        match answer.status {
                            202 => answered.lock().unwrap().push(answer.request()),
                            // The connection broke: the process is gone.
                            0 => break,
                            other => panic!("{other}: {answer:?}"),
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(150 + round * 37 % 120));
            assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        });
        server.kill();
        taken.extend(answered.into_inner().unwrap());
        server.launch();
    }
    assert!(taken.len() > 6, "there was something to lose");
    for request in &taken {
        assert_eq!(server.person("dana").wait_for(request), "succeeded", "{request} was answered");
    }
    let verified = server.cli("dana", &["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
    let copy = server.data().join("copy.db");
    let backup = Command::new(binary()).arg("--data").arg(server.data()).arg("backup").arg(&copy).output().unwrap();
    assert!(backup.status.success(), "a database that is damaged cannot be backed up: {backup:?}");
}
