//! What guests in a loop do to the calls of others: the latency that one call in a hundred exceeds, alone and beside
//! three loops, on a runtime with two workers as a small server has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use macadam_core::limits::Limits;
use macadam_core::verdict::Verdict;
use macadam_runtime::clients::PolicyInput;
use macadam_tests::sandbox::{Policy, TestSandbox};
use tokio::task::JoinSet;

use crate::Effort;
use crate::figures::Report;
use crate::race::{median, nanoseconds};
use crate::rule::SETTINGS;

const ALONE: &str = "decision/p99-alone";
const BESIDE: &str = "decision/p99-beside-loops";
const UNIT: &str = "µs";

/// How many guests loop.
const LOOPS: usize = 3;

/// What a guest in a loop may use: as much as the host ever gives, so that a loop lasts seconds.
const ENDLESS: Limits = Limits { fuel: Limits::CAP.fuel, deadline_ms: 30_000, ..Limits::DEFAULT };

/// Measures both in turns.
pub(super) fn measure(effort: Effort, sandbox: &TestSandbox, good: &Policy, report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (alone, beside) = runtime.block_on(async {
        let looping = sandbox.policy("hostile-policy", ENDLESS).await;
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..effort.rounds {
            alone.push(p99(good, effort.round).await?);
            let mut loops = JoinSet::new();
            let stop = Arc::new(AtomicBool::new(false));
            for _ in 0..LOOPS {
                loops.spawn(keep_looping(looping.clone(), Arc::clone(&stop)));
            }
            beside.push(p99(good, effort.round).await?);
            stop.store(true, Ordering::Relaxed);
            loops.shutdown().await;
        }
        anyhow::Ok((alone, beside))
    })?;
    report.add(ALONE, median(alone), UNIT, None);
    report.add(BESIDE, median(beside), UNIT, Some(ALONE));
    Ok(())
}

async fn keep_looping(policy: Policy, stop: Arc<AtomicBool>) {
    let input = PolicyInput::new(super::the_context());
    while !stop.load(Ordering::Relaxed) {
        let _ended = policy.client.evaluate(Arc::clone(&input), r#"{"act":"loop"}"#.into()).await;
    }
}

/// Calls from two tasks, one for each worker, and gives the 99th percentile in microseconds.
async fn p99(policy: &Policy, time: Duration) -> anyhow::Result<f64> {
    let mut callers = JoinSet::new();
    for _ in 0..2 {
        callers.spawn(latencies(policy.clone(), time));
    }
    let mut all = Vec::new();
    while let Some(latencies) = callers.join_next().await {
        all.extend(latencies??);
    }
    all.sort_unstable();
    let place = all.len() * 99 / 100;
    Ok(*all.get(place).context("a call")? as f64 / 1_000.0)
}

async fn latencies(policy: Policy, time: Duration) -> anyhow::Result<Vec<u64>> {
    let (input, settings): (_, Arc<str>) = (PolicyInput::new(super::the_context()), SETTINGS.into());
    let (begin, mut taken) = (Instant::now(), Vec::new());
    while begin.elapsed() < time {
        let started = Instant::now();
        let call = policy.client.evaluate(Arc::clone(&input), Arc::clone(&settings)).await;
        taken.push(nanoseconds(started));
        ensure!(matches!(call.outcome, Ok(Verdict::Allow)), "the decision is {:?}", call.outcome);
        tokio::task::yield_now().await;
    }
    Ok(taken)
}
