//! The cache of compiled code, and of what is known of a component before it is compiled.
//!
//! Mapping code is trusting it, so a file counts only if this host wrote it (`guard`), and the MAC is
//! checked on the very descriptor that is then mapped. Whatever else lies there under a fitting name is ignored, removed
//! and made again.
//!
//! ```text
//! DIGEST.shape              what the component needs, once it has been validated by this version
//! DIGEST-SETTINGS.cwasm     its code, for one profile of engines on this processor
//! ```

use std::io;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use macadam_core::digest::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::compiled::guard::{Guarded, GuardedFiles};
use crate::engine::Shape;

/// Compiled code on disk, under a directory of its own.
#[derive(Debug)]
pub struct CodeCache {
    files: GuardedFiles,
}

impl CodeCache {
    /// Opens the cache, making directory and key on first use.
    ///
    /// # Errors
    /// When the directory cannot be made or belongs to someone else, or the key cannot be read.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Ok(Self { files: GuardedFiles::open(directory)? })
    }

    /// The shape of a component that this version has validated before.
    #[must_use]
    pub fn shape(&self, component: &Digest) -> Option<Shape> {
        let mut file = self.files.read(&shape_name(component), &shape_subject(component))?;
        serde_json::from_slice(&file.bytes().ok()?).ok()
    }

    /// Keeps the shape of a component that was validated.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_shape(&self, component: &Digest, shape: &Shape) -> io::Result<()> {
        let bytes = serde_json::to_vec(shape).map_err(io::Error::other)?;
        self.files.write(&shape_name(component), &shape_subject(component), &bytes)
    }

    /// The code of a component for engines set up like this one; `None` when there is none that this host wrote.
    #[must_use]
    pub fn code(&self, component: &Digest, engine: &Engine) -> Option<CodeFile> {
        let settings = settings_of(engine);
        self.files.read(&code_name(component, settings), &code_subject(component, settings)).map(CodeFile)
    }

    /// Keeps a component's code.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_code(&self, component: &Digest, engine: &Engine, code: &[u8]) -> io::Result<()> {
        let settings = settings_of(engine);
        self.files.write(&code_name(component, settings), &code_subject(component, settings), code)
    }
}

fn shape_name(component: &Digest) -> String {
    format!("{}.shape", component.hex())
}

fn code_name(component: &Digest, settings: u64) -> String {
    format!("{}-{settings:016x}.cwasm", component.hex())
}

/// The shape is what a certain version of the host makes of the bytes; another one looks again.
fn shape_subject(component: &Digest) -> Vec<u8> {
    [b"shape".as_slice(), env!("CARGO_PKG_VERSION").as_bytes(), component.as_bytes()].concat()
}

fn code_subject(component: &Digest, settings: u64) -> Vec<u8> {
    [b"code".as_slice(), component.as_bytes(), &settings.to_le_bytes()].concat()
}

/// A number for everything of an engine that compiled code is bound to: version, settings and the processor's features.
fn settings_of(engine: &Engine) -> u64 {
    use std::hash::{Hash as _, Hasher as _};
    #[expect(deprecated, reason = "SipHash with fixed keys: the number is a file name and must outlive the process")]
    let mut hasher = std::hash::SipHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// Compiled code of this host, open, to be mapped into engines now and later.
#[derive(Debug)]
pub struct CodeFile(Guarded);

impl CodeFile {
    /// Maps the code into an engine.
    ///
    /// # Errors
    /// When the code is for other settings, or the system gives no mapping.
    pub fn map(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // The descriptor's own path opens the inode that was checked, whatever has been renamed over its name since.
        let path = format!("/proc/self/fd/{}", self.0.file.as_raw_fd());
        #[expect(unsafe_code, reason = "mapping compiled code; see the safety comment")]
        // SAFETY: the bytes behind this descriptor carry this host's MAC over digest, settings and code, so this host
        // compiled them with these settings; the file is the owner's alone, so nobody else changes it while mapped.
        unsafe {
            Component::deserialize_file(engine, path)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    use super::*;
    use crate::engine::Profile;

    fn compiled() -> (tempfile::TempDir, CodeCache, Engine, Digest, Vec<u8>) {
        let directory = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(directory.path()).unwrap();
        let engine = Engine::new(&Profile::Compact.config()).unwrap();
        let component = wat::parse_str("(component (core module))").unwrap();
        let code = engine.precompile_component(&component).unwrap();
        (directory, cache, engine, Digest::of(&component), code)
    }

    #[test]
    fn code_that_was_stored_is_mapped_again_also_by_the_next_process() {
        let (directory, cache, engine, digest, code) = compiled();
        assert!(cache.code(&digest, &engine).is_none());
        cache.keep_code(&digest, &engine, &code).unwrap();
        assert!(cache.code(&digest, &engine).unwrap().map(&engine).is_ok());
        let reopened = CodeCache::open(directory.path()).unwrap();
        assert!(reopened.code(&digest, &engine).is_some(), "the key is kept");
    }

    #[test]
    fn code_that_is_open_can_be_mapped_into_another_engine_after_its_file_is_gone() {
        let (_directory, cache, engine, digest, code) = compiled();
        cache.keep_code(&digest, &engine, &code).unwrap();
        let file = cache.code(&digest, &engine).unwrap();
        fs::remove_file(cache.files.path_of(&code_name(&digest, settings_of(&engine)))).unwrap();
        assert!(cache.code(&digest, &engine).is_none());
        let other = Engine::new(&Profile::Compact.config()).unwrap();
        assert!(file.map(&engine).is_ok() && file.map(&other).is_ok());
    }

    #[test]
    fn a_shape_is_found_again_for_its_component_only() {
        let (_directory, cache, _, digest, _) = compiled();
        let shape = Shape { core_modules: 3, initial_memory: 65_536, built_with_sdk: true, ..Shape::default() };
        assert_eq!(cache.shape(&digest), None);
        cache.keep_shape(&digest, &shape).unwrap();
        assert_eq!(cache.shape(&digest), Some(shape));
        let other = Digest::of(b"another component");
        fs::copy(cache.files.path_of(&shape_name(&digest)), cache.files.path_of(&shape_name(&other))).unwrap();
        assert_eq!(cache.shape(&other), None, "a shape under another component's name is not believed");
    }

    #[test]
    fn a_file_that_this_host_did_not_write_is_never_mapped() {
        let (_directory, cache, engine, digest, code) = compiled();
        let other = Digest::of(b"another component");
        cache.keep_code(&other, &engine, &code).unwrap();
        let path_of = |digest| cache.files.path_of(&code_name(digest, settings_of(&engine)));
        let path = path_of(&digest);
        let forge = |bytes: &[u8], mode: u32| {
            let _ = fs::remove_file(&path);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).unwrap();
            file.write_all(bytes).unwrap();
        };
        let mut stored = fs::read(path_of(&other)).unwrap();
        forge(&stored, 0o600);
        assert!(cache.code(&digest, &engine).is_none(), "another component's code under this name");
        assert!(!path.exists(), "it is removed");
        forge(&code, 0o600);
        assert!(cache.code(&digest, &engine).is_none(), "code without a MAC");
        forge(b"", 0o600);
        assert!(cache.code(&digest, &engine).is_none(), "an empty file");
        cache.keep_code(&digest, &engine, &code).unwrap();
        stored = fs::read(&path).unwrap();
        forge(&stored, 0o644);
        assert!(cache.code(&digest, &engine).is_none(), "a file that others can read or write");
        let middle = stored.len() / 2;
        stored[middle] ^= 1;
        forge(&stored, 0o600);
        assert!(cache.code(&digest, &engine).is_none(), "one flipped bit");
        fs::remove_file(&path).ok();
        std::os::unix::fs::symlink(path_of(&other), &path).unwrap();
        assert!(cache.code(&digest, &engine).is_none(), "a link");
    }
}
