//! A disk that is full or may only be read, and a process that is killed while it writes.
//!
//! A disk that becomes read-only under a running host is not here: Linux refuses that while a file on it is open for writing,
//! as the database is. When a file system gives up by itself, writes fail as they do on a disk that is broken.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
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

/// Whether this system lets us mount disks of our own. Where it does not, nothing can be tested here.
fn may_mount() -> bool {
    let allowed = Command::new("unshare").args(["-Urm", "true"]).stderr(Stdio::null()).status();
    let allowed = allowed.is_ok_and(|status| status.success());
    if !allowed {
        macadam_tests::skipped("this system lets nobody mount a disk of their own (`unshare -Urm true` fails)");
    }
    allowed
}

/// Puts the database of a server that has none yet into a folder of its own, and says into which.
fn put_database_aside(server: &Server) -> PathBuf {
    let disk = server.data().join("disk");
    std::fs::create_dir(&disk).unwrap();
    std::os::unix::fs::symlink("disk/macadam.db", server.data().join("macadam.db")).unwrap();
    disk
}

/// The server where nobody else sees what is mounted: a script that mounts something on the folder `$1` and runs the rest.
fn serve_in(script: &str, folder: &Path, server: &Server) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["-Urm", "sh", "-c", script, "sh"])
        .arg(folder)
        .arg(binary())
        .args(["serve", "--development", "--data"])
        .arg(server.data())
        .args(["--listen", server.url("").trim_start_matches("http://")]);
    command
}

/// A server whose database is on a disk of its own of a few megabytes, which nobody else sees.
struct OnSmallDisk {
    process: Child,
    disk: PathBuf,
}

impl OnSmallDisk {
    fn start(server: &Server) -> Self {
        let disk = put_database_aside(server);
        let script = r#"mount -t tmpfs -o size=6m tmpfs "$1" && shift && exec "$@""#;
        let process = serve_in(script, &disk, server)
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
        started
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
    if !may_mount() {
        return;
    }
    let server = Server::prepare(&setup());
    let small = OnSmallDisk::start(&server);
    let dana = server.person("dana");
    let mut taken = vec![dana.post("/api/v1/resources", &directory("first")).request()];
    // Somebody else's file takes what is left.
    let filler = small.disk.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
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

/// Starts a server where a folder may only be read, and has it end; one that serves instead is ended after a while.
fn started_read_only(server: &Server, folder: &Path) -> Output {
    let script = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec timeout 60 "$@""#;
    serve_in(script, folder, server).output().unwrap()
}

/// A server that cannot write to a folder does not start, and says which of its files it is about and why.
fn does_not_start_on(server: &Server, folder: &Path, file: &str) {
    let ended = started_read_only(server, folder);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "it ends by itself: {said}");
    let file = server.data().join(file).display().to_string();
    assert!(said.contains(&file) && said.contains("Read-only file system"), "{file} is named with the reason: {said}");
}

#[test]
fn a_server_whose_disk_may_only_be_read_says_which_file_it_is_about_and_goes_on_when_that_is_over() {
    if !may_mount() {
        return;
    }
    let mut server = Server::prepare(&setup());
    let (data, disk) = (server.data().to_owned(), put_database_aside(&server));
    // Before there is anything, there is nobody yet who could sign in.
    does_not_start_on(&server, &data, "tokens.txt");
    does_not_start_on(&server, &disk, "macadam.db");

    server.launch();
    let mut taken = vec![server.person("dana").post("/api/v1/resources", &directory("first")).request()];
    assert_eq!(server.person("dana").wait_for(&taken[0]), "succeeded");
    server.stop();
    for folder in [&data, &disk] {
        does_not_start_on(&server, folder, "macadam.db");
    }

    server.launch();
    taken.push(server.person("dana").post("/api/v1/resources", &directory("second")).request());
    // What was written last is in the log beside the database alone.
    server.kill();
    does_not_start_on(&server, &disk, "macadam.db");

    server.launch();
    taken.push(server.person("dana").post("/api/v1/resources", &directory("third")).request());
    for request in &taken {
        assert_eq!(server.person("dana").wait_for(request), "succeeded", "{request} was answered");
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
