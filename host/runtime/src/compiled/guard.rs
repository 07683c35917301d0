//! Files that only this host can have written: each ends in a keyed BLAKE3 MAC over what it is about and what it holds.
//!
//! The directory and its files are the owner's alone. Whatever else lies there under a fitting name counts as not there
//! and is removed. A file is hashed once in a process: as long as its inode and its times stay, so do its bytes, since
//! only the owner could change them, and the owner has the key.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

const MAC_BYTES: usize = 32;
const KEY_FILE: &str = "cache.key";

/// How much is read at once. On the stack, since a fresh buffer as large as the code costs more in page faults than
/// hashing it.
const CHUNK: usize = 64 * 1024;

/// How long a file must have been left alone before its times say that it did not change.
const SETTLED: Duration = Duration::from_millis(50);

/// A directory of such files.
pub(super) struct GuardedFiles {
    directory: PathBuf,
    key: [u8; 32],
    /// The files that were found right, by name.
    checked: Mutex<HashMap<String, Stamp>>,
}

/// What changes when a file does: the device, the inode, its length, and the times of its last write and change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    place: (u64, u64),
    length: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            place: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            written: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether another change would show. Some file systems count time in ticks of ten milliseconds, and two changes in
    /// one tick look like one; git calls such a file racily clean.
    fn is_settled(&self) -> bool {
        let (seconds, nanos) = self.changed;
        let nanos = u32::try_from(nanos).unwrap_or(0);
        let changed = UNIX_EPOCH + Duration::new(u64::try_from(seconds).unwrap_or(0), nanos);
        changed.elapsed().is_ok_and(|since| since > SETTLED)
    }
}

impl fmt::Debug for GuardedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever knows the key can have the host run code of theirs.
        f.debug_struct("GuardedFiles").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl GuardedFiles {
    /// Opens the directory, making it and its key on first use.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        let key = read_or_make_key(&directory.join(KEY_FILE))?;
        Ok(Self { directory: directory.to_owned(), key, checked: Mutex::default() })
    }

    /// Opens a file that this host wrote about this very subject, and gives what it holds as a [`Guarded`].
    pub(super) fn read(&self, name: &str, subject: &[u8]) -> Option<Guarded> {
        match self.open_checked(name, subject) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(file = name, %error, "a file of the code cache is not this host's; making it again");
                let _ = fs::remove_file(self.path_of(name));
                None
            }
        }
    }

    /// Writes a file. A reader sees the whole of it or none.
    pub(super) fn write(&self, name: &str, subject: &[u8], bytes: &[u8]) -> io::Result<()> {
        let path = self.path_of(name);
        let temporary = path.with_extension(format!("{:x}.part", unique()?));
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(bytes)?;
            file.write_all(self.hasher(subject).update(bytes).finalize().as_bytes())?;
            file.sync_data()?;
            fs::rename(&temporary, &path)
        };
        write().inspect_err(|_| drop(fs::remove_file(&temporary)))
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn open_checked(&self, name: &str, subject: &[u8]) -> io::Result<Guarded> {
        let no_link = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(no_link).open(self.path_of(name))?;
        let metadata = file.metadata()?;
        let mine = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0;
        if !metadata.is_file() || !mine {
            return Err(refuse("the file is not the owner's alone"));
        }
        let length = metadata.len().checked_sub(MAC_BYTES as u64).ok_or_else(|| refuse("the file is cut short"))?;
        let stamp = Stamp::of(&metadata);
        // A name stands for one subject, so a file that was right under its name is right for this subject.
        if self.checked().get(name) != Some(&stamp) {
            self.check_mac(&file, length, subject)?;
            if stamp.is_settled() {
                self.checked().insert(name.to_owned(), stamp);
            }
        }
        Ok(Guarded { file, length })
    }

    fn check_mac(&self, mut file: &File, length: u64, subject: &[u8]) -> io::Result<()> {
        let mut hasher = self.hasher(subject);
        let mut mac = [0; MAC_BYTES];
        hash(&mut file.take(length), &mut hasher)?;
        file.read_exact(&mut mac)?;
        // blake3::Hash compares in constant time.
        let right = hasher.finalize() == blake3::Hash::from_bytes(mac);
        if right { Ok(()) } else { Err(refuse("the file's MAC is wrong")) }
    }

    fn checked(&self) -> MutexGuard<'_, HashMap<String, Stamp>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hasher(&self, subject: &[u8]) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(subject.len() as u64).to_le_bytes()).update(subject);
        hasher
    }
}

fn hash(file: &mut impl io::Read, hasher: &mut blake3::Hasher) -> io::Result<()> {
    let mut buffer = [0; CHUNK];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => hasher.update(buffer.get(..read).unwrap_or_default()),
        };
    }
}

fn refuse(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

/// A file whose MAC was checked on this very descriptor.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) file: File,
    length: u64,
}

impl Guarded {
    /// What it holds, without the MAC.
    pub(super) fn bytes(&mut self) -> io::Result<Vec<u8>> {
        self.file.rewind()?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.length).unwrap_or(0));
        (&self.file).take(self.length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
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

    #[test]
    fn processes_that_open_a_new_directory_at_once_agree_on_its_key() {
        let directory = tempfile::tempdir().unwrap();
        let keys: std::collections::BTreeSet<_> = std::thread::scope(|scope| {
            let open = || scope.spawn(|| GuardedFiles::open(directory.path()).unwrap().key);
            let openers: Vec<_> = (0..8).map(|_| open()).collect();
            openers.into_iter().map(|opener| opener.join().unwrap()).collect()
        });
        assert_eq!(keys.len(), 1, "all of them must read the one key that was made");
    }

    #[test]
    fn the_key_does_not_show() {
        let directory = tempfile::tempdir().unwrap();
        let files = GuardedFiles::open(directory.path()).unwrap();
        let (shown, key) = (format!("{files:?}"), format!("{:?}", files.key));
        assert!(shown.contains("directory") && !shown.contains(&key), "{shown}");
    }

    #[test]
    fn a_file_of_any_length_is_read_back_under_its_subject_only() {
        let directory = tempfile::tempdir().unwrap();
        let files = GuardedFiles::open(directory.path()).unwrap();
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
            files.write("a", b"subject", &bytes).unwrap();
            fs::copy(files.path_of("a"), files.path_of("b")).unwrap();
            assert_eq!(files.read("a", b"subject").unwrap().bytes().unwrap(), bytes);
            assert!(files.read("b", b"another").is_none(), "another subject");
            assert!(!files.path_of("b").exists(), "what is refused is removed");
        }
    }

    #[test]
    fn a_file_that_is_changed_after_it_was_found_right_is_checked_again() {
        let directory = tempfile::tempdir().unwrap();
        let files = GuardedFiles::open(directory.path()).unwrap();
        let remember = || {
            files.write("a", b"subject", b"bytes").unwrap();
            std::thread::sleep(2 * SETTLED);
            assert!(files.read("a", b"subject").is_some());
            assert!(files.checked().contains_key("a"));
        };
        remember();
        let mut bytes = fs::read(files.path_of("a")).unwrap();
        bytes[0] ^= 1;
        fs::write(files.path_of("a"), &bytes).unwrap();
        assert!(files.read("a", b"subject").is_none(), "it was changed in place");
        remember();
        fs::remove_file(files.path_of("a")).unwrap();
        fs::write(files.path_of("a"), &bytes).unwrap();
        fs::set_permissions(files.path_of("a"), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(files.read("a", b"subject").is_none(), "it was replaced");
    }
}
