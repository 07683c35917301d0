//! Why a package is not made, and why one is not taken.

use std::io;

use macadam_core::digest::Digest;
use macadam_core::names::PluginRef;

use crate::component::ComponentError;
use crate::manifest::ManifestError;

/// Why a plugin cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Its manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// What should be its component is not WebAssembly at all.
    #[error("the plugin's wasm is neither a component nor a core module; give the file that its build wrote")]
    NotWasm,
    /// It is a core module that breaks a rule of WebAssembly.
    #[error("the core module is not valid: {0}")]
    InvalidModule(ComponentError),
    /// It is a core module that does not say which interfaces it implements.
    #[error(
        "the core module carries no component type; build it with the plugin SDK or wit-bindgen, or give a component"
    )]
    NoComponentType,
    /// It is a core module that cannot be made into a component.
    #[error("the core module cannot be made into a component: {reason}")]
    Encode {
        /// In the encoder's words.
        reason: String,
    },
    /// The version for a build that is being worked on cannot be written.
    #[error("the version of this build cannot be written: {0}")]
    DevVersion(#[from] semver::Error),
    /// The archive cannot be written.
    #[error("the archive cannot be written: {0}")]
    Write(#[from] io::Error),
    /// The package would be refused by whoever reads it.
    #[error("the package would be refused: {0}")]
    Refused(#[from] ReadError),
}

/// Why bytes are not taken as a package: each trick and each mistake by its name.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes cannot be had.
    #[error("the package cannot be read: {0}")]
    Io(#[from] io::Error),
    /// There are too many bytes.
    #[error("the package is larger than {limit} bytes; make it smaller")]
    PackedTooLarge {
        /// In bytes.
        limit: usize,
    },
    /// They unpack to too many bytes.
    #[error("the package unpacks to more than {limit} bytes; make it smaller")]
    UnpackedTooLarge {
        /// In bytes.
        limit: usize,
    },
    /// They unpack to too many times their size, as only a bomb does.
    #[error("the package unpacks to more than {limit} times its size, as only a decompression bomb does")]
    RatioTooHigh {
        /// As a factor.
        limit: usize,
    },
    /// One of the files is too large.
    #[error("`{name}` in the package is larger than {limit} bytes; make it smaller")]
    EntryTooLarge {
        /// Which file.
        name: &'static str,
        /// In bytes.
        limit: usize,
    },
    /// The bytes are not those that were asked for.
    #[error("the package has the digest {found}, not {expected}; it was changed on its way, fetch it again")]
    WrongDigest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// The bytes do not start as gzip does.
    #[error("the package is not a gzip file; make it with `macadam plugin pack`")]
    NotGzip,
    /// The gzip stream is broken.
    #[error("the package's gzip stream is corrupt ({reason}); fetch it again")]
    CorruptGzip {
        /// In the decoder's words.
        reason: String,
    },
    /// A block that should be a tar header is none.
    #[error("the package holds no tar archive at byte {offset} of its contents; make it with `macadam plugin pack`")]
    NotTar {
        /// Where, in the unpacked bytes.
        offset: usize,
    },
    /// The bytes end too early.
    #[error("the package ends before it is complete; fetch it again")]
    Truncated,
    /// More bytes follow where the archive has ended.
    #[error("the package goes on after its end; bytes that nobody reads do not belong into it")]
    TrailingGarbage,
    /// An entry's name leads out of the archive.
    #[error("the package has an entry {path:?} that leads out of it")]
    PathTraversal {
        /// The name.
        path: String,
    },
    /// An entry is a symbolic or hard link.
    #[error("the package has a link {path:?}; a package holds plain files only")]
    Link {
        /// The name.
        path: String,
    },
    /// An entry changes the meaning of the next one.
    #[error("the package has a PAX or GNU extension {path:?}; a package has no use for one")]
    Extension {
        /// The name.
        path: String,
    },
    /// An entry is a directory, a device or something else that is not a plain file.
    #[error("the package has an entry {path:?} of type {kind:?} that is not a plain file")]
    NotAFile {
        /// The name.
        path: String,
        /// The type's letter in the header.
        kind: char,
    },
    /// An entry's name is not one of the three.
    #[error("the package has an entry {path:?}; it may hold README.md, plugin.toml and plugin.wasm only")]
    UnexpectedEntry {
        /// The name.
        path: String,
    },
    /// A file is there twice.
    #[error("the package holds `{name}` twice")]
    DuplicateEntry {
        /// Which file.
        name: &'static str,
    },
    /// A file is not there.
    #[error("the package holds no `{name}`; add it")]
    MissingEntry {
        /// Which file.
        name: &'static str,
    },
    /// A text is not UTF-8.
    #[error("`{name}` in the package is not UTF-8 text; save it as such")]
    NotUtf8 {
        /// Which file.
        name: &'static str,
    },
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It is another plugin or version than the one that was asked for.
    #[error("the package is {found}, not {expected}")]
    WrongPlugin {
        /// What was asked for.
        expected: Box<PluginRef>,
        /// What came.
        found: Box<PluginRef>,
    },
    /// The component is not one that this host takes.
    #[error(transparent)]
    Component(#[from] ComponentError),
}
