//! `secrets`: credentials that a plugin can have made and used, but never sees.
//!
//! The runtime knows no storage: whoever joins the host together gives a [`SecretVault`] that seals and keeps.

use async_trait::async_trait;

use crate::call::CallState;
use crate::call::failure::Stop;
use crate::capabilities::within_deadline;
use crate::clients::v0_1::bindings::macadam::plugin::secrets::{Error, Host};

/// Why the vault gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no such secret within this work.
    #[error("there is no secret with this handle here")]
    Unknown,
    /// Storage does not do as it should now; the same may work later.
    #[error("the secret store is not available: {0}")]
    Unavailable(String),
    /// What is stored, or the machine, is broken, and stays so until somebody mends it.
    #[error("the secret cannot be had: {0}")]
    Broken(String),
}

/// Seals and keeps secrets. Implemented where storage and keys are known.
#[async_trait]
pub trait SecretVault: Send + Sync + std::fmt::Debug {
    /// Makes a random secret and returns its handle once it is stored. The same scope and name give the same handle.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] or [`VaultError::Broken`] when it could not be kept.
    async fn generate(&self, scope: &str, name: &str) -> Result<String, VaultError>;

    /// The secret behind a handle of this scope, for use by another capability and nobody else.
    ///
    /// # Errors
    /// [`VaultError::Unknown`] for a handle of another scope.
    async fn open(&self, scope: &str, handle: &str) -> Result<String, VaultError>;
}

impl Host for CallState {
    async fn generate(&mut self, name: String) -> wasmtime::Result<Result<String, Error>> {
        let denied = || wasmtime::Error::from(Stop::Capability("secrets".to_owned()));
        let vault = self.plugin.grants.secrets.clone().ok_or_else(denied)?;
        let scope = self.scope.id().ok_or_else(denied)?.to_owned();
        let made = within_deadline(self, "secrets generate", vault.generate(&scope, &name)).await?;
        Ok(made.map_err(|error| Error::Unavailable(error.to_string())))
    }
}
