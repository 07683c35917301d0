//! The blobs of a data directory, packages and archives of projects, as one tar file beside the backup. Each is named by its
//! digest, so what comes out again is compared with its own name, and the store says which have to be there.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use macadam_blobs::{BlobError, Blobs};
use macadam_core::digest::Digest;
use macadam_platform::blobs::named;
use macadam_platform::plugins::Packages;
use macadam_store::{SqliteStore, Store};

/// The directory of a data directory that has them.
pub(super) const DIRECTORY: &str = "blobs";

/// Writes every blob into a new tar file; says how many there are. After the store is backed up, so that everything that
/// the backup names is among them: what was named then stays for long enough, even if its request ends meanwhile.
pub(super) async fn write(directory: &Path, file: &Path) -> anyhow::Result<usize> {
    ensure!(
        directory.is_dir(),
        "there is no {}; where `blobs.url` names another place, back that up with its own tools",
        directory.display()
    );
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let to = options.open(file).with_context(|| format!("{} cannot be written", file.display()))?;
    write_all(&Blobs::in_directory(directory)?, to).await.with_context(|| format!("{} is not written", file.display()))
}

async fn write_all(blobs: &Blobs, to: File) -> anyhow::Result<usize> {
    let (mut tar, mut written) = (tar::Builder::new(BufWriter::new(to)), 0);
    for blob in blobs.put_before(Timestamp::MAX).await? {
        let bytes = match blobs.get(&blob.digest).await {
            Ok(bytes) => bytes,
            // Nothing names it, and a sweep was faster.
            Err(BlobError::Gone { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        tar.append_data(&mut header, blob.digest.hex(), bytes.as_ref())?;
        written += 1;
    }
    let mut file = tar.into_inner()?;
    file.flush()?;
    file.into_inner()?.sync_all()?;
    Ok(written)
}

/// Puts the blobs of a tar file into a directory; says how many there are.
pub(super) async fn read(file: &Path, directory: &Path) -> anyhow::Result<usize> {
    let from = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let blobs = Blobs::in_directory(directory)?;
    let (mut tar, mut put) = (tar::Archive::new(from), 0);
    let broken = || format!("{} is damaged, or was not written by `macadam backup`; take another one", file.display());
    for entry in tar.entries().with_context(broken)? {
        let mut entry = entry.with_context(broken)?;
        // Others may say that they are larger than the file is.
        ensure!(entry.header().entry_type().is_file(), "{}: it holds what is no file", broken());
        let name = entry.path().with_context(broken)?.display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).with_context(broken)?;
        ensure!(Digest::of(&bytes).hex() == name, "{}: {name} is not what was backed up", broken());
        blobs.put(bytes).await?;
        put += 1;
    }
    Ok(put)
}

/// The blobs that a store needs and that are not in a directory. A directory that is not there has none.
pub(super) async fn missing(database: &Path, directory: &Path) -> anyhow::Result<Vec<Digest>> {
    let store = SqliteStore::open(database).await?;
    let kept: Arc<dyn Store> = Arc::new(store.clone());
    let blobs = if directory.is_dir() { Blobs::in_directory(directory)? } else { Blobs::in_memory() };
    let packages = Packages::new(Arc::clone(&kept), blobs.clone());
    let mut missing = Vec::new();
    // What had ended before the backup is never handed out, so a restored store lacks nothing without it.
    for digest in named(kept.as_ref(), &packages, Timestamp::MAX).await? {
        if !blobs.has(&digest).await? {
            missing.push(digest);
        }
    }
    store.close().await;
    Ok(missing)
}

/// Gives the blobs that were read their place.
pub(super) fn keep(read: &Path, directory: &Path) -> anyhow::Result<()> {
    fs::rename(read, directory).with_context(|| format!("{} cannot be made", directory.display()))
}
