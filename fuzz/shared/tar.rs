//! Tar files that chance has written, as a reader takes them: with the checksums that chance would not find.

use tar::Header;

/// Gives each head of a file its checksum. What stands between heads stays as it is.
pub fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut rest = bytes.as_mut_slice();
    // The end is a block of zeros.
    while let Some((block, after)) = rest.split_first_chunk_mut::<512>().filter(|(block, _)| **block != [0; 512]) {
        let mut header = Header::new_old();
        *header.as_mut_bytes() = *block;
        header.set_cksum();
        *block = *header.as_bytes();
        let size = header.entry_size().ok().and_then(|size| usize::try_from(size).ok());
        let blocks = size.and_then(|size| size.checked_next_multiple_of(512));
        rest = after.get_mut(blocks.unwrap_or(usize::MAX)..).unwrap_or_default();
    }
    bytes
}
