//! The blobs of a backup, as somebody may have changed them: whatever is put in its place is what its name says, and
//! nothing is put anywhere else.
#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use macadam_blobs::Blobs;
use macadam_core::digest::Digest;
use tokio::runtime::Runtime;

#[path = "../../host/cli/src/commands/backup/blobs.rs"]
#[allow(dead_code, reason = "they are only read here")]
mod blobs;
#[path = "../shared/tar.rs"]
mod tar_file;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());

async fn restored(bytes: &[u8]) {
    let around = tempfile::tempdir().unwrap();
    let (file, directory) = (around.path().join("blobs.tar"), around.path().join("blobs"));
    std::fs::write(&file, bytes).unwrap();
    let read = blobs::read(&file, &directory).await;
    let there = Blobs::in_directory(&directory).unwrap();
    let all = there.put_before(Timestamp::MAX).await.unwrap();
    for blob in &all {
        assert_eq!(Digest::of(&there.get(&blob.digest).await.unwrap()), blob.digest, "it is what its name says");
    }
    // The same may be in it twice.
    assert!(read.is_err() || read.is_ok_and(|put| put >= all.len() && (put == 0) == all.is_empty()));
    let beside = std::fs::read_dir(around.path()).unwrap().count();
    assert!(beside <= 2, "nothing is put beside it");
}

fuzz_target!(|bytes: &[u8]| {
    RUNTIME.block_on(restored(&tar_file::mended(bytes)));
});
