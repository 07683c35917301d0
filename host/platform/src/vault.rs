//! The vault: secrets are sealed with an AEAD before the store sees them, and handed out as opaque handles.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): its 24-byte nonces may be random, so no counter has to survive a crash.
//! What a secret belongs to is authenticated with it: a sealed text moved to another scope does not open.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_runtime::capabilities::secrets::{SecretVault, VaultError};
use macadam_store::{Sealed, SecretRecord, Store};

const NONCE_BYTES: usize = 24;

/// 24 bytes are 192 bits: beyond guessing, whatever becomes of hash functions.
const SECRET_BYTES: usize = 24;

/// The length of a sealing key.
pub const KEY_BYTES: usize = 32;

/// The id of a sealing key: the first 16 digits of a digest of it. It tells nothing of a key that is random, and is kept
/// in the store, so that hosts with different keys find out.
#[must_use]
pub fn key_id(key: &[u8; KEY_BYTES]) -> String {
    // Nothing else is ever digested under this label, so no other digest of the key is its id.
    let labelled = [b"macadam sealing key id\0".as_slice(), key].concat();
    Digest::of(&labelled).hex().chars().take(16).collect()
}

/// Seals and opens.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
}

/// A sealed text that does not open: damaged, moved, or sealed under another key.
#[derive(Debug, thiserror::Error)]
#[error("a sealed value does not open: it is damaged, was moved, or was sealed under another key")]
pub struct SealError;

impl Sealer {
    /// A sealer with a key of 32 random bytes.
    #[must_use]
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(&Key::from(*key)) }
    }

    /// Seals a text to a scope.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, scope: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealError)?;
        let payload = Payload { msg: plain, aad: scope.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError)?;
        Ok(Sealed::new([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens what was sealed to a scope.
    ///
    /// # Errors
    /// [`SealError`] when it was not sealed like this.
    pub fn open(&self, scope: &str, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.as_bytes().split_first_chunk::<NONCE_BYTES>().ok_or(SealError)?;
        let payload = Payload { msg: sealed, aad: scope.as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

/// Secrets in the store, sealed.
pub struct Vault {
    store: Arc<dyn Store>,
    sealer: Sealer,
}

impl Vault {
    /// A vault over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, sealer: Sealer) -> Self {
        Self { store, sealer }
    }

    /// What seals the states of jobs as well.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    fn scope_of(scope: &str, name: &str) -> String {
        format!("secret/{scope}/{name}")
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

#[async_trait]
impl SecretVault for Vault {
    async fn generate(&self, scope: &str, name: &str) -> Result<String, VaultError> {
        let unavailable = |error: &dyn fmt::Display| VaultError::Unavailable(error.to_string());
        let (mut secret, mut handle) = ([0_u8; SECRET_BYTES], [0_u8; 16]);
        getrandom::fill(&mut secret).map_err(|error| unavailable(&error))?;
        getrandom::fill(&mut handle).map_err(|error| unavailable(&error))?;
        let sealed = self.sealer.seal(&Self::scope_of(scope, name), hex(&secret).as_bytes());
        let record = SecretRecord {
            handle: format!("secret:{}", hex(&handle)),
            scope: scope.to_owned(),
            name: name.to_owned(),
            sealed: sealed.map_err(|error| unavailable(&error))?,
        };
        let stored = self.store.put_secret_if_absent(&record, Timestamp::now()).await;
        Ok(stored.map_err(|error| unavailable(&error))?.handle)
    }

    async fn open(&self, scope: &str, handle: &str) -> Result<String, VaultError> {
        let unavailable = |error: &dyn fmt::Display| VaultError::Unavailable(error.to_string());
        let found = self.store.secret(handle).await.map_err(|error| unavailable(&error))?;
        let record = found.filter(|record| record.scope == scope).ok_or(VaultError::Unknown)?;
        let plain = self.sealer.open(&Self::scope_of(scope, &record.name), &record.sealed);
        String::from_utf8(plain.map_err(|error| unavailable(&error))?).map_err(|error| unavailable(&error))
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_only_whole_in_its_scope_and_with_its_key() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal("a", b"hunter2").unwrap();
        assert!(!sealed.as_bytes().windows(7).any(|part| part == b"hunter2"), "the text must not show");
        assert_eq!(sealer.open("a", &sealed).unwrap(), b"hunter2");
        assert!(sealer.open("b", &sealed).is_err(), "it belongs to its scope");
        assert!(Sealer::new(&[8; 32]).open("a", &sealed).is_err(), "and to its key");
        for index in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[index] ^= 1;
            assert!(sealer.open("a", &Sealed::new(bytes)).is_err(), "byte {index} was changed");
        }
        assert!(sealer.open("a", &Sealed::new(vec![0; 5])).is_err());
    }

    #[test]
    fn equal_texts_do_not_look_equal_when_sealed() {
        let sealer = Sealer::new(&[7; 32]);
        assert_ne!(sealer.seal("a", b"x").unwrap(), sealer.seal("a", b"x").unwrap());
    }
}
