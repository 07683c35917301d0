//! The vault: secrets are sealed with an AEAD before the store sees them, and handed out as opaque handles.
//!
//! The key that they are sealed with can be replaced while hosts run. [`Sealer`] seals under one key and opens under
//! several, and what is under an earlier one is sealed anew ([`Rotation`]).

mod rotation;
pub(crate) mod scope;
mod sealer;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_runtime::capabilities::secrets::{SecretVault, VaultError};
use macadam_store::{SecretRecord, Store, StoreError};

pub use rotation::Rotation;
pub use sealer::{Followed, KEY_BYTES, SealError, Sealer, key_id};

/// 24 bytes are 192 bits: beyond guessing, whatever becomes of hash functions.
const SECRET_BYTES: usize = 24;

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
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

#[async_trait]
impl SecretVault for Vault {
    async fn generate(&self, scope: &str, name: &str) -> Result<String, VaultError> {
        let (mut secret, mut handle) = ([0_u8; SECRET_BYTES], [0_u8; 16]);
        getrandom::fill(&mut secret).map_err(|error| broken(&error))?;
        getrandom::fill(&mut handle).map_err(|error| broken(&error))?;
        let sealed = self.sealer.seal(&scope::of_secret(scope, name), hex(&secret).as_bytes());
        let record = SecretRecord {
            handle: format!("secret:{}", hex(&handle)),
            scope: scope.to_owned(),
            name: name.to_owned(),
            sealed: sealed.map_err(|error| broken(&error))?,
        };
        let stored = self.store.put_secret_if_absent(&record, Timestamp::now()).await;
        Ok(stored.map_err(|error| not_stored(&error))?.handle)
    }

    async fn open(&self, scope: &str, handle: &str) -> Result<String, VaultError> {
        let found = self.store.secret(handle).await.map_err(|error| not_stored(&error))?;
        let record = found.filter(|record| record.scope == scope).ok_or(VaultError::Unknown)?;
        let plain = self.sealer.open(&scope::of_secret(scope, &record.name), &record.sealed);
        String::from_utf8(plain.map_err(|error| broken(&error))?).map_err(|error| broken(&error))
    }
}

fn broken(error: &dyn fmt::Display) -> VaultError {
    VaultError::Broken(error.to_string())
}

/// What a failure of the store is to whoever wants a secret: one that passes is no failure of the host's own.
fn not_stored(error: &StoreError) -> VaultError {
    if error.passes() { VaultError::Unavailable(error.to_string()) } else { broken(error) }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
