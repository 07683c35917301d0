//! What a process that was ended while it put a blob has left in a directory.
//!
//! A blob is written under another name, its own with `#` and a number, and gets its own when it is on the disk. Such a file
//! is no blob, so no list has it and no sweep finds it. It is looked for when a host starts, as one does after it
//! was ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::FOLDER;

/// How old such a file must be. Writing one takes seconds; other hosts on the same directory may be at it.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes what was begun long ago in a directory of blobs. What cannot be removed stays: it is in nobody's way.
pub(crate) fn remove(directory: &Path, now: SystemTime) {
    let files = entries(&directory.join(FOLDER)).flat_map(|folder| entries(&folder));
    for file in files.filter(|file| is_unfinished(file) && is_old(file, now)) {
        match fs::remove_file(&file) {
            Ok(()) => tracing::info!(file = %file.display(), "what was left of a blob that was never put is gone"),
            Err(error) => tracing::warn!(file = %file.display(), %error, "what is left of a blob cannot be removed"),
        }
    }
}

/// What is in a directory; nothing if it cannot be read.
fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Whether a file is called as one that is to become a blob.
fn is_unfinished(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('#'));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.is_some_and(|(blob, number)| blob.split('.').all(digits) && digits(number))
}

fn is_old(file: &Path, now: SystemTime) -> bool {
    let written = fs::symlink_metadata(file).and_then(|file| file.modified());
    written.is_ok_and(|written| now.duration_since(written).is_ok_and(|age| age > OLD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blobs;

    #[tokio::test]
    async fn what_was_begun_long_ago_and_never_put_goes_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::in_directory(directory.path()).unwrap();
        let put = blobs.put(&b"bytes"[..]).await.unwrap();
        let folder = directory.path().join(FOLDER).join(&put.hex()[..2]);
        let long_ago = SystemTime::now() - 2 * OLD;
        let file = |name: String, written: SystemTime| {
            fs::write(folder.join(&name), "byt").unwrap();
            fs::File::options().write(true).open(folder.join(&name)).unwrap().set_modified(written).unwrap();
            folder.join(name)
        };
        let left = file(format!("{}#1", put.hex()), long_ago);
        let under_way = file(format!("{}#2", put.hex()), SystemTime::now());
        let strangers = file("notes#1".to_owned(), long_ago);
        Blobs::look_after(directory.path());
        assert!(!left.exists(), "nobody will ever finish it");
        assert!(under_way.exists() && strangers.exists() && blobs.has(&put).await.unwrap());
    }
}
