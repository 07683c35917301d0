//! Secret keys: made, written to a file for their owner alone, read from one, and never shown.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use zeroize::Zeroizing;

use super::keys::{PUBLIC, SECRET};
use super::{KeyId, PublicKey};

/// A key's file has two lines; more than this is another file.
const MAX_FILE: u64 = 4096;

/// A key that signs. Its bytes are wiped when it is dropped, and printing it for debugging shows its name only.
pub struct SigningKey(ed25519_dalek::SigningKey);

/// Why there is no secret key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretKeyError {
    /// The system has no randomness to give.
    #[error("the system gives no random bytes ({0}); no key was made")]
    NoRandomness(getrandom::Error),
    /// The text is not a secret key. It is not repeated, as it may be another secret.
    #[error("this is not a secret key; it is a line that begins with `{SECRET}`, as `macadam plugin keygen` writes it")]
    NotAKey,
    /// The text is a public key.
    #[error("this is a public key, which cannot sign; give the file of the secret key")]
    Public,
    /// A file with this name is there already.
    #[error("{} is there already and is not overwritten; choose another name", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("the key file {} cannot be read or written: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl SigningKey {
    /// Makes a key from the system's randomness.
    ///
    /// # Errors
    /// [`SecretKeyError::NoRandomness`] when the system has none.
    pub fn generate() -> Result<Self, SecretKeyError> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(SecretKeyError::NoRandomness)?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// Reads a key from the text of its file: empty lines and those that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`SecretKeyError::NotAKey`] and [`SecretKeyError::Public`] when it holds something else.
    pub fn from_text(text: &str) -> Result<Self, SecretKeyError> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().filter(|_| lines.next().is_none()).ok_or(SecretKeyError::NotAKey)?;
        if line.starts_with(PUBLIC) {
            return Err(SecretKeyError::Public);
        }
        let encoded = line.strip_prefix(SECRET).ok_or(SecretKeyError::NotAKey)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| SecretKeyError::NotAKey)?);
        let seed: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| SecretKeyError::NotAKey)?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    /// The text of the key's file, wiped when it is dropped.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(STANDARD.encode(self.0.as_bytes()));
        Zeroizing::new(format!("# {}: keep this secret, it signs plugins\n{SECRET}{}\n", self.id(), *encoded))
    }

    /// Reads a key from its file.
    ///
    /// # Errors
    /// As for [`SigningKey::from_text`], and [`SecretKeyError::Io`].
    pub fn read(path: &Path) -> Result<Self, SecretKeyError> {
        let failed = |source| SecretKeyError::Io { path: path.to_owned(), source };
        // As much space as may be needed at once: a text that grows leaves copies of itself behind.
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize));
        let file = std::fs::File::open(path).map_err(failed)?;
        match file.take(MAX_FILE).read_to_string(&mut text) {
            Ok(_) => Self::from_text(&text),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(SecretKeyError::NotAKey),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes the key to a new file that its owner alone may read. One that is there already is left as it is, since a
    /// key that is overwritten is lost.
    ///
    /// # Errors
    /// [`SecretKeyError::Exists`] and [`SecretKeyError::Io`].
    pub fn write_new(&self, path: &Path) -> Result<(), SecretKeyError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => SecretKeyError::Exists { path: path.to_owned() },
            _ => SecretKeyError::Io { path: path.to_owned(), source },
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        file.write_all(self.to_text().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// The half that everybody may know.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::of(&self.0)
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.public().id()
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_is_read_back_from_the_file_it_was_written_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("team.key");
        let key = SigningKey::generate().unwrap();
        key.write_new(&path).unwrap();
        assert_eq!(SigningKey::read(&path).unwrap().id(), key.id());
        let other = SigningKey::generate().unwrap().write_new(&path).unwrap_err();
        assert!(matches!(other, SecretKeyError::Exists { .. }), "{other}");
        assert_eq!(SigningKey::read(&path).unwrap().id(), key.id(), "a key is never overwritten");
        let gone = SigningKey::read(&directory.path().join("none")).unwrap_err();
        assert!(matches!(gone, SecretKeyError::Io { .. }), "{gone}");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_a_secret_keys_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("team.key");
        SigningKey::generate().unwrap().write_new(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_secret_key_is_never_shown() {
        let key = SigningKey::from_text(&format!("{SECRET}{}", STANDARD.encode([7; 32]))).unwrap();
        let shown = format!("{key:?} {key:#?}");
        assert!(!shown.contains(&STANDARD.encode([7; 32])) && !shown.contains("7, 7"), "{shown}");
        assert!(shown.contains(&key.id().to_string()), "its name tells keys apart: {shown}");
    }

    #[test]
    fn what_is_no_secret_key_is_refused_without_repeating_it() {
        let key = SigningKey::generate().unwrap();
        let text = key.to_text();
        let line = text.lines().last().unwrap();
        for bad in ["", "# only a comment", "hunter2", &line[..line.len() - 1], &format!("{line}\n{line}")] {
            let refused = SigningKey::from_text(bad).unwrap_err();
            assert!(matches!(refused, SecretKeyError::NotAKey), "{bad:?}: {refused}");
            assert!(!refused.to_string().contains("hunter2"), "an error goes into logs");
        }
        let refused = SigningKey::from_text(&key.public().to_string()).unwrap_err();
        assert!(matches!(refused, SecretKeyError::Public), "{refused}");
    }

    #[test]
    fn the_signatures_are_those_of_the_standard() {
        // RFC 8032, section 7.1, test 2.
        let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let expected = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|place| u8::from_str_radix(&hex[place..place + 2], 16).unwrap()).collect()
        };
        let key = SigningKey::from_text(&format!("{SECRET}{}", STANDARD.encode(bytes(seed)))).unwrap();
        assert_eq!(key.sign(&[0x72]).to_vec(), bytes(expected));
        assert!(key.public().signed(&[0x72], &key.sign(&[0x72])));
    }
}
