//! Blobs in memory and in a directory. What a real S3 server does is tested where several hosts share one.

use super::*;

fn everywhere() -> (tempfile::TempDir, Vec<Blobs>) {
    let directory = tempfile::tempdir().unwrap();
    let in_directory = Blobs::in_directory(&directory.path().join("new/blobs")).unwrap();
    (directory, vec![Blobs::in_memory(), in_directory])
}

#[tokio::test]
async fn a_blob_comes_back_as_it_was_put_and_what_was_never_put_is_gone() {
    let (_directory, everywhere) = everywhere();
    for blobs in everywhere {
        let digest = blobs.put(&b"bytes"[..]).await.unwrap();
        assert_eq!(digest, Digest::of(b"bytes"));
        assert_eq!(blobs.put(&b"bytes"[..]).await.unwrap(), digest, "again is the same");
        assert_eq!(blobs.get(&digest).await.unwrap(), &b"bytes"[..]);
        assert!(blobs.has(&digest).await.unwrap() && !blobs.has(&Digest::of(b"other")).await.unwrap());
        let gone = blobs.get(&Digest::of(b"other")).await.unwrap_err();
        assert!(matches!(gone, BlobError::Gone { .. }), "{gone}");
        blobs.check().await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_blob_is_never_handed_out() {
    let (directory, everywhere) = everywhere();
    let blobs = &everywhere[1];
    let digest = blobs.put(&b"bytes"[..]).await.unwrap();
    let hex = digest.hex();
    let path = directory.path().join("new/blobs/sha256").join(&hex[..2]).join(&hex);
    for damage in [&b"byte"[..], b"bytes and more", b""] {
        std::fs::write(&path, damage).unwrap();
        let error = blobs.get(&digest).await.unwrap_err();
        assert!(matches!(error, BlobError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(&hex), "which one is said: {error}");
    }
    blobs.put(&b"bytes"[..]).await.unwrap();
    assert_eq!(blobs.get(&digest).await.unwrap(), &b"bytes"[..], "putting it again mends it");
}

#[tokio::test]
async fn only_what_is_old_is_listed_and_removed_and_putting_again_makes_young() {
    let (directory, everywhere) = everywhere();
    std::fs::create_dir_all(directory.path().join("new/blobs/sha256/no")).unwrap();
    std::fs::write(directory.path().join("new/blobs/sha256/no/blob"), "a stranger's file").unwrap();
    for blobs in everywhere {
        let digest = blobs.put(&b"bytes"[..]).await.unwrap();
        let (past, future) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        assert_eq!(blobs.put_before(past).await.unwrap(), []);
        let old: Vec<_> = blobs.put_before(future).await.unwrap();
        assert_eq!(old.iter().map(|kept| (kept.digest, kept.size)).collect::<Vec<_>>(), [(digest, 5)]);
        let first = old[0].put;
        std::thread::sleep(std::time::Duration::from_millis(20));
        blobs.put(&b"bytes"[..]).await.unwrap();
        let between = first.checked_add(jiff::SignedDuration::from_millis(1)).unwrap();
        assert!(!blobs.remove_put_before(&digest, between).await.unwrap(), "it was put again since");
        assert!(blobs.remove_put_before(&digest, future).await.unwrap());
        assert!(!blobs.remove_put_before(&digest, future).await.unwrap(), "it is gone already");
        assert!(!blobs.has(&digest).await.unwrap());
    }
    assert!(directory.path().join("new/blobs/sha256/no/blob").exists(), "what is no blob is left alone");
}

#[test]
fn an_address_is_a_bucket_or_a_directory_and_what_is_wrong_is_told_by_its_field() {
    let bucket = Address::new("s3://plugins/host/a", Some("http://127.0.0.1:9000/"), Some("eu-1")).unwrap();
    let Address::S3(bucket) = bucket else { panic!("it is a bucket") };
    assert_eq!(bucket.to_string(), "s3://plugins/host/a at http://127.0.0.1:9000");
    assert_eq!(Address::new("file:///srv/blobs", None, None).unwrap(), Address::Directory("/srv/blobs".into()));
    for (url, endpoint, part) in [
        ("plugins", None, "`blobs.url`"),
        ("https://plugins", None, "`blobs.url`"),
        ("s3:///prefix", None, "`blobs.url`"),
        ("s3://key:hunter2@plugins", None, "AWS_ACCESS_KEY_ID"),
        ("s3://plugins/a?region=x", None, "`blobs.url`"),
        ("s3://plugins/a//b", None, "empty part"),
        ("s3://plugins", Some("s3.example"), "`blobs.endpoint`"),
        ("s3://plugins", Some("https://k:hunter2@s3.example"), "`blobs.endpoint`"),
        ("file:///srv", Some("https://s3.example"), "`blobs.endpoint`"),
    ] {
        let refused = Address::new(url, endpoint, None).unwrap_err().to_string();
        assert!(refused.contains(part) && !refused.contains("hunter2"), "{part:?} is missing in: {refused}");
    }
}

#[cfg(not(feature = "s3"))]
#[test]
fn a_build_without_a_client_says_so() {
    let bucket = Address::new("s3://plugins", None, None).unwrap();
    assert!(Blobs::at(&bucket).unwrap_err().to_string().contains("feature `s3`"));
}
