//! Guests whose answer is the attack.

use macadam_core::limits::Limits;
use macadam_runtime::CallFailure;
use macadam_tests::sandbox::TestSandbox;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_answer_is_refused_before_it_is_copied() {
    let sandbox = TestSandbox::start();
    let limits =
        Limits { memory_bytes: 256 * 1024 * 1024, fuel: Limits::CAP.fuel, deadline_ms: 30_000, ..Limits::DEFAULT };
    let policy = sandbox.policy("hostile-policy", limits).await;
    let (error, usage) = policy.misbehave(json!({"act": "huge-output"})).await;
    assert!(matches!(error.failure(), CallFailure::OutputTooLarge { .. }), "it ended as: {error}");
    assert_eq!(usage.output_bytes, 0, "nothing of it was taken");
    assert!(usage.peak_memory > 100_000_000, "it did make an answer of 100 MB: {usage:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_no_text_lies_outside_of_memory_or_does_not_exist_is_invalid_and_not_too_large() {
    let sandbox = TestSandbox::start();
    for (guest, act) in [("hostile-policy", "invalid-output"), ("hostile-bounds", ""), ("hostile-verdict", "")] {
        let policy = sandbox.policy(guest, Limits::DEFAULT).await;
        let (error, _) = policy.misbehave(json!({"act": act})).await;
        assert!(matches!(error.failure(), CallFailure::InvalidOutput { .. }), "{guest} ended as: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_a_plugin_refuses_what_it_was_asked_does_not_count_as_its_failure() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("cost-threshold", Limits::DEFAULT).await;
    let (error, _) = policy.misbehave(json!({"threshold": "many"})).await;
    assert!(error.failure().is_refusal(), "it ended as: {error}");
    let usage = policy.client.plugin().usage();
    assert_eq!((usage.calls, usage.failures), (1, 0), "a requester's mistake must not look like the plugin's");
    let hostile = sandbox.policy("hostile-policy", Limits::DEFAULT).await;
    hostile.misbehave(json!({"act": "trap"})).await;
    let usage = hostile.client.plugin().usage();
    assert_eq!((usage.calls, usage.failures), (1, 1), "what gives no answer is one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_the_contract_is_invalid() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-policy", Limits::DEFAULT).await;
    let (error, _) = policy.misbehave(json!({"act": "bad-groups"})).await;
    let CallFailure::InvalidOutput { reason } = error.failure() else { panic!("it ended as: {error}") };
    assert!(reason.contains("approval group"), "the reason names what is wrong: {reason}");
}
