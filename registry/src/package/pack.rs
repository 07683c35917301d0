//! Making a package.

use semver::Version;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use super::contents::Contents;
use super::read::{Expected, read};
use super::{PackError, Package, archive};
use crate::component;
use crate::manifest::{Manifest, ManifestError};
use macadam_core::digest::Digest;

/// The first part of the prerelease that [`Versioning::Dev`] makes.
pub(super) const DEV: &str = "dev";

/// Which version a package gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Versioning {
    /// The one in its manifest.
    #[default]
    AsWritten,
    /// The one in its manifest with the prerelease `dev.xDIGITS`, such as `1.2.0-dev.x3fa9c1d20b47`, in the package's
    /// name and in its manifest. The digits are the first twelve of a digest over all that is packed, so that a plugin
    /// that is being worked on never collides with a version that was published. The `x` (for hexadecimal, as in `0x`)
    /// is there because SemVer reads digits alone as a number: one that started with a zero would not be a version, and
    /// two builds would be ordered by chance. A prerelease in the manifest is replaced.
    Dev,
}

/// Packs a plugin: its manifest, its component, or a core module that carries its component type, and its README.
///
/// # Errors
/// [`PackError`] says what is wrong. What is packed is read back, so that nothing is packed that [`read()`] refuses.
pub fn pack(manifest: &str, wasm: &[u8], readme: &str, versioning: Versioning) -> Result<Package, PackError> {
    let parsed = Manifest::parse(manifest)?;
    let component = as_component(wasm)?;
    let mut contents = Contents { readme: readme.to_owned(), manifest: manifest.to_owned(), component };
    if versioning == Versioning::Dev {
        let version = dev_version(&parsed.version, &contents)?;
        contents.manifest = with_version(manifest, &version)?;
    }
    let archive = archive::write(&contents)?;
    Ok(read(archive.as_slice(), &Expected::default())?)
}

/// Packs files that were packed before and travelled one by one: the archive is the one that [`pack`] made of them.
pub(crate) fn assemble(
    manifest: &str,
    component: &[u8],
    readme: &str,
    expected: &Expected,
) -> Result<Package, PackError> {
    let contents = Contents { readme: readme.to_owned(), manifest: manifest.to_owned(), component: component.to_vec() };
    let archive = archive::write(&contents)?;
    Ok(read(archive.as_slice(), expected)?)
}

/// Whether a version is that of a plugin packed while it is being worked on; see [`Versioning::Dev`].
#[must_use]
pub fn is_dev(version: &Version) -> bool {
    version.pre.split('.').next() == Some(DEV)
}

fn as_component(wasm: &[u8]) -> Result<Vec<u8>, PackError> {
    if Parser::is_component(wasm) {
        return Ok(wasm.to_vec());
    }
    if !Parser::is_core_wasm(wasm) {
        return Err(PackError::NotWasm);
    }
    component::validate(wasm).map_err(PackError::InvalidModule)?;
    if !has_component_type(wasm) {
        return Err(PackError::NoComponentType);
    }
    // The encoder panics on component types that no toolchain writes; whoever packs such a module is told so instead.
    let encode = || ComponentEncoder::default().validate(true).module(wasm).and_then(|mut encoder| encoder.encode());
    match std::panic::catch_unwind(encode) {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) => Err(PackError::Encode { reason: format!("{error:#}") }),
        Err(_) => Err(PackError::Encode { reason: "its component type is not one that a toolchain writes".into() }),
    }
}

fn has_component_type(module: &[u8]) -> bool {
    // `wit-bindgen` writes one section for each world, named `component-type` or `component-type:` and more.
    let is_type = |name: &str| name.split(':').next() == Some("component-type");
    let mut payloads = Parser::new(0).parse_all(module).filter_map(Result::ok);
    payloads.any(|payload| matches!(payload, Payload::CustomSection(section) if is_type(section.name())))
}

fn dev_version(version: &Version, contents: &Contents) -> Result<Version, semver::Error> {
    let mut hash = Sha256::new();
    for part in [contents.component.as_slice(), contents.manifest.as_bytes(), contents.readme.as_bytes()] {
        // With its length before it, no part can end where another one begins.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digits = Digest::from_bytes(hash.finalize().into()).short();
    let Version { major, minor, patch, .. } = version;
    format!("{major}.{minor}.{patch}-{DEV}.x{digits}").parse()
}

/// The manifest with another version, and everything else as its author wrote it.
fn with_version(manifest: &str, version: &Version) -> Result<String, ManifestError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: toml::Spanned<String>,
    }
    let unreadable = |reason: &str| ManifestError::Syntax { line: 1, column: 1, reason: reason.to_owned() };
    let versioned: Versioned = toml::from_str(manifest).map_err(|error| unreadable(error.message()))?;
    let place = versioned.version.span();
    let (before, after) = (manifest.get(..place.start), manifest.get(place.end..));
    match (before, after) {
        (Some(before), Some(after)) => Ok(format!("{before}\"{version}\"{after}")),
        _ => Err(unreadable("its version has no place")),
    }
}
