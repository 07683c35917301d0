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

#[tokio::test]
async fn what_is_put_again_just_before_a_removal_ends_stays() {
    let (_directory, everywhere) = everywhere();
    for blobs in everywhere {
        let digest = blobs.put(&b"bytes"[..]).await.unwrap();
        let note = blobs.leave_note(&digest).await.unwrap();
        let old = blobs.copies_if_old(&digest, Timestamp::MAX).await.unwrap();
        // It is put again, and before whoever does that looks for notes, the removal has ended.
        blobs.write(&blobs.path_of(&digest), b"bytes"[..].into()).await.unwrap();
        for copy in &old {
            assert!(blobs.delete(copy).await.unwrap());
        }
        blobs.delete(&note).await.unwrap();
        blobs.keep_put(&digest, b"bytes"[..].into()).await.unwrap();
        assert_eq!(blobs.get(&digest).await.unwrap(), &b"bytes"[..]);
    }
}

#[tokio::test]
async fn what_is_put_again_between_the_look_of_a_removal_and_its_end_stays() {
    let (_directory, everywhere) = everywhere();
    for blobs in everywhere {
        let digest = blobs.put(&b"bytes"[..]).await.unwrap();
        let note = blobs.leave_note(&digest).await.unwrap();
        let old = blobs.copies_if_old(&digest, Timestamp::MAX).await.unwrap();
        assert_eq!(old.len(), 1, "it is old by this measure");
        let again = Timestamp::now();
        blobs.put(&b"bytes"[..]).await.unwrap();
        for copy in &old {
            assert!(blobs.delete(copy).await.unwrap());
        }
        blobs.delete(&note).await.unwrap();

        assert!(blobs.has(&digest).await.unwrap(), "whoever put it again was told that it is there");
        assert_eq!(blobs.get(&digest).await.unwrap(), &b"bytes"[..]);
        let kept: Vec<_> = blobs.put_before(Timestamp::MAX).await.unwrap();
        assert_eq!(kept.iter().map(|kept| (kept.digest, kept.size)).collect::<Vec<_>>(), [(digest, 5)]);
        // The disk's clock ticks more slowly than ours.
        let about = again - jiff::SignedDuration::from_secs(1);
        assert!(!blobs.remove_put_before(&digest, about).await.unwrap(), "it is young");
        blobs.put(&b"bytes"[..]).await.unwrap();
        assert_eq!(blobs.put_before(Timestamp::MAX).await.unwrap().len(), 1, "twice there, it is one blob");
        assert!(blobs.remove_put_before(&digest, Timestamp::MAX).await.unwrap());
        let gone = blobs.get(&digest).await.unwrap_err();
        assert!(matches!(gone, BlobError::Gone { .. }), "all of it goes when it is old: {gone}");
        assert_eq!(blobs.put_before(Timestamp::MAX).await.unwrap(), []);
    }
}

#[tokio::test]
async fn putting_and_removing_at_once_never_loses_what_was_put() {
    let (directory, everywhere) = everywhere();
    let blobs = &everywhere[1];
    for round in 0..40_u8 {
        let digest = blobs.put(vec![round; 5]).await.unwrap();
        let hex = digest.hex();
        let path = directory.path().join("new/blobs/sha256").join(&hex[..2]).join(&hex);
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let before = Timestamp::now() - jiff::SignedDuration::from_secs(60);
        let (removed, put) = tokio::join!(blobs.remove_put_before(&digest, before), async {
            // By and by at another moment of the removal. Not by the runtime's timer, which has whole milliseconds.
            let moment = std::time::Duration::from_micros(u64::from(round) * 50);
            tokio::task::spawn_blocking(move || std::thread::sleep(moment)).await.unwrap();
            blobs.put(vec![round; 5]).await
        });
        removed.unwrap();
        put.unwrap();
        assert_eq!(blobs.get(&digest).await.unwrap(), vec![round; 5], "round {round}: it was put, and is named by now");
    }
}

#[tokio::test]
async fn the_note_of_a_host_that_died_removing_costs_a_copy_and_goes_when_it_is_old() {
    let (_directory, everywhere) = everywhere();
    for blobs in everywhere {
        let digest = blobs.put(&b"bytes"[..]).await.unwrap();
        blobs.leave_note(&digest).await.unwrap();
        assert!(blobs.may_be_leaving(&digest).await.unwrap());
        assert!(!blobs.may_be_leaving(&Digest::of(b"other")).await.unwrap(), "a note is about one blob");
        blobs.forget_removals_before(Timestamp::UNIX_EPOCH).await.unwrap();
        assert!(blobs.may_be_leaving(&digest).await.unwrap(), "the host may still be at it");
        blobs.put(&b"bytes"[..]).await.unwrap();
        assert_eq!(blobs.copies_beside(&digest).await.unwrap().len(), 1);
        blobs.forget_removals_before(Timestamp::MAX).await.unwrap();
        assert!(!blobs.may_be_leaving(&digest).await.unwrap());
        blobs.put(&b"bytes"[..]).await.unwrap();
        assert_eq!(blobs.copies_beside(&digest).await.unwrap().len(), 1, "without a note nothing is put twice");
        assert_eq!(blobs.get(&digest).await.unwrap(), &b"bytes"[..]);
    }
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
