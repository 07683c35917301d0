//! The trusted root in a build that verifies no bundles: there is none.

use std::path::Path;

use super::{Bundle, Identity, KeylessError, RootError};

/// A trusted root. This build is without the feature `keyless`, so there is no value of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustRoot {}

impl TrustRoot {
    /// Refuses: there is no verifying in this build.
    ///
    /// # Errors
    /// [`RootError::NotBuilt`] names the feature.
    pub fn read(path: &Path) -> Result<Self, RootError> {
        Err(RootError::NotBuilt { path: path.to_owned() })
    }

    pub(in crate::signature) fn signer(&self, _: &Bundle) -> Result<Identity, KeylessError> {
        match *self {}
    }
}
