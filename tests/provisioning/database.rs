//! The whole story with the store on a PostgreSQL server instead of a file.

use macadam_tests::postgres::Postgres;
use macadam_tests::server::{Server, Setup};
use serde_json::json;

/// A database for the store, of a user who may do nothing else.
async fn store_url(postgres: &Postgres) -> String {
    postgres.query("create role keeper login password 'hunter2'").await;
    postgres.query("create database kept owner keeper").await;
    postgres.superuser_url().replace("admin@", "keeper:hunter2@").replace("/postgres", "/kept")
}

/// The shipped plugins, and the store at an address that is in a file.
fn setup() -> Setup {
    let setup = Setup::without_postgres();
    Setup { config: format!("database-url-file = \"store-url\"\nlease-seconds = 4\n{}", setup.config), ..setup }
}

fn prepare(url: &str) -> Server {
    let server = Server::prepare(&setup());
    std::fs::write(server.data().join("store-url"), format!("{url}\n")).expect("the address is written");
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_postgresql_provisions_waits_for_approval_and_loses_nothing_when_it_is_killed() {
    let postgres = Postgres::start().await;
    let url = store_url(&postgres).await;
    let mut server = prepare(&url);
    server.launch();
    let wish = |environment: &str, name: &str| {
        json!({
            "environment": environment, "type": "local-directory", "name": name,
            "spec": {"quota_mb": 64}, "tags": {"owner": "payments"},
        })
    };
    let (taken, pending) = {
        let dana = server.person("dana");
        let taken = dana.post("/api/v1/resources", &wish("dev", "files"));
        assert_eq!((taken.status, taken.body["state"].as_str()), (202, Some("queued")), "{taken:?}");
        let pending = dana.post("/api/v1/resources", &wish("prod", "files"));
        assert_eq!(pending.body["state"], "pending-approval", "{pending:?}");
        (taken.request(), pending.request())
    };
    // At once, with the job wherever it is by now.
    server.kill();
    server.launch();
    let (dana, amir) = (server.person("dana"), server.person("amir"));
    assert_eq!(dana.wait_for(&taken), "succeeded", "{}", server.log());
    let approved = amir.approve(&pending);
    assert_eq!(approved.status, 200, "a wait outlives the server: {approved:?}");
    assert_eq!(dana.wait_for(&pending), "succeeded", "{}", server.log());
    server.kill();
    server.launch();
    for environment in ["dev", "prod"] {
        let shown =
            server.person("dana").get(&format!("/api/v1/resources/payments/{environment}/local-directory/files"));
        assert_eq!(shown.body["state"], "ready", "{shown:?}");
    }
    assert!(!server.data().join("macadam.db").exists(), "everything is on the server");
    server.stop();
    let log = server.log();
    assert!(log.contains("/kept") && !log.contains("hunter2"), "the place is named, and the password never: {log}");

    // Another host on the same database, without the key to what is sealed in it.
    let mut stranger = prepare(&url);
    stranger.launch_without_waiting();
    let begin = std::time::Instant::now();
    while !stranger.log().contains("master.key") && begin.elapsed().as_secs() < 30 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(stranger.log().contains("copy it from the host"), "a new key would open nothing: {}", stranger.log());
    assert!(!stranger.data().join("master.key").exists());
}
