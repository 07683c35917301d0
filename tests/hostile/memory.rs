//! Guests that want more than their share.

use macadam_core::limits::Limits;
use macadam_runtime::CallFailure;
use macadam_tests::sandbox::TestSandbox;
use serde_json::json;

const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_bomb_ends_at_the_memory_limit() {
    let sandbox = TestSandbox::start();
    let limits = Limits { memory_bytes: 8 * MIB, fuel: Limits::CAP.fuel, deadline_ms: 30_000, ..Limits::DEFAULT };
    let policy = sandbox.policy("hostile-policy", limits).await;
    let (error, usage) = policy.misbehave(json!({"act": "memory"})).await;
    assert!(matches!(error.failure(), CallFailure::MemoryLimit { limit } if *limit == 8 * MIB), "it ended as: {error}");
    assert!(usage.peak_memory <= 8 * MIB, "it never had more than it may: {usage:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_of_bulk_copies_pays_fuel_for_every_byte() {
    let sandbox = TestSandbox::start();
    let limits = Limits { fuel: 500_000_000, deadline_ms: 30_000, ..Limits::DEFAULT };
    let policy = sandbox.policy("hostile-policy", limits).await;
    let (error, _) = policy.misbehave(json!({"act": "memory-copy"})).await;
    assert!(matches!(error.failure(), CallFailure::OutOfFuel { .. }), "it ended as: {error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_bomb_ends_at_the_table_limit() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-table", Limits { fuel: Limits::CAP.fuel, ..Limits::DEFAULT }).await;
    let (error, _) = policy.misbehave(json!({})).await;
    assert!(matches!(error.failure(), CallFailure::TableLimit { .. }), "it ended as: {error}");
}
