//! A whole host, joined as `macadam serve` does it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::Router;
use jiff::Timestamp;
use macadam_blobs::Blobs;
use macadam_core::digest::Digest;
use macadam_core::limits::Limits;
use macadam_platform::decisions::{DecisionRetention, Recorder};
use macadam_platform::events::{EventSettings, Feed};
use macadam_platform::plugins::{Binding, By, HostGrants, Loader, Packages, Plugins};
use macadam_platform::vault::{Sealer, Vault};
use macadam_platform::webhooks::{Courier, WebhookSettings};
use macadam_platform::{Caller, Platform, PlatformParts, PlatformSettings, Role};
use macadam_registry::{Package, Registry, Versioning, pack};
use macadam_runtime::capabilities::files::FilesRoot;
use macadam_runtime::compiled::Compiler;
use macadam_runtime::{Sandbox, SandboxConfig};
use macadam_server::people::PeopleFile;
use macadam_server::sign_in::Authenticator;
use macadam_server::{RateLimit, RateLimitSettings, ServerState};
use macadam_store::{SqliteStore, Store};
use macadam_tests::components::{component, source_root};
use serde_json::json;

use crate::rule::SETTINGS;

/// Dana's token.
pub(crate) const TOKEN: &str = "mcd_bench";

/// The token of tess, who develops in the team `team-7` and sees nobody else's.
pub(crate) const MEMBERS_TOKEN: &str = "mcd_bench_tess";

/// The token of sam, who develops in the team `small`.
pub(crate) const SMALL_TEAMS_TOKEN: &str = "mcd_bench_sam";

/// The host, with these packages in its registry and these bindings.
pub(crate) async fn host(data: &Path, packages: &[Package], bindings: &[Binding]) -> anyhow::Result<Platform> {
    let store = Arc::new(SqliteStore::open(&data.join("macadam.db")).await?);
    host_on(store, data, packages, bindings).await
}

/// The same on a store of somebody's own.
pub(crate) async fn host_on(
    store: Arc<dyn Store>,
    data: &Path,
    packages: &[Package],
    bindings: &[Binding],
) -> anyhow::Result<Platform> {
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
    let registry = Registry::open(data.join("registry"))?;
    for package in packages {
        registry.publish(package, Timestamp::now())?;
    }
    let blobs = Blobs::in_memory();
    let kept = Packages::new(Arc::clone(&store), blobs.clone());
    kept.take_over(registry, Timestamp::now()).await?;
    let loader = Loader::new(kept, Arc::new(sandbox), grants, Arc::clone(&store));
    let plugins = Plugins::new(loader, Arc::clone(&store));
    let by = By::host("to start with", Timestamp::now());
    let table = plugins.start(bindings, &by).await?;
    ensure!(table.is_complete(), "{:?}", table.failed().collect::<Vec<_>>());
    Ok(Platform::new(PlatformParts {
        access: macadam_platform::authorization::Access::new()?,
        recorder: Recorder::start(Arc::clone(&store), DecisionRetention::default()),
        feed: Feed::start(Arc::clone(&store), EventSettings::default()),
        courier: Courier::new(WebhookSettings::default())?,
        store: Arc::clone(&store),
        plugins,
        vault: Arc::new(Vault::new(store, Sealer::new(&[7; 32]))),
        blobs,
        settings: PlatformSettings::default(),
    }))
}

/// The server's routes over a host.
pub(crate) fn routes(data: &Path, platform: Platform) -> anyhow::Result<Router> {
    let person = |name: &str, team: &str, roles: &str, token: &str| {
        let hash = Digest::of(token.as_bytes()).hex();
        format!(
            "[[people]]\nperson = \"{name}\"\nteam = \"{team}\"\nroles = [{roles}]\ngroups = []\n\
             token-sha256 = \"{hash}\"\n"
        )
    };
    let dana = person("dana", "payments", "\"developer\", \"admin\"", TOKEN);
    let tess = person("tess", "team-7", "\"developer\"", MEMBERS_TOKEN);
    let sam = person("sam", "small", "\"developer\"", SMALL_TEAMS_TOKEN);
    std::fs::write(data.join("people.toml"), dana + &tess + &sam)?;
    let people = Arc::new(PeopleFile::open(&data.join("people.toml"))?);
    let authenticator = Authenticator::default().with_development_people(people);
    // What is measured is the work, and not how much of it one token may ask for.
    let none = RateLimit { per_minute: 0, burst: 0 };
    let limits = RateLimitSettings { token: none, team: none, failures: none };
    Ok(macadam_server::router(ServerState::new(platform, authenticator, true).limited(&limits)))
}

/// Dana, who may do everything.
pub(crate) fn dana() -> anyhow::Result<Caller> {
    let roles = vec![Role::Developer, Role::PlatformAdmin];
    Ok(Caller::in_development("dana".parse()?, "payments".parse()?, roles, Vec::new()))
}

/// The policy that is measured, under a name and in a version.
pub(crate) fn policy(name: &str, version: &str) -> anyhow::Result<Package> {
    let manifest = manifest("guests/bench/bench-policy")?;
    let edited = manifest.lines().map(|line| match line.split(' ').next() {
        Some("name") => format!("name = \"{name}\"\n"),
        Some("version") => format!("version = \"{version}\"\n"),
        _ => format!("{line}\n"),
    });
    Ok(pack(&edited.collect::<String>(), &component("bench-policy"), "For the benchmarks.", Versioning::AsWritten)?)
}

/// The provider that makes directories.
pub(crate) fn provider() -> anyhow::Result<Package> {
    let (manifest, name) = (manifest("guests/providers/local-directory")?, "local-directory");
    pack(&manifest, &component(name), "For the benchmarks.", Versioning::Dev).context(name)
}

fn manifest(folder: &str) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(source_root().join(folder).join("plugin.toml"))?)
}

/// Bindings of the provider and of a policy.
pub(crate) fn bindings(policy: &str) -> anyhow::Result<Vec<Binding>> {
    let settings: serde_json::Value = serde_json::from_str(SETTINGS)?;
    let bindings = json!([
        {"plugin": policy, "settings": settings},
        {"plugin": "macadam/local-directory@dev", "grants": ["files:workspaces"]},
    ]);
    Ok(serde_json::from_value(bindings)?)
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
