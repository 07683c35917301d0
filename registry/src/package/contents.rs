//! The three files of a package.

use super::ReadError;

const MIB: usize = 1024 * 1024;

/// The largest `plugin.toml`, in bytes; people write them by hand.
pub const MAX_MANIFEST: usize = 64 * 1024;
/// The largest `README.md`, in bytes.
pub const MAX_README: usize = MIB;
/// The largest `plugin.wasm`, in bytes: a Python interpreter with its library takes about 40 MiB.
pub const MAX_WASM: usize = 64 * MIB;

/// One of the files that a package holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    Readme,
    Manifest,
    Component,
}

impl File {
    /// Every file, in the order of their names' bytes, which is their order in an archive.
    pub(super) const ALL: [Self; 3] = [Self::Readme, Self::Manifest, Self::Component];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Readme => "README.md",
            Self::Manifest => "plugin.toml",
            Self::Component => "plugin.wasm",
        }
    }

    pub(super) const fn max(self) -> usize {
        match self {
            Self::Readme => MAX_README,
            Self::Manifest => MAX_MANIFEST,
            Self::Component => MAX_WASM,
        }
    }

    pub(super) fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.name().as_bytes() == name)
    }
}

/// What a package holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) readme: String,
    pub(super) manifest: String,
    pub(super) component: Vec<u8>,
}

impl Contents {
    pub(super) fn bytes(&self, file: File) -> &[u8] {
        match file {
            File::Readme => self.readme.as_bytes(),
            File::Manifest => self.manifest.as_bytes(),
            File::Component => &self.component,
        }
    }
}

/// What was found so far while a package is read.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    readme: Option<&'a [u8]>,
    manifest: Option<&'a [u8]>,
    component: Option<&'a [u8]>,
}

impl<'a> Found<'a> {
    /// Keeps a file's bytes. The three names are all there may be and none may come twice, so no archive has more than
    /// three entries.
    pub(super) fn put(&mut self, file: File, bytes: &'a [u8]) -> Result<(), ReadError> {
        let place = match file {
            File::Readme => &mut self.readme,
            File::Manifest => &mut self.manifest,
            File::Component => &mut self.component,
        };
        match place.replace(bytes) {
            None => Ok(()),
            Some(_) => Err(ReadError::DuplicateEntry { name: file.name() }),
        }
    }

    /// The whole, once everything was found.
    pub(super) fn finish(self) -> Result<Contents, ReadError> {
        let there = |bytes: Option<&'a [u8]>, file: File| bytes.ok_or(ReadError::MissingEntry { name: file.name() });
        Ok(Contents {
            readme: text(there(self.readme, File::Readme)?, File::Readme)?,
            manifest: text(there(self.manifest, File::Manifest)?, File::Manifest)?,
            component: there(self.component, File::Component)?.to_vec(),
        })
    }
}

fn text(bytes: &[u8], file: File) -> Result<String, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::NotUtf8 { name: file.name() })?;
    Ok(text.to_owned())
}
