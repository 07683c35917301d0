//! One decision: the same rule on the same request, natively, in a fresh sandbox, in an instance that is used again, in
//! JavaScript, and in other policy engines.
//!
//! The request passes every condition, so that no contender may stop early. Before anything is timed, everybody must
//! decide alike on requests that fail each of them.

mod neighbours;
mod peers;
mod threads;
mod warm;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use macadam_core::limits::Limits;
use macadam_core::request::PolicyContext;
use macadam_core::verdict::Verdict;
use macadam_runtime::clients::PolicyInput;
use macadam_tests::sandbox::{Policy, TestSandbox, context};
use tokio::runtime::Runtime;

use crate::Effort;
use crate::cores::Cores;
use crate::figures::Report;
use crate::race::{Contender, Native, Race, Results, nanoseconds};
use crate::rule::{self, SETTINGS};

const NATIVE: Option<&str> = Some("decision/native");

/// What a language that brings its runtime along may use.
const ROOMY: Limits =
    Limits { fuel: Limits::CAP.fuel, deadline_ms: 30_000, memory_bytes: 256 * 1024 * 1024, ..Limits::DEFAULT };

/// The request that is decided.
pub(crate) fn the_context() -> PolicyContext {
    context("development", "120.50")
}

/// Requests that fail one condition each, and the one that passes.
pub(crate) fn cases() -> Vec<PolicyContext> {
    let mut missing = the_context();
    missing.request.tags.remove("service");
    let mut costly = context("staging", "500.01");
    costly.cost.iter_mut().for_each(|cost| cost.lower_bound = true);
    vec![the_context(), context("production", "1"), costly, missing]
}

/// Measures the group.
pub(crate) fn measure(effort: Effort, peers: Option<&Path>, report: &mut Report) -> anyhow::Result<()> {
    let cores = Cores::available()?;
    let runtime = current_thread()?;
    let sandbox = TestSandbox::start();
    let load = |name, limits| runtime.block_on(sandbox.policy(name, limits));
    let sdk = load("bench-policy", Limits::DEFAULT);
    let of_0_1 = load("bench-policy-0-1", Limits::DEFAULT);
    let stock = load("stock-policy", Limits::DEFAULT);
    let built = macadam_tests::components::source_root().join("guests/target/components/foreign-js.wasm").is_file();
    let foreign = built.then(|| load("foreign-js", ROOMY));
    for policy in [&sdk, &of_0_1, &stock].into_iter().chain(&foreign) {
        check(&runtime, policy)?;
    }

    // From the last core, since the first one takes most interrupts.
    cores.pin(cores.count() - 1)?;
    let document = serde_json::to_string(&the_context())?;
    let (text, context) = (document.as_str(), the_context());
    let engines = peers.map(|program| peers::Peers::start(program, text)).transpose()?;
    let mut race = Race::default();
    race.enter("decision/native", Native(|| rule::by_value(std::hint::black_box(text), SETTINGS)));
    race.enter("decision/native-struct", Native(|| rule::by_struct(std::hint::black_box(text), SETTINGS)));
    race.enter("decision/fresh", Sandboxed::new(&runtime, &sdk));
    race.enter("decision/fresh-0.1", Sandboxed::new(&runtime, &of_0_1));
    race.enter("decision/fresh-from-context", FromContext { runtime: &runtime, policy: &sdk, context: &context });
    race.enter("decision/fresh-stock", Sandboxed::new(&runtime, &stock));
    race.enter("decision/warm-stock", warm::Warm::start()?);
    if let Some(foreign) = &foreign {
        race.enter("decision/foreign", Sandboxed::new(&runtime, foreign));
    }
    for (name, peer) in engines.iter().flat_map(peers::Peers::contenders) {
        race.enter(name, peer);
    }
    let results = race.run(effort.race)?;
    cores.unpin()?;

    take_up(&results, foreign.is_some(), engines.is_some(), report);
    threads::measure(effort, &cores, &sdk, report)?;
    neighbours::measure(effort, &sandbox, &sdk, report)
}

/// Takes the results up into the report, the floor first.
fn take_up(results: &Results, has_foreign: bool, has_peers: bool, report: &mut Report) {
    results.report("decision/native", None, report);
    for name in ["native-struct", "fresh", "fresh-0.1", "fresh-from-context", "fresh-stock", "warm-stock"] {
        results.report(&format!("decision/{name}"), NATIVE, report);
    }
    if has_foreign {
        results.report("decision/foreign", NATIVE, report);
    } else {
        report.skip("decision/foreign", "µs", NATIVE, "run `cargo xtask test foreign`, which builds it");
    }
    for name in peers::NAMES {
        if has_peers {
            results.report(name, NATIVE, report);
        } else {
            report.skip(name, "µs", NATIVE, "no program with other engines was given");
        }
    }
}

/// A runtime that runs everything on the thread that waits.
pub(crate) fn current_thread() -> anyhow::Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn check(runtime: &Runtime, policy: &Policy) -> anyhow::Result<()> {
    for context in cases() {
        let document = serde_json::to_string(&context)?;
        let call = runtime.block_on(policy.client.evaluate(PolicyInput::new(context.clone()), SETTINGS.into()));
        let verdicts = [
            rule::by_value(&document, SETTINGS)?,
            rule::by_struct(&document, SETTINGS)?,
            rule::by_domain(&context, SETTINGS)?,
        ];
        let (given, name) = (call.outcome?, policy.client.plugin().identity());
        ensure!(
            verdicts.iter().all(|native| *native == given),
            "{name} answers {given:?}, natively it is {verdicts:?}"
        );
    }
    Ok(())
}

/// A policy in a fresh sandbox for each call, with every limit armed.
struct Sandboxed<'a> {
    runtime: &'a Runtime,
    policy: &'a Policy,
    input: Arc<PolicyInput>,
    settings: Arc<str>,
}

impl<'a> Sandboxed<'a> {
    fn new(runtime: &'a Runtime, policy: &'a Policy) -> Self {
        Self { runtime, policy, input: PolicyInput::new(the_context()), settings: SETTINGS.into() }
    }
}

impl Contender for Sandboxed<'_> {
    fn burst(&mut self, calls: usize, into: &mut Vec<u64>) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            for _ in 0..calls {
                let started = Instant::now();
                let call = self.policy.client.evaluate(Arc::clone(&self.input), Arc::clone(&self.settings)).await;
                into.push(nanoseconds(started));
                ensure!(matches!(call.outcome, Ok(Verdict::Allow)), "the decision is {:?}", call.outcome);
            }
            Ok(())
        })
    }
}

/// The same, with the texts that numbers and times become made anew for each call, as for a request with one policy.
struct FromContext<'a> {
    runtime: &'a Runtime,
    policy: &'a Policy,
    context: &'a PolicyContext,
}

impl Contender for FromContext<'_> {
    fn burst(&mut self, calls: usize, into: &mut Vec<u64>) -> anyhow::Result<()> {
        let settings: Arc<str> = SETTINGS.into();
        self.runtime.block_on(async {
            for _ in 0..calls {
                let context = self.context.clone();
                let started = Instant::now();
                let call = self.policy.client.evaluate(PolicyInput::new(context), Arc::clone(&settings)).await;
                into.push(nanoseconds(started));
                ensure!(matches!(call.outcome, Ok(Verdict::Allow)), "the decision is {:?}", call.outcome);
            }
            Ok(())
        })
    }
}
