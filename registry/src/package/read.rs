//! Taking a package from anybody.

use std::io::Read;

use macadam_core::digest::{Blob, Digest};
use macadam_core::names::PluginRef;

use super::inflate::MAX_PACKED;
use super::{Package, ReadError, archive};
use crate::component;
use crate::manifest::Manifest;

/// What the reader of a package already knows of it.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Which plugin and version it must be.
    pub plugin: Option<PluginRef>,
    /// Which bytes it must be.
    pub digest: Option<Digest>,
}

/// Reads a package and checks everything that can be known of it without running it. The bytes may be anything: never
/// more of them are read, kept or unpacked than the limits of this module say, and nothing is written anywhere.
///
/// # Errors
/// [`ReadError`] names what is wrong; the digest is looked at first, so that bytes other than those that were asked for
/// are not even unpacked.
pub fn read(reader: impl Read, expected: &Expected) -> Result<Package, ReadError> {
    let packed = read_bounded(reader)?;
    let digest = Digest::of(&packed);
    if let Some(expected) = expected.digest.filter(|expected| *expected != digest) {
        return Err(ReadError::WrongDigest { expected, found: digest });
    }
    let contents = archive::open(&packed)?;
    let manifest = Manifest::parse(&contents.manifest)?;
    let found = manifest.reference();
    if let Some(expected) = expected.plugin.as_ref().filter(|expected| **expected != found) {
        return Err(ReadError::WrongPlugin { expected: Box::new(expected.clone()), found: Box::new(found) });
    }
    let interfaces = component::verify(&contents.component, &manifest)?;
    Ok(Package {
        manifest,
        manifest_text: contents.manifest,
        readme: contents.readme,
        component: Blob::new(contents.component),
        interfaces,
        archive: packed.into(),
        digest,
    })
}

fn read_bounded(reader: impl Read) -> Result<Vec<u8>, ReadError> {
    let mut packed = Vec::new();
    // One byte more than is allowed tells the largest package from one that is too large.
    reader.take(MAX_PACKED as u64 + 1).read_to_end(&mut packed)?;
    if packed.len() > MAX_PACKED { Err(ReadError::PackedTooLarge { limit: MAX_PACKED }) } else { Ok(packed) }
}
