//! What a guest in a loop does to the others: nothing that they notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use macadam_core::limits::Limits;
use macadam_runtime::CallFailure;
use macadam_tests::sandbox::{Policy, TestSandbox, a_request};
use serde_json::json;

/// Calls one after the other for a while; the time of each, sorted.
async fn latencies(policy: &Policy, how_long: Duration) -> Vec<Duration> {
    let (request, settings) = (a_request(), json!({}));
    let (begin, mut taken) = (Instant::now(), Vec::new());
    while begin.elapsed() < how_long {
        let start = Instant::now();
        policy.decide(&request, &settings).await.outcome.expect("a good policy answers, whoever else is inside");
        taken.push(start.elapsed());
        tokio::task::yield_now().await;
    }
    taken.sort();
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_guests_loop_the_calls_of_others_go_on() {
    let sandbox = TestSandbox::start();
    let good = sandbox.policy("bench-policy", Limits::DEFAULT).await;
    let endless = Limits { fuel: 2_000_000_000, deadline_ms: 10_000, ..Limits::DEFAULT };
    let looping = sandbox.policy("hostile-policy", endless).await;
    let alone = latencies(&good, Duration::from_millis(1_500)).await;
    let stop = Arc::new(AtomicBool::new(false));
    let loops: Vec<_> = (0..3)
        .map(|_| {
            let (looping, stop) = (looping.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut ended = 0;
                while !stop.load(Ordering::Relaxed) {
                    let (error, _) = looping.misbehave(json!({"act": "loop"})).await;
                    let expected =
                        matches!(error.failure(), CallFailure::OutOfFuel { .. } | CallFailure::DeadlineExceeded { .. });
                    assert!(expected, "a loop ends by fuel or time, not as: {error}");
                    ended += 1;
                }
                ended
            })
        })
        .collect();
    let beside = latencies(&good, Duration::from_millis(3_000)).await;
    stop.store(true, Ordering::Relaxed);
    for each in loops {
        assert!(each.await.unwrap() > 0, "the loops did run meanwhile");
    }
    let p99 = |sorted: &[Duration]| sorted[sorted.len() * 99 / 100];
    println!(
        "calls alone: {}, p99 {:?}; beside three loops: {}, p99 {:?}",
        alone.len(),
        p99(&alone),
        beside.len(),
        p99(&beside)
    );
    // The bound on latency is measured by the benchmark; machines differ too much for one here. What must hold anywhere
    // is that the others go on: without the slow lane, three loops on two workers leave them a call every few seconds.
    assert!(beside.len() * 10 > alone.len(), "others got {} calls through, {} alone", beside.len(), alone.len());
}
