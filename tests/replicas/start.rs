//! Starting: together, from what an earlier version has left, and with a key that opens nothing.

use macadam_core::digest::Digest;
use macadam_tests::replicas::{Place, Replicas};
use macadam_tests::server::{Server, Setup};

use crate::{CONFIG, activate, asks, publish, until};

fn is_ready(server: &Server) -> bool {
    let answer = ureq::get(server.url("/readyz")).config().http_status_as_error(false).build().call();
    answer.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_start_at_once_on_an_empty_database_agree() {
    let mut replicas = Replicas::prepare(3, Place::Directory, CONFIG).await;
    for server in &mut replicas.servers {
        server.launch_without_waiting();
    }
    for server in &replicas.servers {
        // Those without packages may have been faster than the one that brings them.
        until("readiness", server, || is_ready(server).then_some(()));
    }
    let [a, b, c] = replicas.servers.as_slice() else { panic!("there are three") };
    publish(b, "1.0.0");
    activate(c, "1.0.0");
    asks(a, &["1.0.0"]);
    let bindings = |server: &Server| server.person("ada").get("/api/v1/bindings").body["items"].clone();
    assert_eq!(bindings(a), bindings(b));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_another_key_is_refused_before_it_seals_anything() {
    let mut replicas = Replicas::prepare(2, Place::Directory, CONFIG).await;
    replicas.servers[0].launch();
    replicas.servers[1].set_variable("MACADAM_MASTER_KEY", &"0bad".repeat(16));
    replicas.servers[1].launch_without_waiting();
    let refused = &replicas.servers[1];
    until("a refusal", refused, || refused.log().contains("give it the same key").then_some(()));
    assert!(!refused.log().contains("0bad0bad"), "the key is never shown: {}", refused.log());
}

#[test]
fn the_archives_and_packages_of_an_earlier_version_are_taken_over() {
    let mut server = Server::prepare(&Setup::without_postgres());
    let archive = b"an archive of an earlier version";
    let digest = Digest::of(archive);
    let archives = server.data().join("archives");
    std::fs::create_dir(&archives).unwrap();
    std::fs::write(archives.join(format!("{}.tar.gz", digest.hex())), archive).unwrap();
    server.launch();
    let hex = digest.hex();
    let blob = server.data().join("blobs/sha256").join(&hex[..2]).join(&hex);
    assert_eq!(std::fs::read(blob).unwrap(), archive);
    assert_eq!(std::fs::read_dir(&archives).unwrap().count(), 0, "they are moved, not copied");
    // What is in the index counts from now on, whatever the directory says.
    std::fs::remove_dir_all(server.data().join("registry")).unwrap();
    server.stop();
    server.launch();
    let log = server.log();
    assert_eq!(log.matches("taken over from the registry's directory").count(), 8, "each once: {log}");
}
