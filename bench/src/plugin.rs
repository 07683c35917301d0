//! What a plugin costs that nobody calls: the time to load its compiled code, and the memory it then holds.
//!
//! A thousand plugins are one component under a thousand digests: a section with a number at its end makes them differ,
//! and each has a file of code of its own. The idle ones are measured in a process that does nothing else.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use macadam_core::digest::Blob;
use macadam_core::kind::PluginKind;
use macadam_core::limits::Limits;
use macadam_core::names::PluginRef;
use macadam_runtime::capabilities::Grants;
use macadam_runtime::compiled::{CodeCache, Compiler};
use macadam_runtime::engine::{Profile, Shape};
use macadam_runtime::{LoadRequest, LoadedPlugin, Sandbox, SandboxConfig};
use macadam_tests::components::component;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use wasmtime::Engine;

use crate::Effort;
use crate::cores::Cores;
use crate::decision::current_thread;
use crate::figures::Report;
use crate::race::{Contender, Race, nanoseconds};

/// How many plugins are idle.
const COUNT: usize = 1_000;

/// The component that all of them are.
const COMPONENT: &str = "bench-policy";

/// What the process with the idle plugins says.
#[derive(Debug, Serialize, Deserialize)]
struct Idle {
    anonymous_bytes: u64,
    resident_bytes: u64,
    load_seconds: f64,
}

/// Measures the group.
pub(crate) fn measure(effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    let cache = tempfile::tempdir()?;
    fill(cache.path())?;
    let (runtime, cores) = (current_thread()?, Cores::available()?);
    let sandbox = start(cache.path())?;
    cores.pin(cores.count() - 1)?;
    let mut race = Race::default();
    race.enter("plugin/load", Loading { runtime: &runtime, sandbox: &sandbox, component: numbered(0) });
    let results = race.run(effort.race / 8)?;
    cores.unpin()?;
    results.report("plugin/load", None, report);

    let program = std::env::current_exe()?;
    let mut child = Command::new(program);
    let output = child.arg("--idle").arg(COUNT.to_string()).arg("--cache").arg(cache.path()).output()?;
    ensure!(output.status.success(), "the idle plugins: {}", String::from_utf8_lossy(&output.stderr));
    let idle: Idle = serde_json::from_slice(&output.stdout)?;
    let each = |bytes: u64| bytes as f64 / COUNT as f64 / 1024.0;
    report.add("plugin/idle", each(idle.anonymous_bytes), "KiB", None);
    report.add("plugin/idle-resident", each(idle.resident_bytes), "KiB", None);
    report.add("plugin/load-1000", idle.load_seconds, "s", None);
    Ok(())
}

/// Loads the plugins in this process and says what they hold.
pub(crate) fn idle_in_this_process(count: usize, cache: &Path) -> anyhow::Result<()> {
    // Each plugin holds a descriptor for each engine that it is mapped into.
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let (runtime, sandbox) = (current_thread()?, start(cache)?);
    let components: Vec<_> = (0..=count).map(numbered).collect();
    // The first starts the engines, which is not what a plugin costs.
    let first = runtime.block_on(load(&sandbox, components.first().context("a component")?))?;
    let (anonymous, resident) = memory()?;
    let begin = Instant::now();
    let mut loaded = Vec::with_capacity(count);
    for bytes in components.iter().skip(1) {
        loaded.push(runtime.block_on(load(&sandbox, bytes))?);
    }
    let load_seconds = begin.elapsed().as_secs_f64();
    let (anonymous_after, resident_after) = memory()?;
    let idle = Idle {
        anonymous_bytes: anonymous_after.saturating_sub(anonymous),
        resident_bytes: resident_after.saturating_sub(resident),
        load_seconds,
    };
    drop((first, loaded));
    crate::figures::say(&serde_json::to_string(&idle)?);
    Ok(())
}

struct Loading<'a> {
    runtime: &'a Runtime,
    sandbox: &'a Sandbox,
    component: Blob,
}

impl Contender for Loading<'_> {
    fn burst(&mut self, calls: usize, into: &mut Vec<u64>) -> anyhow::Result<()> {
        for _ in 0..calls {
            let started = Instant::now();
            let plugin = self.runtime.block_on(load(self.sandbox, &self.component))?;
            into.push(nanoseconds(started));
            drop(plugin);
        }
        Ok(())
    }
}

fn start(cache: &Path) -> anyhow::Result<Sandbox> {
    let config = SandboxConfig {
        cache: cache.to_owned(),
        compiler: Compiler::InProcess,
        workers: 2,
        cap: Limits::CAP,
        longest_wait: Duration::from_secs(1),
    };
    Ok(Sandbox::start(config)?)
}

async fn load(sandbox: &Sandbox, component: &Blob) -> anyhow::Result<Arc<LoadedPlugin>> {
    let plugin = PluginRef { name: "bench/idle".parse()?, version: "1.0.0".parse()? };
    let (kind, limits, grants) = (PluginKind::ApprovalPolicy, Limits::DEFAULT, Grants::none());
    Ok(sandbox.load(LoadRequest { plugin, kind, contract: None, component, limits, grants }).await?)
}

/// Validates and compiles the component once and keeps shape and code under every digest.
fn fill(directory: &Path) -> anyhow::Result<()> {
    let cache = CodeCache::open(directory)?;
    let lost = |error: wasmtime::Error| anyhow::anyhow!("{error:#}");
    let engine = Engine::new(&Profile::Compact.config()).map_err(lost)?;
    let code = engine.precompile_component(&component(COMPONENT)).map_err(lost)?;
    let shape = Shape::of(numbered(0).bytes())?;
    for number in 0..=COUNT {
        let digest = numbered(number).digest();
        cache.keep_shape(&digest, &shape)?;
        cache.keep_code(&digest, &engine, &code)?;
    }
    Ok(())
}

/// The component with a custom section at its end: the number 0, the section's size, its name's size, its name, its data.
fn numbered(number: usize) -> Blob {
    let mut bytes = component(COMPONENT);
    bytes.extend([0, 6, 1, b'n']);
    bytes.extend(u32::try_from(number).unwrap_or_default().to_le_bytes());
    Blob::new(bytes)
}

/// The anonymous and the resident memory of this process in bytes.
/// What this process holds, in bytes: anonymous memory, and all that is resident.
pub(crate) fn memory() -> anyhow::Result<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let field = |name: &str| -> anyhow::Result<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).context("a field of smaps_rollup")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    };
    Ok((field("Anonymous:")?, field("Rss:")?))
}
