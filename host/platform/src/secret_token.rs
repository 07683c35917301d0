//! A token in plain text: made here, shown once, never logged, never kept.

use std::fmt;

use macadam_core::digest::Digest;
use zeroize::Zeroizing;

/// What every development token starts with, so that one that strays into a text is recognised, and told from others.
pub const DEVELOPMENT_PREFIX: &str = "mcd_";

/// What every service's token starts with.
pub const SERVICE_PREFIX: &str = "mcs_";

const BYTES: usize = 32;

/// A token of 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretToken(Zeroizing<String>);

impl SecretToken {
    /// Makes a token.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate(prefix: &str) -> std::io::Result<Self> {
        let mut bytes = [0_u8; BYTES];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        // Written as a digest is: 64 hexadecimal digits.
        Ok(Self(Zeroizing::new(format!("{prefix}{}", Digest::from_bytes(bytes).hex()))))
    }

    /// The text, to hand to its owner.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretToken")
    }
}
