//! A project's archive, as a server may send it: nothing is written beside its directory, nor more than it may have,
//! and a part of it is never taken for all of it.
//!
//! The program has no library, so what it is made of is built in here.
#![no_main]

use std::fs;
use std::io::Write as _;
use std::path::Path;

use libfuzzer_sys::fuzz_target;

#[path = "../shared/tar.rs"]
mod tar_file;
#[path = "../../host/cli/src/unpack.rs"]
#[allow(dead_code, reason = "it is unpacked with another bound")]
mod unpack;

/// The most that is unpacked, in bytes, so that the bound is met.
const MOST: u64 = 8 * 1024;

/// How many bytes a directory has. Whatever is neither file nor directory has no business in it.
fn size(directory: &Path) -> u64 {
    let mut bytes = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        assert!(kind.is_file() || kind.is_dir(), "{} is neither file nor directory", entry.path().display());
        bytes += if kind.is_dir() { size(&entry.path()) } else { entry.metadata().unwrap().len() };
    }
    bytes
}

/// The only thing in a directory, if there is one.
fn only(directory: &Path) -> Option<std::ffi::OsString> {
    let names: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.len() <= 1, "{names:?} is more than was asked for");
    names.into_iter().next()
}

fn unpacked(most: u64, archive: &[u8]) -> Option<usize> {
    let around = tempfile::tempdir().unwrap();
    let target = around.path().join("a/project");
    let count = unpack::unpack_up_to(most, archive, &target).ok();
    assert!(only(around.path()).is_none_or(|name| name == "a"), "nothing leads out");
    assert_eq!(only(&around.path().join("a")).is_some(), count.is_some(), "it is there whole, or nothing is");
    if count.is_some() {
        assert!(size(&target) <= most, "there is no more than there may be");
    }
    count
}

fn holds(archive: &[u8]) {
    if let Some(count) = unpacked(MOST, archive) {
        assert_eq!(unpacked(MOST * 1024, archive), Some(count), "a part is never taken for all of it");
    }
}

fuzz_target!(|bytes: &[u8]| {
    holds(bytes);
    // Chance writes no checksums that fit, and would never see what is inside.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&tar_file::mended(bytes)).unwrap();
    holds(&packer.finish().unwrap());
});
