//! A project from the golden path `rest-api`: rendered, packed, and the same bytes from everybody in this process.
//!
//! Natively it is minijinja, tar and gzip and nothing else. In the sandbox the generator also validates the answers, and
//! the host checks every path before it packs. Other generators are programs, so they pay for their own start, as they
//! do whenever somebody uses them.

mod native;
mod others;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::limits::Limits;
use macadam_core::project::{Answers, Project, ProjectLimits};
use macadam_platform::scaffolding::archive;
use macadam_runtime::clients::GeneratorClient;
use macadam_tests::sandbox::TestSandbox;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::Effort;
use crate::cores::Cores;
use crate::decision::current_thread;
use crate::figures::Report;
use crate::race::{Contender, Native, Race, nanoseconds};

const NATIVE: Option<&str> = Some("scaffold/native");

/// The project's name.
const NAME: &str = "orders";

/// What everybody is asked for: every question answered, as the host does it, and every feature.
fn answers() -> Answers {
    Answers {
        parameters: json!({
            "name": NAME, "description": "Takes orders from the web shop.", "owner": "payments", "system": "web-shop",
            "port": 8080, "node_version": "22", "license": "Apache-2.0",
        }),
        features: vec!["observability".to_owned(), "health-checks".to_owned()],
    }
}

/// Measures the group.
pub(crate) fn measure(effort: Effort, tools: Option<&Path>, report: &mut Report) -> anyhow::Result<()> {
    let cores = Cores::available()?;
    let runtime = current_thread()?;
    let sandbox = TestSandbox::start();
    let bytes = macadam_tests::components::component("rest-api");
    let limits = Limits { fuel: 2_000_000_000, ..Limits::DEFAULT };
    let plugin = runtime.block_on(sandbox.load(PluginKind::TemplateGenerator, "rest-api", &bytes, limits))?;
    let mut sandboxed =
        Sandboxed { runtime: &runtime, client: sandbox.sandbox.generator(&plugin)?, answers: Arc::new(answers()) };
    let tree = native::Tree::read()?;

    let floor = tree.render(&answers())?;
    let (packed, digest) = archive(NAME, &floor)?;
    let same = runtime.block_on(sandboxed.scaffold())?;
    ensure!(same == digest, "the sandbox and the native generator make different projects");
    report.note(format!("A scaffold is {} files, {} KiB as tar.gz.", floor.files().len(), packed.len() / 1024));

    cores.pin(cores.count() - 1)?;
    let mut race = Race::default();
    race.enter("scaffold/native", Native(|| Ok(archive(NAME, &tree.render(&answers())?)?.1)));
    race.enter("scaffold/native-render", Native(|| tree.render(&answers())));
    race.enter("scaffold/sandbox-render", Render { client: sandboxed.client.clone(), runtime: &runtime });
    race.enter("scaffold/sandbox", sandboxed);
    let results = race.run(effort.race / 2)?;
    cores.unpin()?;
    results.report("scaffold/native", None, report);
    for name in ["scaffold/sandbox", "scaffold/native-render", "scaffold/sandbox-render"] {
        results.report(name, NATIVE, report);
    }
    others::measure(effort, tools, report)
}

/// The generator in a fresh sandbox for each project, to the finished archive.
struct Sandboxed<'a> {
    runtime: &'a Runtime,
    client: GeneratorClient,
    answers: Arc<Answers>,
}

impl Sandboxed<'_> {
    async fn scaffold(&mut self) -> anyhow::Result<Digest> {
        let generated = self.client.generate(Arc::clone(&self.answers), "{}".into()).await.outcome?;
        let project = Project::check(generated.files, ProjectLimits::default())?;
        Ok(archive(NAME, &project)?.1)
    }
}

impl Contender for Sandboxed<'_> {
    fn burst(&mut self, calls: usize, into: &mut Vec<u64>) -> anyhow::Result<()> {
        let runtime = self.runtime;
        runtime.block_on(async {
            for _ in 0..calls {
                let started = Instant::now();
                self.scaffold().await?;
                into.push(nanoseconds(started));
            }
            Ok(())
        })
    }
}

/// The same without checking and packing.
struct Render<'a> {
    client: GeneratorClient,
    runtime: &'a Runtime,
}

impl Contender for Render<'_> {
    fn burst(&mut self, calls: usize, into: &mut Vec<u64>) -> anyhow::Result<()> {
        let answers = Arc::new(answers());
        self.runtime.block_on(async {
            for _ in 0..calls {
                let started = Instant::now();
                let call = self.client.generate(Arc::clone(&answers), "{}".into()).await;
                into.push(nanoseconds(started));
                call.outcome.context("the generator failed")?;
            }
            Ok(())
        })
    }
}
