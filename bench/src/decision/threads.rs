//! Whether two threads decide twice as much as one: memory-map calls take one lock per process, so this does not follow
//! from one thread's speed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use anyhow::{Context as _, ensure};
use macadam_core::verdict::Verdict;
use macadam_runtime::clients::PolicyInput;
use macadam_tests::sandbox::Policy;

use crate::Effort;
use crate::cores::Cores;
use crate::figures::Report;
use crate::race::median;
use crate::rule::SETTINGS;

const UNIT: &str = "decisions/s";

/// Measures one thread and two in turns, each with a runtime and a core of its own, calling the same plugin.
pub(super) fn measure(effort: Effort, cores: &Cores, policy: &Policy, report: &mut Report) -> anyhow::Result<()> {
    if cores.count() < 2 {
        report.skip("decision/threads-2", UNIT, Some("decision/threads-1"), "there is only one core");
        return Ok(());
    }
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        one.push(rate(effort, cores, policy, 1)?);
        two.push(rate(effort, cores, policy, 2)?);
    }
    report.add("decision/threads-1", median(one), UNIT, None);
    report.add("decision/threads-2", median(two), UNIT, Some("decision/threads-1"));
    Ok(())
}

fn rate(effort: Effort, cores: &Cores, policy: &Policy, threads: usize) -> anyhow::Result<f64> {
    let (stop, start) = (AtomicBool::new(false), Barrier::new(threads + 1));
    std::thread::scope(|scope| {
        let work = |core: usize| {
            let (stop, start) = (&stop, &start);
            scope.spawn(move || decide_until(cores, core, policy, start, stop))
        };
        // One thread takes the last core, where the first one's interrupts do not count against it.
        let workers: Vec<_> = (0..threads).map(|index| work(cores.count() - 1 - index)).collect();
        start.wait();
        let begin = std::time::Instant::now();
        std::thread::sleep(effort.round);
        stop.store(true, Ordering::Relaxed);
        let seconds = begin.elapsed().as_secs_f64();
        let mut total = 0;
        for worker in workers {
            total += worker.join().ok().context("a thread panicked")??;
        }
        Ok(total as f64 / seconds)
    })
}

fn decide_until(
    cores: &Cores,
    core: usize,
    policy: &Policy,
    start: &Barrier,
    stop: &AtomicBool,
) -> anyhow::Result<u64> {
    let ready = cores.pin(core).and_then(|()| super::current_thread());
    let (input, settings): (_, Arc<str>) = (PolicyInput::new(super::the_context()), SETTINGS.into());
    // Whatever went wrong, the others must not wait for ever.
    start.wait();
    ready?.block_on(async {
        let mut calls = 0;
        while !stop.load(Ordering::Relaxed) {
            let call = policy.client.evaluate(Arc::clone(&input), Arc::clone(&settings)).await;
            ensure!(matches!(call.outcome, Ok(Verdict::Allow)), "the decision is {:?}", call.outcome);
            calls += 1;
        }
        Ok(calls)
    })
}
