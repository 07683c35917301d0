//! The guarded cache of compiled code.
//!
//! Mapping code is trusting it, so a file counts only if this host wrote it: the directory and its files are the
//! owner's alone, and each file ends in a keyed BLAKE3 MAC over the component's digest, the engine's settings and the
//! code. The MAC is checked on the very descriptor that is then mapped; whatever else lies there under a fitting name is
//! ignored, removed and compiled again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use macadam_core::digest::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

const MAC_BYTES: usize = 32;
const KEY_FILE: &str = "cache.key";

/// Compiled code on disk, under a directory of its own.
#[derive(Debug)]
pub struct CodeCache {
    directory: PathBuf,
    key: [u8; 32],
}

impl CodeCache {
    /// Opens the cache, making directory and key on first use.
    ///
    /// # Errors
    /// When the directory cannot be made or belongs to someone else, or the key cannot be read.
    pub fn open(directory: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        let key = read_or_make_key(&directory.join(KEY_FILE))?;
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// Maps the code of a component into each engine; `None` when there is none that this host wrote.
    #[must_use]
    pub fn load(&self, component: &Digest, engines: &[Engine]) -> Option<Vec<Component>> {
        let first = engines.first()?;
        let path = self.path_of(component, first);
        let loaded = self.open_checked(&path, component, first).and_then(|file| map(&file, engines));
        match loaded {
            Ok(components) => Some(components),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(component = %component, %error, "compiled code is not this host's; compiling again");
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps a component's code. A reader sees the whole file or none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn store(&self, component: &Digest, engine: &Engine, code: &[u8]) -> io::Result<()> {
        let path = self.path_of(component, engine);
        let temporary = path.with_extension(format!("{:x}.part", unique()?));
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(code)?;
            file.write_all(self.mac(component, engine, code).as_bytes())?;
            file.sync_data()?;
            fs::rename(&temporary, &path)
        };
        write().inspect_err(|_| drop(fs::remove_file(&temporary)))
    }

    fn path_of(&self, component: &Digest, engine: &Engine) -> PathBuf {
        self.directory.join(format!("{}-{:016x}.cwasm", component.hex(), settings_of(engine)))
    }

    fn open_checked(&self, path: &Path, component: &Digest, engine: &Engine) -> io::Result<File> {
        let refuse = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
        let mut file =
            OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32).open(path)?;
        let metadata = file.metadata()?;
        let mine = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0;
        if !metadata.is_file() || !mine {
            return Err(refuse("the file is not the owner's alone"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        let (code, mac) = bytes.split_last_chunk::<MAC_BYTES>().ok_or_else(|| refuse("the file is cut short"))?;
        // blake3::Hash compares in constant time.
        if self.mac(component, engine, code) != blake3::Hash::from_bytes(*mac) {
            return Err(refuse("the file's MAC is wrong"));
        }
        Ok(file)
    }

    fn mac(&self, component: &Digest, engine: &Engine, code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(component.as_bytes()).update(&settings_of(engine).to_le_bytes()).update(code);
        hasher.finalize()
    }
}

/// A number for everything of an engine that compiled code is bound to: version, settings and the processor's features.
fn settings_of(engine: &Engine) -> u64 {
    use std::hash::{Hash as _, Hasher as _};
    #[expect(deprecated, reason = "SipHash with fixed keys: the number is a file name and must outlive the process")]
    let mut hasher = std::hash::SipHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// Maps the file's code into each engine.
fn map(file: &File, engines: &[Engine]) -> io::Result<Vec<Component>> {
    // The descriptor's own path opens the inode that was checked, whatever has been renamed over its name since.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let map_into = |engine: &Engine| {
        #[expect(unsafe_code, reason = "mapping compiled code; see the safety comment")]
        // SAFETY: the bytes behind this descriptor carry this host's MAC over digest, settings and code, so this host
        // compiled them with these settings; the file is the owner's alone, so nobody else changes it while mapped.
        let component = unsafe { Component::deserialize_file(engine, &path) };
        component.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{error:#}")))
    };
    engines.iter().map(map_into).collect()
}

/// Reads the key, or makes one. Of several processes that make it at once, one wins, and no one ever reads half a key:
/// it gets its name only when it is whole.
fn read_or_make_key(path: &Path) -> io::Result<[u8; 32]> {
    if let Some(key) = read_key(path)? {
        return Ok(key);
    }
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let temporary = path.with_extension(format!("{:x}.part", unique()?));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(&key)?;
    file.sync_all()?;
    let named = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match named {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read_key(path)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound)),
    }
}

fn read_key(path: &Path) -> io::Result<Option<[u8; 32]>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    bytes.try_into().map(Some).map_err(|_| {
        let why = format!("{KEY_FILE} is damaged; remove it, and the code is compiled again");
        io::Error::new(io::ErrorKind::InvalidData, why)
    })
}

fn unique() -> io::Result<u64> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
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
        let engines = [engine];
        assert!(cache.load(&digest, &engines).is_none());
        cache.store(&digest, &engines[0], &code).unwrap();
        assert_eq!(cache.load(&digest, &engines).unwrap().len(), 1);
        let reopened = CodeCache::open(directory.path()).unwrap();
        assert!(reopened.load(&digest, &engines).is_some(), "the key is kept");
    }

    #[test]
    fn processes_that_open_a_new_cache_at_once_agree_on_its_key() {
        let directory = tempfile::tempdir().unwrap();
        let keys: std::collections::BTreeSet<_> = std::thread::scope(|scope| {
            let open = || scope.spawn(|| CodeCache::open(directory.path()).unwrap().key);
            let openers: Vec<_> = (0..8).map(|_| open()).collect();
            openers.into_iter().map(|opener| opener.join().unwrap()).collect()
        });
        assert_eq!(keys.len(), 1, "all of them must read the one key that was made");
    }

    #[test]
    fn a_file_that_this_host_did_not_write_is_never_mapped() {
        let (_directory, cache, engine, digest, code) = compiled();
        let engines = [engine];
        let other = Digest::of(b"another component");
        cache.store(&other, &engines[0], &code).unwrap();
        let path = cache.path_of(&digest, &engines[0]);
        let forge = |bytes: &[u8], mode: u32| {
            let _ = fs::remove_file(&path);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).unwrap();
            file.write_all(bytes).unwrap();
        };
        let mut stored = fs::read(cache.path_of(&other, &engines[0])).unwrap();
        forge(&stored, 0o600);
        assert!(cache.load(&digest, &engines).is_none(), "another component's code under this name");
        assert!(!path.exists(), "it is removed");
        forge(&code, 0o600);
        assert!(cache.load(&digest, &engines).is_none(), "code without a MAC");
        forge(b"", 0o600);
        assert!(cache.load(&digest, &engines).is_none(), "an empty file");
        cache.store(&digest, &engines[0], &code).unwrap();
        stored = fs::read(&path).unwrap();
        forge(&stored, 0o644);
        assert!(cache.load(&digest, &engines).is_none(), "a file that others can read or write");
        let middle = stored.len() / 2;
        stored[middle] ^= 1;
        forge(&stored, 0o600);
        assert!(cache.load(&digest, &engines).is_none(), "one flipped bit");
        fs::remove_file(&path).ok();
        std::os::unix::fs::symlink(cache.path_of(&other, &engines[0]), &path).unwrap();
        assert!(cache.load(&digest, &engines).is_none(), "a link");
    }
}
