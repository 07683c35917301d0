//! A thousand bound plugins, and what they cost those who ask: each question beside the same to a host with two.

use std::time::Instant;

use anyhow::ensure;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use macadam_platform::plugins::Binding;
use macadam_registry::Package;
use serde_json::json;
use tempfile::{TempDir, tempdir};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::Effort;
use crate::decision::current_thread;
use crate::figures::Report;
use crate::race::{Native, Race};
use crate::whole::{self, TOKEN};

/// How many.
const COUNT: usize = 1_000;

/// What is asked: a word for the figure, the method and the path.
const ASKED: [(&str, &str, &str); 3] =
    [("ready", "GET", "/readyz"), ("list", "GET", "/api/v1/plugins"), ("preview", "POST", "/api/v1/preview")];

struct Host {
    routes: Router,
    started: f64,
    _data: TempDir,
}

/// Measures both hosts in turns.
pub(super) fn measure(effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    let runtime = current_thread()?;
    let (few, many) = (start(&runtime, 0)?, start(&runtime, COUNT)?);
    report.add("lifecycle/start-2", few.started * 1_000.0, "ms", None);
    report.add("lifecycle/start-1000", many.started * 1_000.0, "ms", None);
    let mut race = Race::default();
    for (what, method, path) in ASKED {
        for (count, host) in [("2", &few), ("1000", &many)] {
            let runtime = &runtime;
            race.enter(&format!("lifecycle/{what}-{count}"), Native(move || ask(runtime, &host.routes, method, path)));
        }
    }
    let results = race.run(effort.race / 2)?;
    results.report("lifecycle/ready-2", None, report);
    results.report("lifecycle/ready-1000", Some("lifecycle/ready-2"), report);
    results.report("lifecycle/list-2", None, report);
    results.report("lifecycle/list-1000", Some("lifecycle/list-2"), report);
    results.report("lifecycle/preview-2", None, report);
    results.report("lifecycle/preview-1000", Some("lifecycle/preview-2"), report);
    Ok(())
}

/// A host with so many plugins beside those that are asked. They are for another team, as most of a thousand are.
fn start(runtime: &Runtime, count: usize) -> anyhow::Result<Host> {
    let data = tempdir()?;
    let mut packages = vec![whole::provider()?, whole::policy("macadam/bench-policy", "1.0.0")?];
    let mut bindings = whole::bindings("macadam/bench-policy@1.0.0")?;
    for number in 0..count {
        let (package, binding) = other(number)?;
        packages.push(package);
        bindings.push(binding);
    }
    drop(runtime.block_on(whole::host(data.path(), &packages, &bindings))?);
    // What is measured is the start of a host that has them, not publishing them.
    let begin = Instant::now();
    let platform = runtime.block_on(whole::host(data.path(), &[], &bindings))?;
    let started = begin.elapsed().as_secs_f64();
    ensure!(platform.plugins().active().status.len() == count + 2, "all are bound");
    Ok(Host { routes: whole::routes(data.path(), platform)?, started, _data: data })
}

fn other(number: usize) -> anyhow::Result<(Package, Binding)> {
    let name = format!("macadam/policy-{number}");
    let binding = json!({"plugin": format!("{name}@1.0.0"), "applies": {"teams": ["others"]}});
    Ok((whole::policy(&name, "1.0.0")?, serde_json::from_value(binding)?))
}

fn ask(runtime: &Runtime, routes: &Router, method: &str, path: &str) -> anyhow::Result<()> {
    let wish = json!({"environment": "dev", "type": "local-directory", "name": "notes", "spec": {"quota_mb": 500}});
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    let body = if method == "POST" { Body::from(wish.to_string()) } else { Body::empty() };
    runtime.block_on(async {
        let answer = routes.clone().oneshot(request.body(body)?).await?;
        ensure!(answer.status() == StatusCode::OK, "{path} answers {}", answer.status());
        axum::body::to_bytes(answer.into_body(), usize::MAX).await?;
        Ok(())
    })
}
