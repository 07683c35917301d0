//! A backup of a server at work, restored on another machine.

use std::process::Output;

use macadam_tests::server::{Server, Setup, binary};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

fn command(data: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(binary());
    command.arg("--data").arg(data).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn directory(name: &str) -> serde_json::Value {
    let spec = json!({"quota_mb": 64});
    json!({"environment": "dev", "type": "local-directory", "name": name, "spec": spec, "tags": {"owner": "payments"}})
}

#[test]
fn a_backup_of_a_server_at_work_restores_with_everything_that_was_answered_before_it() {
    let server = Server::start(&Setup::without_postgres());
    let key_of = |server: &Server| server.person("dana").get("/api/v1/audit/key").body["key"].clone();
    let signs = key_of(&server);
    let taken = |name: &str| server.person("dana").post("/api/v1/resources", &directory(name)).request();
    let answered: Vec<String> = (0..5).map(|n| taken(&format!("before-{n}"))).collect();
    let backup = server.data().join("backup.db");
    let (file, key) = (backup.to_str().unwrap(), server.data().join("backup.db.key"));
    let written = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for n in 0..10 {
                taken(&format!("while-{n}"));
            }
        });
        let written = command(server.data(), &["backup", file, "--with-key", "--with-blobs"]);
        writing.join().unwrap();
        written
    });
    assert!(written.status.success(), "{}", said(&written));
    let again = command(server.data(), &["backup", file]);
    assert!(!again.status.success() && said(&again).contains("is there already"), "{}", said(&again));

    let elsewhere = tempfile::tempdir().unwrap();
    let without = command(elsewhere.path(), &["restore", file]);
    assert!(!without.status.success() && said(&without).contains("--key"), "{}", said(&without));
    let blobs = format!("{file}.blobs.tar");
    let restore = ["restore", file, "--key", key.to_str().unwrap(), "--blobs", &blobs];
    let occupied = command(server.data(), &restore);
    assert!(!occupied.status.success() && said(&occupied).contains("without a store"), "{}", said(&occupied));
    let wrong = server.data().join("wrong.key");
    std::fs::write(&wrong, [7; 32]).unwrap();
    let refused = command(elsewhere.path(), &["restore", file, "--key", wrong.to_str().unwrap(), "--blobs", &blobs]);
    assert!(!refused.status.success() && said(&refused).contains("not the key to the secrets"), "{}", said(&refused));
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is left of what nobody could open");
    let digits: String = std::fs::read(&key).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(&key, format!("{digits}\n")).unwrap();
    let restored = command(elsewhere.path(), &restore);
    assert!(restored.status.success() && said(&restored).contains("audit log verify"), "{}", said(&restored));

    let mut other = Server::prepare(&Setup::without_postgres());
    for name in ["macadam.db", "master.key", "blobs"] {
        std::fs::rename(elsewhere.path().join(name), other.data().join(name)).unwrap();
    }
    std::fs::remove_dir_all(other.data().join("registry")).unwrap();
    other.launch();
    for request in &answered {
        let there = other.person("dana").get(&format!("/api/v1/requests/{request}"));
        assert_eq!(there.status, 200, "{request} was answered before the backup began");
        assert_eq!(other.person("dana").wait_for(request), "succeeded", "and goes on where it was");
    }
    let verified = other.cli("dana", &["audit", "verify"]);
    assert!(verified.status.success(), "{}", said(&verified));
    assert_eq!(signs, key_of(&other), "the heads that were signed before can still be checked");
}

#[test]
fn a_file_that_is_not_the_store_is_not_backed_up() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("macadam.db"), "left from before").unwrap();
    std::fs::write(data.path().join("macadam.toml"), "database-url-env = 'MACADAM_NOT_SET'").unwrap();
    let file = data.path().join("backup.db");
    let refused = command(data.path(), &["backup", file.to_str().unwrap()]);
    assert!(!refused.status.success() && said(&refused).contains("pg_dump"), "{}", said(&refused));
    assert!(!file.exists(), "a copy of what is not used would look like a backup");
}

#[test]
fn a_store_that_would_not_be_used_is_not_restored() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("backup.db");
    std::fs::write(&file, "a backup").unwrap();
    std::fs::write(data.path().join("macadam.toml"), "database-url-env = 'MACADAM_NOT_SET'").unwrap();
    let refused = command(data.path(), &["restore", file.to_str().unwrap()]);
    assert!(!refused.status.success() && said(&refused).contains("pg_restore"), "{}", said(&refused));
    assert!(!data.path().join("macadam.db").exists(), "it would look like the store of this host");
}

#[test]
fn blobs_that_would_not_be_the_hosts_are_neither_backed_up_nor_restored() {
    let data = tempfile::tempdir().unwrap();
    let (database, file) = (data.path().join("macadam.db"), data.path().join("backup.db"));
    std::fs::write(&database, "a store").unwrap();
    let backup = ["backup", file.to_str().unwrap(), "--with-blobs"];
    let refused = command(data.path(), &backup);
    assert!(!refused.status.success() && said(&refused).contains("there is no"), "{}", said(&refused));

    std::fs::create_dir(data.path().join("blobs")).unwrap();
    std::fs::write(data.path().join("macadam.toml"), "blobs.url = 's3://bucket'").unwrap();
    let refused = command(data.path(), &backup);
    assert!(!refused.status.success() && said(&refused).contains("`blobs.url`"), "{}", said(&refused));
    assert!(!file.exists(), "a backup without what was asked for takes the name of the next");

    std::fs::rename(&database, &file).unwrap();
    std::fs::remove_dir(data.path().join("blobs")).unwrap();
    let restore = ["restore", file.to_str().unwrap(), "--blobs", file.to_str().unwrap()];
    let refused = command(data.path(), &restore);
    assert!(!refused.status.success() && said(&refused).contains("`blobs.url`"), "{}", said(&refused));
    assert!(!database.exists(), "a store whose packages are missing would look restored");
}

#[test]
fn what_a_former_store_has_left_never_gets_into_a_restored_one() {
    let server = Server::start(&Setup::without_postgres());
    let backup = server.data().join("backup.db");
    let file = backup.to_str().unwrap();
    assert!(command(server.data(), &["backup", file, "--with-key"]).status.success());
    let key = format!("{file}.key");
    for left in ["macadam.db-wal", "macadam.db-shm", "macadam.db-journal"] {
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join(left), "of a store that was moved away").unwrap();
        let refused = command(elsewhere.path(), &["restore", file, "--key", &key]);
        assert!(!refused.status.success() && said(&refused).contains(left), "{}", said(&refused));
        assert!(!elsewhere.path().join("macadam.db").exists(), "SQLite would take {left} for a part of it");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(format!("{file}-wal"), "what was committed last").unwrap();
    let refused = command(elsewhere.path(), &["restore", file, "--key", &key]);
    assert!(!refused.status.success() && said(&refused).contains("backup.db-wal"), "{}", said(&refused));
    std::fs::write(format!("{file}-wal"), "").unwrap();
    let restored = command(elsewhere.path(), &["restore", file, "--key", &key]);
    assert!(restored.status.success(), "{}", said(&restored));
}

#[test]
fn a_backup_that_somebody_has_changed_is_not_restored_and_leaves_nothing() {
    let server = Server::start(&Setup::without_postgres());
    let backup = server.data().join("backup.db");
    let file = backup.to_str().unwrap();
    assert!(command(server.data(), &["backup", file, "--with-key"]).status.success());
    let tampered = async {
        let mut store = SqliteConnectOptions::new().filename(&backup).connect().await.unwrap();
        sqlx::raw_sql("DROP TRIGGER audit_is_not_changed; UPDATE audit SET action = 'team.unchanged' WHERE seq = 1")
            .execute(&mut store)
            .await
            .unwrap();
        store.close().await.unwrap();
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(tampered);
    let elsewhere = tempfile::tempdir().unwrap();
    let refused = command(elsewhere.path(), &["restore", file, "--key", &format!("{file}.key")]);
    assert!(!refused.status.success() && said(&refused).contains("the audit log is broken"), "{}", said(&refused));
    let left: Vec<_> = std::fs::read_dir(elsewhere.path()).unwrap().collect();
    assert!(left.is_empty(), "nothing is left of what does not count: {left:?}");
}

#[test]
fn packages_and_archives_that_are_damaged_or_missing_are_not_restored_and_leave_nothing() {
    let server = Server::start(&Setup::without_postgres());
    let (backup, elsewhere) = (server.data().join("backup.db"), tempfile::tempdir().unwrap());
    let (file, blobs) = (backup.to_str().unwrap(), format!("{}.blobs.tar", backup.display()));
    let written = command(server.data(), &["backup", file, "--with-key", "--with-blobs"]);
    assert!(written.status.success(), "{}", said(&written));
    let key = format!("{file}.key");
    let restore = || command(elsewhere.path(), &["restore", file, "--key", &key, "--blobs", &blobs]);
    let whole = std::fs::read(&blobs).unwrap();

    let mut changed = whole.clone();
    // In the middle of the first blob, whose header has 512 bytes.
    changed[1000] ^= 1;
    for (bytes, part) in [(changed, "is not what was backed up"), (vec![0; 1024], "are not in")] {
        std::fs::write(&blobs, bytes).unwrap();
        let refused = restore();
        assert!(!refused.status.success() && said(&refused).contains(part), "{part}: {}", said(&refused));
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is left of it");
    }
    let without = command(elsewhere.path(), &["restore", file, "--key", &key]);
    assert!(without.status.success() && said(&without).contains("not in its directory blobs"), "{}", said(&without));
}
