//! Projects, credentials, and a place of blobs that is away.

use macadam_core::digest::Digest;
use macadam_tests::postgres::Postgres;
use macadam_tests::replicas::{Place, Replicas};
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
