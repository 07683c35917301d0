//! A whole server, joined as `macadam serve` does it, with one policy and one provider bound.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::Router;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::limits::Limits;
use macadam_platform::decisions::{DecisionRetention, Recorder};
use macadam_platform::plugins::{Binding, By, HostGrants, Loader, Plugins};
use macadam_platform::scaffolding::Archives;
use macadam_platform::vault::{Sealer, Vault};
use macadam_platform::{Platform, PlatformParts, PlatformSettings};
use macadam_registry::{Registry, Versioning, pack};
use macadam_runtime::capabilities::files::FilesRoot;
use macadam_runtime::compiled::Compiler;
use macadam_runtime::{Sandbox, SandboxConfig};
use macadam_server::ServerState;
use macadam_server::people::PeopleFile;
use macadam_store::{SqliteStore, Store};
use macadam_tests::components::{component, source_root};
use serde_json::json;

use crate::rule::SETTINGS;

/// Dana's token.
pub(super) const TOKEN: &str = "mcd_bench";

/// Where a plugin's manifest is, and its name.
const PLUGINS: [(&str, &str); 2] = [("guests/bench", "bench-policy"), ("guests/providers", "local-directory")];

/// The server's routes.
pub(super) async fn server(data: &Path) -> anyhow::Result<Router> {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&data.join("macadam.db")).await?);
    organise(store.as_ref()).await?;
    let sandbox = Sandbox::start(SandboxConfig {
        cache: source_root().join("guests/target/code-cache"),
        compiler: Compiler::InProcess,
        workers: 1,
        cap: Limits::CAP,
        longest_wait: Duration::from_secs(1),
    })?;
    let mut grants = HostGrants::default();
    let root = FilesRoot::open(&data.join("workspaces"), "file:///workspaces/")?;
    grants.files.insert("workspaces".parse()?, Arc::new(root));
    let loader =
        Loader::new(Arc::new(registry(&data.join("registry"))?), Arc::new(sandbox), grants, Arc::clone(&store));
    let plugins = Plugins::new(loader, Arc::clone(&store));
    let by = By { actor: None, reason: "to start with".to_owned(), now: Timestamp::now() };
    let table = plugins.start(&bindings()?, &by).await?;
    ensure!(table.is_complete(), "{:?}", table.failed().collect::<Vec<_>>());
    let platform = Platform::new(PlatformParts {
        recorder: Recorder::start(Arc::clone(&store), DecisionRetention::default()),
        store: Arc::clone(&store),
        plugins,
        vault: Arc::new(Vault::new(store, Sealer::new(&[7; 32]))),
        archives: Archives::open(&data.join("archives"))?,
        settings: PlatformSettings::default(),
    });
    let hash = Digest::of(TOKEN.as_bytes()).hex();
    let people = format!(
        "[[people]]\nperson = \"dana\"\nteam = \"payments\"\nroles = [\"developer\"]\ngroups = []\n\
         token-sha256 = \"{hash}\"\n"
    );
    std::fs::write(data.join("people.toml"), people)?;
    let people = Arc::new(PeopleFile::open(&data.join("people.toml"))?);
    Ok(macadam_server::router(ServerState::new(platform, people, true)))
}

fn bindings() -> anyhow::Result<Vec<Binding>> {
    let settings: serde_json::Value = serde_json::from_str(SETTINGS)?;
    let bindings = json!([
        {"plugin": "macadam/bench-policy@dev", "settings": settings},
        {"plugin": "macadam/local-directory@dev", "grants": ["files:workspaces"]},
    ]);
    Ok(serde_json::from_value(bindings)?)
}

fn registry(path: &Path) -> anyhow::Result<Registry> {
    let registry = Registry::open(path)?;
    for (folder, name) in PLUGINS {
        let manifest = std::fs::read_to_string(source_root().join(folder).join(name).join("plugin.toml"))?;
        let readme = "A plugin of the benchmarks.";
        let package = pack(&manifest, &component(name), readme, Versioning::Dev).with_context(|| name.to_owned())?;
        registry.publish(&package, Timestamp::now())?;
    }
    Ok(registry)
}

async fn organise(store: &dyn Store) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let team =
        json!({"name": "payments", "members": ["dana"], "limits": {"max-resources": 50, "monthly-budget": "5000"}});
    store.put_team(&serde_json::from_value(team)?, None, now).await?;
    let environment = json!({"name": "dev", "class": "development"});
    store.put_environment(&serde_json::from_value(environment)?, None, now).await?;
    Ok(())
}
