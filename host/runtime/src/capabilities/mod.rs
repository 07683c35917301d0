//! What a plugin may do outside of itself. One file is the whole of one capability.
//!
//! A plugin asks for a capability in its manifest, and an administrator grants it in the host's configuration; only both
//! together give anything. A grant is by name: the plugin says `main`, and never learns address or credential.

pub mod files;
pub mod log;
pub mod secrets;
pub mod sql;
pub(crate) mod wasi;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use macadam_core::names::GrantName;
use tracing::Instrument as _;

use crate::call::CallState;
use crate::call::failure::Stop;

/// What one plugin was granted.
#[derive(Debug, Default)]
pub struct Grants {
    /// Database connections by name.
    pub sql: BTreeMap<GrantName, Arc<sql::SqlConnection>>,
    /// Directories by name.
    pub files: BTreeMap<GrantName, Arc<files::FilesRoot>>,
    /// Where generated secrets are kept.
    pub secrets: Option<Arc<dyn secrets::SecretVault>>,
}

impl Grants {
    /// Nothing: what pure plugins have.
    #[must_use]
    pub fn none() -> Arc<Self> {
        Arc::default()
    }
}

/// Finds what a name was granted for; ends the call when it was not.
fn granted<T>(grants: &BTreeMap<GrantName, Arc<T>>, kind: &str, name: &str) -> wasmtime::Result<Arc<T>> {
    let found = GrantName::new(name).ok().and_then(|name| grants.get(&name).cloned());
    found.ok_or_else(|| {
        let name: String = name.chars().take(64).collect();
        Stop::Capability(format!("{kind}:{name}")).into()
    })
}

/// Waits for a host call no longer than the plugin's call may take. Fuel and epochs do not tick while a guest waits.
/// `call` is its name in traces; what is in it is nobody's business there.
async fn within_deadline<T>(
    state: &mut CallState,
    call: &'static str,
    work: impl Future<Output = T>,
) -> wasmtime::Result<T> {
    let left: Duration = state.time_left();
    let span = tracing::info_span!(target: "macadam::trace", "host call", otel.name = call, otel.kind = "client");
    tokio::time::timeout(left, work.instrument(span)).await.map_err(|_| Stop::Deadline.into())
}
