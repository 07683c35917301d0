//! What the audit log keeps of what can be had: who, what, which bytes and whose signature; also when something breaks
//! on the way.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use macadam_registry::signature::{SigningKey, sign};
use macadam_tests::server::Server;
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::{policy, server};

pub(crate) fn on_the_store<T>(server: &Server, work: impl AsyncFnOnce(SqliteConnection) -> T) -> T {
    let options = SqliteConnectOptions::new().filename(server.data().join("macadam.db"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { work(options.connect().await.unwrap()).await })
}

/// Who did what to which plugin, in order, with what else was kept.
fn entries(server: &Server) -> Vec<(String, String, Value)> {
    let all: Vec<(String, String, String, String)> = on_the_store(server, async |mut store| {
        let query = "SELECT actor, action, subject, data FROM audit WHERE action LIKE 'plugin.%' AND action <> 'plugin.take-over' ORDER BY seq";
        sqlx::query_as(query).fetch_all(&mut store).await.unwrap()
    });
    let entry = |(actor, action, subject, data): (String, String, String, String)| {
        (format!("{actor} {action}"), subject, serde_json::from_str(&data).unwrap())
    };
    all.into_iter().map(entry).collect()
}

fn actions(server: &Server) -> Vec<String> {
    entries(server).into_iter().map(|(action, ..)| action).collect()
}

pub(crate) fn change_the_store(server: &Server, statement: &'static str) {
    on_the_store(server, async |mut store| sqlx::raw_sql(statement).execute(&mut store).await.map(drop).unwrap());
}

#[test]
fn whatever_changes_what_can_be_had_leaves_one_entry_and_what_changes_nothing_leaves_none() {
    let server = server();
    let (amir, dana) = (server.person("amir"), server.person("dana"));
    let (package, key) = (policy("macadam/gate", "1.0.0", "production-gate"), SigningKey::generate().unwrap());
    let trusted = json!({"public_key": key.public().to_string()});
    assert_eq!(server.person("ada").post("/api/v1/namespaces/macadam/keys", &trusted).status, 200);
    let signature = BASE64_STANDARD.encode(sign(&package, &key).to_bytes());
    let (yank, deprecation) =
        ("/api/v1/plugins/macadam/gate/1.0.0/yank", "/api/v1/plugins/macadam/gate/1.0.0/deprecation");
    let notice = json!({"message": "it is old"});
    // Everything twice: the second time it is so already.
    assert_eq!(amir.publish(package.archive()).status, 201);
    assert_eq!(amir.publish(package.archive()).status, 200);
    assert_eq!(amir.publish_signed(package.archive(), Some(&signature)).status, 200);
    assert_eq!(amir.publish_signed(package.archive(), Some(&signature)).status, 200);
    for (method, path, body, status) in [
        ("POST", yank, None, 204),
        ("DELETE", yank, None, 204),
        ("PUT", deprecation, Some(&notice), 200),
        ("DELETE", deprecation, None, 200),
    ] {
        assert_eq!(dana.send(method, path, body).status, 403, "{method} {path} is not for strangers");
        for _ in 0..2 {
            assert_eq!(amir.send(method, path, body).status, status, "{method} {path}");
        }
    }
    assert_eq!(dana.publish(policy("macadam/gate", "2.0.0", "production-gate").archive()).status, 403);
    assert_eq!(amir.publish(policy("macadam/gate", "1.0.0", "cost-threshold").archive()).status, 409);

    let entries = entries(&server);
    let expected = ["publish", "sign", "yank", "unyank", "deprecate", "undeprecate"];
    let told: Vec<_> = entries.iter().map(|(action, ..)| action.clone()).collect();
    assert_eq!(told, expected.map(|action| format!("amir plugin.{action}")));
    for (action, subject, data) in &entries {
        assert_eq!(subject, "plugins/macadam/gate@1.0.0", "{action}");
        assert_eq!(data["package"], json!(package.digest()), "{action} tells the bytes");
        let signed_by = if action.ends_with(".publish") { json!([]) } else { json!([key.id()]) };
        assert_eq!(data["signed_by"], signed_by, "{action} tells who vouches for them");
    }
    assert_eq!(entries[4].2["message"], json!("it is old"));
}

#[test]
fn a_dev_version_that_is_published_again_counts_from_then_on_and_leaves_an_entry() {
    let server = server();
    let amir = server.person("amir");
    let [one, other] =
        ["1.0.0-dev.xa", "1.0.0-dev.xb"].map(|version| policy("macadam/gate", version, "production-gate"));
    for (package, status) in [(&one, 201), (&other, 201), (&one, 200)] {
        assert_eq!(amir.publish(package.archive()).status, status);
    }
    let told: Vec<_> = entries(&server).into_iter().map(|(action, subject, _)| (action, subject)).collect();
    let published = |version| ("amir plugin.publish".to_owned(), format!("plugins/macadam/gate@1.0.0-dev.{version}"));
    assert_eq!(told, [published("xa"), published("xb"), published("xa")]);
}

/// Whether the index names a plugin.
fn is_known(server: &Server, plugin: &'static str) -> bool {
    on_the_store(server, async |mut store| {
        let query = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM package_indexes WHERE plugin = $1").bind(plugin);
        query.fetch_one(&mut store).await.unwrap()
    }) == 1
}

fn blobs(server: &Server) -> usize {
    let folders = std::fs::read_dir(server.data().join("blobs/sha256")).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

#[test]
fn what_cannot_be_told_is_not_published() {
    let server = server();
    let amir = server.person("amir");
    let package = policy("macadam/gate", "1.0.0", "production-gate");
    change_the_store(
        &server,
        "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'no entry today'); END",
    );
    assert_eq!(amir.publish(package.archive()).status, 500);
    assert!(!is_known(&server, "macadam/gate"), "a version that nobody can be named for is not there");
    change_the_store(&server, "DROP TRIGGER broken");
    assert_eq!(amir.publish(package.archive()).status, 201);
    assert_eq!(actions(&server), ["amir plugin.publish"]);
}

#[test]
fn a_package_that_cannot_be_kept_is_not_published_and_leaves_no_entry() {
    let server = server();
    let amir = server.person("amir");
    let package = policy("macadam/gate", "1.0.0", "production-gate");
    // Where the blobs' folder would be there is a file.
    let (folder, aside) = (server.data().join("blobs/sha256"), server.data().join("blobs/aside"));
    std::fs::rename(&folder, &aside).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    let refused = amir.publish(package.archive());
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(!refused.body.to_string().contains("blobs/"), "where they are is not for everybody: {refused:?}");
    assert_eq!((is_known(&server, "macadam/gate"), actions(&server).len()), (false, 0));
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    assert_eq!(amir.publish(package.archive()).status, 201);
}

#[test]
fn a_crash_in_the_middle_of_publishing_leaves_neither_a_version_nor_an_entry_and_publishing_again_works() {
    let mut server = server();
    let package = policy("macadam/gate", "1.0.0", "production-gate");
    let before = blobs(&server);
    on_the_store(&server, async |mut store| {
        // Nobody else can write meanwhile, so publishing stops between the blob and the index.
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut store).await.unwrap();
        std::thread::scope(|scope| {
            let publishing = scope.spawn(|| server.person("amir").publish(package.archive()));
            let begin = Instant::now();
            while blobs(&server) == before {
                assert!(begin.elapsed() < Duration::from_secs(60), "the package becomes a blob\n{}", server.log());
                std::thread::sleep(Duration::from_millis(5));
            }
            // The process ends by its number, since `server` is lent to who publishes.
            let ended = std::process::Command::new("kill").args(["-KILL", &server.id().to_string()]).status();
            assert!(ended.is_ok_and(|status| status.success()));
            assert_eq!(publishing.join().unwrap().status, 0, "nobody is left to answer");
        });
    });
    server.kill();
    server.launch();
    assert_eq!((is_known(&server, "macadam/gate"), actions(&server).len()), (false, 0));
    assert_eq!(server.person("amir").publish(package.archive()).status, 201);
    server.kill();
    server.launch();
    assert_eq!(
        server.person("amir").publish(package.archive()).status,
        200,
        "it is there, whatever became of the host"
    );
    assert_eq!(actions(&server), ["amir plugin.publish"]);
}
