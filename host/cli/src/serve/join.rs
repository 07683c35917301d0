//! The parts, joined: store, blobs, sandbox, grants, vault.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use macadam_platform::authorization::Access;
use macadam_platform::decisions::Recorder;
use macadam_platform::events::Feed;
use macadam_platform::plugins::{Loader, Packages, Plugins};
use macadam_platform::vault::Vault;
use macadam_platform::{Platform, PlatformParts};
use macadam_registry::signature::TrustRoot;
use macadam_runtime::compiled::Compiler;
use macadam_runtime::{Sandbox, SandboxConfig};
use macadam_store::Store;

use crate::serve::blobs;
use crate::serve::config::Config;
use crate::serve::connections;
use crate::serve::data::DataDir;
use crate::serve::key::MasterKeys;

/// How long a call waits for a place in the sandbox. A person waits for its answer.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Joins the platform. Nothing is active yet.
pub(super) async fn platform(
    data: &DataDir,
    config: &Config,
    store: Arc<dyn Store>,
    keys: &MasterKeys,
) -> anyhow::Result<Platform> {
    let vault = Arc::new(Vault::new(Arc::clone(&store), keys.sealer()));
    let grants = connections::open(data, &config.connections, Arc::clone(&vault))?;
    let blobs = blobs::open(data, &config.blobs).await?;
    let packages = Packages::new(Arc::clone(&store), blobs.clone());
    blobs::take_over(data, &config.registry, &packages, &blobs).await?;
    let root = config.trusted_root.as_deref().map(|path| TrustRoot::read(&data.join(path))).transpose()?;
    let loader = Loader::new(packages, Arc::new(sandbox(data, config)?), grants, Arc::clone(&store)).by_root(root);
    let access = Access::new().context("the access policies of this build cannot be used")?;
    Ok(Platform::new(PlatformParts {
        access,
        recorder: Recorder::start(Arc::clone(&store), config.decision_retention()),
        feed: Feed::start(Arc::clone(&store), config.events.settings()),
        courier: config.webhooks.courier(data)?,
        plugins: Plugins::new(loader, Arc::clone(&store)),
        store,
        vault,
        blobs,
        settings: config.platform_settings(),
    }))
}

fn sandbox(data: &DataDir, config: &Config) -> anyhow::Result<Sandbox> {
    let program = std::env::current_exe().context("this program's own file cannot be found")?;
    let sandbox = Sandbox::start(SandboxConfig {
        cache: data.join("cache"),
        compiler: Compiler::Child {
            command: vec![program, PathBuf::from("compile-component")],
            bounds: Default::default(),
        },
        // Calls run on the threads that serve requests.
        workers: tokio::runtime::Handle::current().metrics().num_workers(),
        cap: config.cap(),
        longest_wait: LONGEST_WAIT,
    });
    sandbox.context("the sandbox cannot be started")
}
