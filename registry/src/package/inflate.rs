//! Unpacking gzip from anybody, within bounds.
//!
//! The bounds are looked at after every piece that comes out, so that a bomb costs no more than it was allowed to.

use std::io::{ErrorKind, Read};

use flate2::bufread::GzDecoder;

use super::ReadError;

const MIB: usize = 1024 * 1024;

/// The largest archive, in bytes.
pub const MAX_PACKED: usize = 32 * MIB;
/// The most that an archive may unpack to, in bytes: the three largest files and what surrounds them.
pub const MAX_UNPACKED: usize = 66 * MIB;
/// How many times larger an archive may become. WebAssembly becomes three to five times larger, deflate could make it
/// a thousand.
pub const MAX_RATIO: usize = 100;
/// Below this the ratio says nothing, since an archive of small files is mostly empty blocks.
const RATIO_COUNTS_FROM: usize = MIB;

/// RFC 1952, section 2.3.1: two magic bytes and deflate, the only method there is.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

pub(super) fn inflate(packed: &[u8]) -> Result<Vec<u8>, ReadError> {
    if packed.len() < MAGIC.len() && MAGIC.starts_with(packed) {
        return Err(ReadError::Truncated);
    }
    if !packed.starts_with(&MAGIC) {
        return Err(ReadError::NotGzip);
    }
    let mut decoder = GzDecoder::new(packed);
    let mut unpacked = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = decoder.read(&mut piece).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => ReadError::Truncated,
            _ => ReadError::CorruptGzip { reason: error.to_string() },
        })?;
        if length == 0 {
            break;
        }
        unpacked.extend(piece.iter().take(length));
        check_size(packed.len(), unpacked.len())?;
    }
    if decoder.into_inner().is_empty() { Ok(unpacked) } else { Err(ReadError::TrailingGarbage) }
}

fn check_size(packed: usize, unpacked: usize) -> Result<(), ReadError> {
    if unpacked > MAX_UNPACKED {
        return Err(ReadError::UnpackedTooLarge { limit: MAX_UNPACKED });
    }
    if unpacked > RATIO_COUNTS_FROM && unpacked / MAX_RATIO > packed {
        return Err(ReadError::RatioTooHigh { limit: MAX_RATIO });
    }
    Ok(())
}
