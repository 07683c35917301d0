//! Equal input gives equal output and equal fuel.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_errors_doc,
    reason = "tests fail by panicking, and say what they saw"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use macadam_core::limits::Limits;
use macadam_tests::sandbox::{TestSandbox, a_request};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_repeated_decisions_use_the_same_fuel_whoever_makes_them() {
    let sandbox = TestSandbox::start();
    for guest in ["bench-policy", "stock-policy"] {
        let policy = sandbox.policy(guest, Limits::DEFAULT).await;
        let request = a_request();
        let callers = (0..4).map(|_| {
            let (policy, request) = (policy.clone(), Arc::clone(&request));
            tokio::spawn(async move {
                let mut seen = BTreeSet::new();
                for _ in 0..250 {
                    let call = policy.decide(&request, &json!({})).await;
                    let verdict = serde_json::to_string(&call.outcome.expect("it answers")).expect("JSON");
                    seen.insert((call.usage.fuel, verdict));
                }
                seen
            })
        });
        let mut seen = BTreeSet::new();
        for caller in callers.collect::<Vec<_>>() {
            seen.extend(caller.await.expect("the caller ends"));
        }
        assert_eq!(seen.len(), 1, "{guest}: one fuel and one answer, in every shard and on every thread: {seen:?}");
    }
}
