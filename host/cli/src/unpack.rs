//! A project's archive, unpacked with care: the server checked its paths, and they are checked again here, where they
//! become files.
//!
//! Everything is written into a directory beside the target first, which takes the target's name in one step: a reader
//! sees the whole project or none of it.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use flate2::read::GzDecoder;
use tar::EntryType;

/// The most that an archive may unpack to, in bytes, with what it says of its files.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Whether a project may go there.
pub(crate) fn check_free(target: &Path) -> anyhow::Result<()> {
    match fs::read_dir(target) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => bail!("{} is not empty; name another directory with --dir", target.display()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be used", target.display())),
    }
}

/// Unpacks an archive into a directory that is empty or does not exist, without the archive's own top directory, and
/// says how many files it has.
pub(crate) fn unpack(archive: &[u8], target: &Path) -> anyhow::Result<usize> {
    unpack_up_to(MAX_BYTES, archive, target)
}

/// The same with another bound.
pub(crate) fn unpack_up_to(most: u64, archive: &[u8], target: &Path) -> anyhow::Result<usize> {
    check_free(target)?;
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
    let staging =
        tempfile::Builder::new().prefix(".macadam-").tempdir_in(parent).context("nothing can be written here")?;
    let inner = staging.path().join("project");
    fs::create_dir(&inner)?;
    let count = extract(most, archive, &inner)?;
    if target.exists() {
        // Only an empty directory goes away like this.
        fs::remove_dir(target)?;
    }
    fs::rename(&inner, target).with_context(|| format!("{} cannot be made", target.display()))?;
    Ok(count)
}

fn extract(most: u64, archive: &[u8], into: &Path) -> anyhow::Result<usize> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive).take(most));
    let mut count = 0;
    for entry in archive.entries().context("the archive is damaged")? {
        let mut entry = entry.context("the archive is damaged")?;
        let path = entry.path().context("the archive has a path that cannot be used here")?.into_owned();
        if entry.header().entry_type() != EntryType::Regular {
            bail!("the archive holds {}, which is no plain file", path.display());
        }
        let place = into.join(below_top(&path)?);
        if let Some(directory) = place.parent() {
            fs::create_dir_all(directory)?;
        }
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
        let mut file = create(&place, executable).with_context(|| format!("{} cannot be made", path.display()))?;
        std::io::copy(&mut entry, &mut file).context("the archive is damaged")?;
        count += 1;
    }
    // Where it is cut off between two files, it looks like its end.
    ensure!(archive.into_inner().limit() > 0, "the archive unpacks to more than {most} bytes");
    Ok(count)
}

/// The path without its first part; only plain names, so that nothing leads out.
fn below_top(path: &Path) -> anyhow::Result<PathBuf> {
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let below: PathBuf = path.components().skip(1).collect();
    if !plain || below.as_os_str().is_empty() {
        bail!("the archive has a path {path:?} that leads out of the project");
    }
    Ok(below)
}

/// Makes a file that is not there yet, so that no entry writes over another.
fn create(path: &Path, executable: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if executable { 0o777 } else { 0o666 });
    #[cfg(not(unix))]
    let _ = executable;
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    /// An archive whose paths are written as they are, whatever they are.
    fn archive(entries: &[(&str, EntryType, u32)]) -> Vec<u8> {
        let mut tar = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, kind, mode) in entries {
            let mut header = Header::new_ustar();
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(*mode);
            header.set_size(4);
            if kind.is_symlink() {
                header.set_link_name("/etc").unwrap();
            }
            header.set_cksum();
            tar.append(&header, b"text".as_slice()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn a_project_is_unpacked_without_its_top_directory() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("made/orders");
        let bytes =
            archive(&[("orders/a/b.txt", EntryType::Regular, 0o644), ("orders/run.sh", EntryType::Regular, 0o755)]);
        assert_eq!(unpack(&bytes, &target).unwrap(), 2);
        assert_eq!(fs::read(target.join("a/b.txt")).unwrap(), b"text");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |name| fs::metadata(target.join(name)).unwrap().permissions().mode() & 0o100;
            assert_eq!((mode("run.sh"), mode("a/b.txt")), (0o100, 0));
        }
        let left: Vec<_> = fs::read_dir(directory.path().join("made")).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing of the staging is left");
        assert!(unpack(&bytes, &target).unwrap_err().to_string().contains("not empty"), "nothing is written over");
    }

    #[test]
    fn an_archive_that_is_too_large_is_not_taken_for_a_smaller_one() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("orders");
        let bytes = archive(&[("o/a", EntryType::Regular, 0o644), ("o/b", EntryType::Regular, 0o644)]);
        // Each file has a head and a block of 512 bytes, and two blocks are the end.
        for most in [512, 1024, 1500, 2048] {
            assert!(unpack_up_to(most, &bytes, &target).is_err(), "{most} bytes are not all of it");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{most} bytes left something behind");
        }
        assert_eq!(unpack_up_to(4096, &bytes, &target).unwrap(), 2);
    }

    #[test]
    fn a_hostile_archive_leaves_nothing_behind() {
        for (path, kind) in [
            ("orders/../../out.txt", EntryType::Regular),
            ("../out.txt", EntryType::Regular),
            ("/tmp/macadam-out.txt", EntryType::Regular),
            ("orders", EntryType::Regular),
            ("orders/link", EntryType::Symlink),
            ("orders/link", EntryType::Link),
            ("orders/device", EntryType::Char),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let target = directory.path().join("orders");
            let bytes = archive(&[("orders/a", EntryType::Regular, 0o644), (path, kind, 0o644)]);
            assert!(unpack(&bytes, &target).is_err(), "{path} of type {kind:?} must be refused");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{path} left something behind");
        }
        let directory = tempfile::tempdir().unwrap();
        let twice = archive(&[("o/a", EntryType::Regular, 0o644), ("o/a", EntryType::Regular, 0o644)]);
        assert!(unpack(&twice, &directory.path().join("o")).is_err(), "no entry writes over another");
        assert!(unpack(b"no archive", &directory.path().join("o")).is_err());
    }
}
