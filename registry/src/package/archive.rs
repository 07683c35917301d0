//! The tar inside a package: writing it so that equal contents give equal bytes, and reading it from anybody.
//!
//! Reading goes header by header over bytes in memory. Only plain files under the three names are taken; there is no
//! way to say a name other than in its header, since the extensions that could (PAX records, GNU long names, sparse
//! files) are entries of other types and refused as such. Nothing is ever written to a path that an archive names.

use std::io;

use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use super::ReadError;
use super::contents::{Contents, File, Found};
use super::inflate::inflate;

/// Tar counts in blocks of 512 bytes (POSIX.1-2017, pax, "ustar Interchange Format").
const BLOCK: usize = 512;
/// RFC 1952, section 2.3.1: 255 is "unknown", which is true on every system.
const UNKNOWN_SYSTEM: u8 = 255;

/// Writes an archive: names sorted, owner, group and times zero, everybody may read.
pub(super) fn write(contents: &Contents) -> io::Result<Vec<u8>> {
    let gzip = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM).write(Vec::new(), Compression::default());
    let mut tar = tar::Builder::new(gzip);
    for file in File::ALL {
        let bytes = contents.bytes(file);
        let mut header = Header::new_ustar();
        header.set_path(file.name())?;
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        tar.append(&header, bytes)?;
    }
    tar.into_inner()?.finish()
}

/// Reads an archive that anybody may have made.
pub(super) fn open(packed: &[u8]) -> Result<Contents, ReadError> {
    let tar = inflate(packed)?;
    let mut found = Found::default();
    let mut rest = tar.as_slice();
    loop {
        let (block, after) = rest.split_at_checked(BLOCK).ok_or(ReadError::Truncated)?;
        if block.iter().all(|byte| *byte == 0) {
            check_end(after)?;
            return found.finish();
        }
        let header = header(block, tar.len() - rest.len())?;
        let file = named_file(header)?;
        let size = size_of(header, file, tar.len() - rest.len())?;
        let (bytes, _) = after.split_at_checked(size).ok_or(ReadError::Truncated)?;
        found.put(file, bytes)?;
        rest = after.get(size.next_multiple_of(BLOCK)..).ok_or(ReadError::Truncated)?;
    }
}

/// An archive ends in at least two empty blocks, and nothing follows them but more of the same.
fn check_end(after: &[u8]) -> Result<(), ReadError> {
    if after.len() < BLOCK {
        return Err(ReadError::Truncated);
    }
    match after.iter().all(|byte| *byte == 0) {
        true => Ok(()),
        false => Err(ReadError::TrailingGarbage),
    }
}

/// A block as a header, if its checksum is right: the sum of its bytes, those of the checksum counted as spaces.
fn header(block: &[u8], offset: usize) -> Result<&Header, ReadError> {
    let header = Header::from_byte_slice(block);
    let sum: u32 = block
        .iter()
        .enumerate()
        .map(|(place, byte)| if (148..156).contains(&place) { u32::from(b' ') } else { u32::from(*byte) })
        .sum();
    if header.cksum().ok() == Some(sum) { Ok(header) } else { Err(ReadError::NotTar { offset }) }
}

/// Which file an entry is; everything but a plain file under one of the three names is refused.
fn named_file(header: &Header) -> Result<File, ReadError> {
    let name = header.path_bytes();
    let shown = || String::from_utf8_lossy(&name).chars().take(100).collect::<String>();
    let leaves = |part: &[u8]| part == b"..";
    if name.starts_with(b"/") || name.contains(&b'\\') || name.split(|byte| *byte == b'/').any(leaves) {
        return Err(ReadError::PathTraversal { path: shown() });
    }
    match header.entry_type() {
        EntryType::Regular => {}
        EntryType::Link | EntryType::Symlink => return Err(ReadError::Link { path: shown() }),
        EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader | EntryType::XGlobalHeader => {
            return Err(ReadError::Extension { path: shown() });
        }
        other => return Err(ReadError::NotAFile { path: shown(), kind: char::from(other.as_byte()) }),
    }
    File::named(&name).ok_or_else(|| ReadError::UnexpectedEntry { path: shown() })
}

fn size_of(header: &Header, file: File, offset: usize) -> Result<usize, ReadError> {
    let size = header.entry_size().map_err(|_| ReadError::NotTar { offset })?;
    match usize::try_from(size).ok().filter(|size| *size <= file.max()) {
        Some(size) => Ok(size),
        None => Err(ReadError::EntryTooLarge { name: file.name(), limit: file.max() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use macadam_core::digest::Digest;

    #[test]
    fn the_bytes_of_an_archive_stay_the_same_from_release_to_release() {
        let line = "Packed the same way everywhere.\n";
        let contents = Contents {
            readme: line.repeat(20),
            manifest: line.into(),
            component: (0..10_000_u32).flat_map(|number| (number * number).to_le_bytes()).collect(),
        };
        let packed = write(&contents).unwrap();
        assert_eq!(
            Digest::of(&packed).to_string(),
            "sha256:c7814fc62955a14c12378e918436d1ba707bd91648c5c0af5537bc3d5cf2c987",
            "equal contents have another address than before; has the compressor changed?"
        );
        assert_eq!(open(&packed).unwrap(), contents);
    }
}
