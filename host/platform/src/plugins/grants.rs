//! What the host can grant: connections and roots that an administrator has set up, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use macadam_core::names::GrantName;
use macadam_registry::{Capability, Manifest};
use macadam_runtime::capabilities::Grants;
use macadam_runtime::capabilities::files::FilesRoot;
use macadam_runtime::capabilities::secrets::SecretVault;
use macadam_runtime::capabilities::sql::SqlConnection;

use crate::plugins::Binding;

/// Everything there is to grant.
#[derive(Debug, Default)]
pub struct HostGrants {
    /// Database connections.
    pub sql: BTreeMap<GrantName, Arc<SqlConnection>>,
    /// Directories.
    pub files: BTreeMap<GrantName, Arc<FilesRoot>>,
    /// Where generated secrets go.
    pub secrets: Option<Arc<dyn SecretVault>>,
}

/// Why a binding's grants cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The plugin never asked for it.
    #[error("`grants` has {0}, which the plugin does not ask for in its manifest; remove it")]
    NotAskedFor(Capability),
    /// The host has nothing of that name.
    #[error("`grants` has {0}, which the host's configuration does not set up; add it there or remove it")]
    NotSetUp(Capability),
}

impl HostGrants {
    /// What one plugin gets: what its binding grants, which must be part of what its manifest asks for.
    ///
    /// # Errors
    /// [`GrantError`] names the capability that cannot be granted.
    pub fn grant(&self, manifest: &Manifest, binding: &Binding) -> Result<Arc<Grants>, GrantError> {
        let mut grants = Grants::default();
        for capability in &binding.grants {
            if !manifest.capabilities.contains(capability) {
                return Err(GrantError::NotAskedFor(capability.clone()));
            }
            let not_set_up = || GrantError::NotSetUp(capability.clone());
            match capability {
                Capability::Secrets => grants.secrets = Some(self.secrets.clone().ok_or_else(not_set_up)?),
                Capability::Sql(name) => {
                    let connection = self.sql.get(name).ok_or_else(not_set_up)?;
                    grants.sql.insert(name.clone(), Arc::clone(connection));
                }
                Capability::Files(name) => {
                    let root = self.files.get(name).ok_or_else(not_set_up)?;
                    grants.files.insert(name.clone(), Arc::clone(root));
                }
            }
        }
        Ok(Arc::new(grants))
    }
}
