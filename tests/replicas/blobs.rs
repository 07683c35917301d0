//! Projects, credentials, and a place of blobs that is away.

use std::path::PathBuf;
use std::process::Command;

use jiff::Timestamp;
use macadam_blobs::{Address, Blobs};
use macadam_core::digest::Digest;
use macadam_tests::postgres::Postgres;
use macadam_tests::replicas::{CREDENTIALS, Place, Replicas, S3};
use macadam_tests::server::{Setup, database};
use serde_json::json;

use crate::{CONFIG, activate, answered, asks, policy, publish, until};

fn project() -> serde_json::Value {
    json!({
        "template": "rest-api", "name": "orders", "tags": {"owner": "payments"},
        "parameters": {"description": "Takes orders", "owner": "payments"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_was_generated_on_one_is_fetched_from_another() {
    for place in [Place::Directory, Place::S3] {
        let replicas = Replicas::start(2, place, CONFIG).await;
        let [a, b] = replicas.servers.as_slice() else { panic!("there are two") };
        let made = a.person("dana").post("/api/v1/scaffolds", &project());
        assert_eq!(made.status, 201, "{made:?}\n{}", a.log());
        let id = made.body["id"].as_str().unwrap();
        let bytes = b.person("dana").download(&format!("/api/v1/scaffolds/{id}/archive"));
        assert_eq!(made.body["archive"], Digest::of(&bytes).to_string(), "what is fetched is what was promised");
        assert!(
            !a.data().join("archives").exists() && !a.data().join("blobs").exists(),
            "nothing is on one host alone"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_one_has_sealed_are_read_through_another() {
    let databases = Postgres::start().await;
    let setup = Setup::with_postgres(&databases);
    let config = setup.config.replace("lease-seconds = 4\n", "");
    let replicas = Replicas::start(2, Place::Directory, &config).await;
    let [a, b] = replicas.servers.as_slice() else { panic!("there are two") };
    let taken = a.person("dana").post("/api/v1/resources", &database("dev", "orders", 5));
    assert_eq!(taken.status, 202, "{taken:?}");
    assert_eq!(b.person("dana").wait_for(&taken.request()), "succeeded", "{}\n{}", a.log(), b.log());
    let path = "/api/v1/resources/payments/dev/postgres-database/orders/credentials";
    let (one, other) = (a.person("dana").get(path), b.person("dana").get(path));
    assert_eq!((one.status, other.status), (200, 200), "{one:?} {other:?}");
    assert_eq!(one.body, other.body);
    assert!(one.body["outputs"]["password"].as_str().is_some_and(|password| !password.is_empty()), "{one:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_blobs_are_away_what_runs_goes_on_and_publishing_is_refused_with_a_retry() {
    let mut replicas = Replicas::start(2, Place::S3, CONFIG).await;
    publish(&replicas.servers[0], "1.0.0");
    activate(&replicas.servers[0], "1.0.0");
    asks(&replicas.servers[1], &["1.0.0"]);
    replicas.s3.as_mut().unwrap().kill();
    let [a, b] = replicas.servers.as_slice() else { panic!("there are two") };
    let refused = b.person("amir").publish(policy("1.1.0", "production-gate", "").archive());
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(!refused.body.to_string().contains("s3://"), "where they are is not for everybody: {refused:?}");
    let made = b.person("dana").post("/api/v1/scaffolds", &project());
    assert_eq!(made.status, 503, "{made:?}");
    until("the version that was active", b, || (answered(b) == ["1.0.0"]).then_some(()));
    let taken = a.person("dana").post("/api/v1/resources", &crate::directory("dev", "files"));
    assert_eq!(taken.status, 202, "{taken:?}");
    assert_eq!(b.person("dana").wait_for(&taken.request()), "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_blob_is_not_loaded_and_publishing_the_same_package_puts_it_back() {
    let replicas = Replicas::start(1, Place::S3, CONFIG).await;
    let [a] = replicas.servers.as_slice() else { panic!("there is one") };
    publish(a, "1.0.0");
    let package = policy("1.0.0", "production-gate", "");
    let hex = package.digest().hex();
    let bucket = replicas.s3.as_ref().unwrap().bucket();
    let object = bucket.join("blobs/sha256").join(&hex[..2]).join(format!("{hex}._S3rver_object"));
    assert!(object.exists(), "it is in the bucket under its digest");
    std::fs::write(&object, "something else").unwrap();
    let refused = crate::bind(a, &json!({"plugin": "macadam/gate@1.0.0"}));
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.body.to_string().contains("damaged"), "{refused:?}");
    assert_eq!(a.person("amir").publish(package.archive()).status, 200, "it is published already");
    activate(a, "1.0.0");
}

/// The part of the next test that runs in a process of its own, which has the bucket's credentials in its environment.
#[tokio::test]
#[ignore = "run by what_is_put_while_it_is_removed_stays_in_a_bucket_too in a process of its own"]
async fn put_and_removed_in_a_bucket() {
    let endpoint = std::env::var("MACADAM_TEST_S3").expect("the other test says where");
    let bucket = PathBuf::from(std::env::var_os("MACADAM_TEST_BUCKET").expect("and where that keeps it"));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address = Address::new("s3://macadam/blobs", Some(&endpoint), Some("us-east-1")).unwrap();
    let blobs = Blobs::at(&address).unwrap();
    let digest = blobs.put(&b"bytes"[..]).await.unwrap();
    let listed = blobs.put_before(Timestamp::MAX).await.unwrap();
    assert_eq!(listed.iter().map(|kept| (kept.digest, kept.size)).collect::<Vec<_>>(), [(digest, 5)]);
    assert!(!blobs.remove_put_before(&digest, Timestamp::UNIX_EPOCH).await.unwrap(), "it is young");
    assert_eq!(blobs.get(&digest).await.unwrap(), &b"bytes"[..]);
    assert!(blobs.remove_put_before(&digest, Timestamp::MAX).await.unwrap());
    assert!(!blobs.has(&digest).await.unwrap() && !blobs.remove_put_before(&digest, Timestamp::MAX).await.unwrap());

    // A removal that is under way, as its note alone says; then it is put again, and only then removed.
    blobs.put(&b"bytes"[..]).await.unwrap();
    let (hex, folder) = (digest.hex(), bucket.join("blobs/sha256"));
    let object = |file: &str| folder.join(&hex[..2]).join(format!("{hex}{file}"));
    std::fs::create_dir_all(folder.join("leaving")).unwrap();
    let files = ["._S3rver_object", "._S3rver_object.md5", "._S3rver_metadata.json"];
    for file in files.into_iter().filter(|&file| object(file).exists()) {
        std::fs::copy(object(file), folder.join("leaving").join(format!("{hex}.0{file}"))).unwrap();
    }
    blobs.put(&b"bytes"[..]).await.unwrap();
    for file in files.into_iter().filter(|&file| object(file).exists()) {
        std::fs::remove_file(object(file)).unwrap();
    }
    assert!(blobs.has(&digest).await.unwrap(), "whoever put it again was told that it is there");
    assert_eq!(blobs.get(&digest).await.unwrap(), &b"bytes"[..]);
    blobs.forget_removals_before(Timestamp::MAX).await.unwrap();
    assert!(blobs.remove_put_before(&digest, Timestamp::MAX).await.unwrap(), "old, it goes as any other");
    assert_eq!(blobs.put_before(Timestamp::MAX).await.unwrap(), []);
}

#[test]
fn what_is_put_while_it_is_removed_stays_in_a_bucket_too() {
    let s3 = S3::start();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "blobs::put_and_removed_in_a_bucket", "--ignored", "--nocapture"])
        .env("AWS_ACCESS_KEY_ID", CREDENTIALS)
        .env("AWS_SECRET_ACCESS_KEY", CREDENTIALS)
        .env("MACADAM_TEST_S3", s3.endpoint())
        .env("MACADAM_TEST_BUCKET", s3.bucket())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
