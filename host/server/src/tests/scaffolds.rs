//! Projects over HTTP.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, header};
use jiff::{SignedDuration, Timestamp};
use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_platform::blobs::{ENDED_GRACE, Swept};
use serde_json::json;

use super::host::{Host, one_of_platform, request_as};

#[tokio::test]
async fn an_archive_comes_with_its_digest_and_name_and_not_twice_to_whoever_has_it() {
    let host = Host::start().await;
    let (id, _) = host.dana_has_scaffolded(b"archive", Vec::new()).await;
    let path = format!("/api/v1/scaffolds/{id}/archive");
    let answer = host.get_as("dana", &path).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (200, b"archive".as_slice()));
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/gzip");
    assert_eq!(answer.header(header::CONTENT_DISPOSITION), "attachment; filename=\"orders.tar.gz\"");
    let etag = format!("\"{}\"", Digest::of(b"archive"));
    assert_eq!(answer.header(header::ETAG), etag);
    // printf archive | openssl dgst -sha256 -binary | base64
    assert_eq!(answer.header("repr-digest"), "sha-256=:DrPja/sk3Nm7HRvs4VMSFrWVOaj94X7oAiSvBlPJKqM=:");
    let again = request_as("dana", Method::GET, &path).header(header::IF_NONE_MATCH, etag);
    assert_eq!(host.send(again.body(Body::empty()).unwrap()).await.status, 304);
    host.get_as("olga", &path).await.is_problem("not-found", 404);
}

#[tokio::test]
async fn a_project_that_waits_for_approval_is_shown_and_not_handed_out() {
    let host = Host::start().await;
    let (id, request) = host.dana_has_scaffolded(b"archive", one_of_platform()).await;
    let view = host.get_as("dana", &format!("/api/v1/scaffolds/{id}")).await.json();
    assert_eq!((&view["state"], &view["request"]), (&json!("pending-approval"), &json!(request)));
    host.get_as("dana", &format!("/api/v1/scaffolds/{id}/archive")).await.is_problem("conflict", 409);
    let yes = json!({"digest": Digest::of(b"decision")});
    host.post_as("amir", &format!("/api/v1/requests/{request}/approve"), &yes).await;
    assert_eq!(host.get_as("dana", &format!("/api/v1/scaffolds/{id}/archive")).await.status, 200);
}

#[tokio::test]
async fn what_is_old_and_named_by_nothing_that_may_be_handed_out_is_swept_and_nothing_else() {
    let host = Host::start().await;
    let put = async |bytes: &'static [u8]| host.blobs.put(bytes).await.unwrap();
    host.dana_has_scaffolded(b"handed out", Vec::new()).await;
    host.dana_has_scaffolded(b"waits", one_of_platform()).await;
    let (_, ended) = host.dana_has_scaffolded(b"taken back", one_of_platform()).await;
    host.store.cancel(ended, &"dana".parse().unwrap(), &Origin::NONE, Timestamp::now()).await.unwrap();
    let unnamed = put(b"named by nothing").await;
    // On both sides, so that what is old and what is young are so by any clock's ticks.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let moment = Timestamp::now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let young = put(b"named by nothing yet").await;

    let grace = SignedDuration::from_hours(1);
    let swept = host.state.platform.sweep_blobs(moment + grace, grace).await.unwrap();
    let bytes = b"named by nothing".len() as u64;
    assert_eq!(swept, Swept { removed: 1, bytes, kept: 3 }, "a backup from before may name what was taken back");
    let long = ENDED_GRACE + grace;
    let swept = host.state.platform.sweep_blobs(moment + long, long).await.unwrap();
    let bytes = b"taken back".len() as u64;
    assert_eq!(swept, Swept { removed: 1, bytes, kept: 2 });
    for (digest, stays, what) in [
        (Digest::of(b"handed out"), true, "a project that can be fetched"),
        (Digest::of(b"waits"), true, "one that somebody may yet approve"),
        (Digest::of(b"taken back"), false, "one that nobody will ever fetch"),
        (unnamed, false, "what nothing names"),
        (young, true, "what was put just now, whose row is perhaps being written"),
    ] {
        assert_eq!(host.blobs.has(&digest).await.unwrap(), stays, "{what}");
    }
    let again = host.state.platform.sweep_blobs(moment + long, long).await.unwrap();
    assert_eq!(again, Swept { kept: 2, ..Swept::default() }, "what is gone is not found again");
}

#[tokio::test]
async fn an_old_blob_that_is_named_again_while_a_sweep_is_about_to_take_it_stays() {
    let host = Host::start().await;
    let grace = SignedDuration::from_hours(1);
    for round in 0..40_u64 {
        let bytes = format!("archive {round}");
        // As the archive of a project that was denied long ago: it is there, and nothing names it any more.
        let digest = host.blobs.put(bytes.clone()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        let moment = Timestamp::now();
        tokio::time::sleep(Duration::from_millis(10)).await;
        let (swept, (id, _)) = tokio::join!(host.state.platform.sweep_blobs(moment + grace, grace), async {
            // By and by at another moment of the sweep. Not by the runtime's timer, which has whole milliseconds.
            let moment = Duration::from_micros(round * 100);
            tokio::task::spawn_blocking(move || std::thread::sleep(moment)).await.unwrap();
            host.dana_has_scaffolded(bytes.as_bytes(), Vec::new()).await
        });
        swept.unwrap();
        assert!(host.blobs.has(&digest).await.unwrap(), "round {round}: it is named");
        let archive = host.get_as("dana", &format!("/api/v1/scaffolds/{id}/archive")).await;
        assert_eq!((archive.status.as_u16(), archive.body), (200, bytes.into_bytes()), "round {round}: and handed out");
    }
}
