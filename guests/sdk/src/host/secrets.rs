//! Credentials that a plugin can have made and used, but never sees.

use serde::{Deserialize, Serialize};

use super::imports;
use crate::Error;
use crate::bindings::macadam::plugin::secrets::Error as SecretsError;

/// Stands for a secret that the host keeps. It says nothing of the secret, so it may be kept in a step's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretHandle(String);

impl SecretHandle {
    /// The handle as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes a random secret. The same name in the same work always gives the same handle.
///
/// # Errors
/// [`Error::Unavailable`] when the host could not keep it.
pub fn generate(name: &str) -> Result<SecretHandle, Error> {
    match imports::secrets::generate(name) {
        Ok(handle) => Ok(SecretHandle(handle)),
        Err(SecretsError::Unavailable(message)) => Err(Error::unavailable(message)),
    }
}
