//! Secrets: sealed before they come here, handed out by handle.
//!
//! The store holds no key. What it is given it gives back; that nobody but the sealer can read it is the sealer's work.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{SealingKeyId, StoreError};

/// What bytes begin with that say under which key they are sealed; the key's id follows. Bytes that were sealed before
/// there were several keys begin with a random nonce instead, which is this once in 2^64. The view `sealed_values` of the
/// databases reads the same.
const MARK: [u8; 8] = *b"macadam\x01";

/// Bytes that the caller has sealed. Printed as their length only: sealed or not, they have no business in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Takes bytes that are sealed already.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Bytes that were just sealed under a key, and say so.
    #[must_use]
    pub fn under(key: SealingKeyId, bytes: &[u8]) -> Self {
        Self([MARK.as_slice(), key.as_bytes(), bytes].concat())
    }

    /// The key that these say they are sealed under, if they do, and what was sealed.
    #[must_use]
    pub fn parts(&self) -> (Option<SealingKeyId>, &[u8]) {
        let marked = self.0.strip_prefix(&MARK).and_then(|rest| rest.split_first_chunk());
        marked.map_or((None, &self.0), |(id, sealed)| (Some(SealingKeyId::new(*id)), sealed))
    }

    /// The sealed bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The sealed bytes, to keep.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// A secret as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRecord {
    /// What plugins hold instead of it.
    pub handle: String,
    /// What it belongs to, such as a resource; removed with it.
    pub scope: String,
    /// Its name within the scope.
    pub name: String,
    /// The secret.
    pub sealed: Sealed,
}

/// The secrets.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Stores a secret unless its scope has one of that name, and gives whichever is stored: a step that is repeated
    /// gets the secret that it was given the first time.
    async fn put_secret_if_absent(&self, secret: &SecretRecord, now: Timestamp) -> Result<SecretRecord, StoreError>;

    /// The secret behind a handle.
    async fn secret(&self, handle: &str) -> Result<Option<SecretRecord>, StoreError>;

    /// Removes every secret of a scope, and says how many there were. Again is no error.
    async fn delete_secrets(&self, scope: &str) -> Result<u64, StoreError>;
}
