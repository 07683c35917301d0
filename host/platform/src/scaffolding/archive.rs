//! The archive of a project: the same files give the same bytes, on every machine and in every year.

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use macadam_core::digest::Digest;
use macadam_core::project::Project;

/// A project that cannot be packed.
#[derive(Debug, thiserror::Error)]
#[error("the project cannot be packed: {0}")]
pub struct ArchiveError(#[from] io::Error);

/// The operating system byte of a gzip header that says "unknown" (RFC 1952, section 2.3.1): the archive must not tell
/// where it was made.
const UNKNOWN_SYSTEM: u8 = 255;

/// Packs a project under a directory of its name: files sorted by path, times, owners and the gzip header fixed.
///
/// # Errors
/// [`ArchiveError`] for a path that no archive can hold.
pub fn archive(name: &str, project: &Project) -> Result<(Vec<u8>, Digest), ArchiveError> {
    let gzip = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM).write(Vec::new(), Compression::new(6));
    let mut tar = tar::Builder::new(gzip);
    for file in project.files() {
        let mut header = tar::Header::new_ustar();
        header.set_size(file.bytes.len() as u64);
        header.set_mode(file.mode.bits());
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_entry_type(tar::EntryType::Regular);
        tar.append_data(&mut header, format!("{name}/{}", file.path), file.bytes.as_slice())?;
    }
    let mut gzip = tar.into_inner()?;
    gzip.flush()?;
    let bytes = gzip.finish()?;
    let digest = Digest::of(&bytes);
    Ok((bytes, digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use macadam_core::project::{FileMode, GeneratedFile, ProjectLimits};

    fn project(paths: &[&str]) -> Project {
        let file = |path: &&str| GeneratedFile {
            path: (*path).to_owned(),
            mode: if path.ends_with(".sh") { FileMode::Executable } else { FileMode::Regular },
            bytes: path.as_bytes().to_vec(),
        };
        Project::check(paths.iter().map(file).collect(), ProjectLimits::default()).unwrap()
    }

    #[test]
    fn the_order_in_which_files_were_generated_changes_no_byte() {
        let (one, digest) = archive("orders", &project(&["b", "a/x.sh", "c"])).unwrap();
        let (two, same) = archive("orders", &project(&["c", "b", "a/x.sh"])).unwrap();
        assert_eq!((one, digest), (two, same));
    }

    #[test]
    fn an_archive_holds_just_the_files_with_their_modes() {
        let long = format!("{}/{}", "d".repeat(100), "f".repeat(120));
        let (bytes, _) = archive("orders", &project(&["run.sh", "README.md", &long])).unwrap();
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let entries: Vec<_> = tar
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                (path, entry.header().mode().unwrap(), entry.header().mtime().unwrap())
            })
            .collect();
        assert!(entries.contains(&("orders/run.sh".to_owned(), 0o755, 0)));
        assert!(entries.contains(&("orders/README.md".to_owned(), 0o644, 0)));
        assert!(entries.contains(&(format!("orders/{long}"), 0o644, 0)), "also one longer than a plain header holds");
    }
}
