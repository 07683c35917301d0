//! Guests that never end, or end badly.

use macadam_core::limits::Limits;
use macadam_runtime::CallFailure;
use macadam_tests::sandbox::TestSandbox;
use serde_json::json;

/// A budget that a loop burns in well under a second.
const SOME_FUEL: Limits = Limits { fuel: 50_000_000, deadline_ms: 30_000, ..Limits::DEFAULT };

/// More fuel than a loop burns before its time is up.
const SOME_TIME: Limits = Limits { fuel: Limits::CAP.fuel, deadline_ms: 100, ..Limits::DEFAULT };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_ends_when_its_fuel_is_burned() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-policy", SOME_FUEL).await;
    let (error, usage) = policy.misbehave(json!({"act": "loop"})).await;
    assert!(matches!(error.failure(), CallFailure::OutOfFuel { budget: 50_000_000 }), "it ended as: {error}");
    assert_eq!(usage.fuel, 50_000_000, "the report says that all of it was burned");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_with_much_fuel_ends_at_its_deadline() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-policy", SOME_TIME).await;
    let (error, usage) = policy.misbehave(json!({"act": "loop"})).await;
    assert!(matches!(error.failure(), CallFailure::DeadlineExceeded { .. }), "it ended as: {error}");
    assert!(usage.fuel > 0 && usage.fuel < Limits::CAP.fuel, "it ended by the clock and not by fuel: {usage:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_of_host_calls_ends_and_floods_no_log() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-policy", SOME_FUEL).await;
    let (error, usage) = policy.misbehave(json!({"act": "log-loop"})).await;
    assert!(matches!(error.failure(), CallFailure::OutOfFuel { .. }), "it ended as: {error}");
    assert_eq!(usage.log_lines, SOME_FUEL.log_lines, "only the lines it may write are kept");
    assert!(usage.log_dropped > 0, "the others are counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_log_lines_is_dropped_and_counted_and_the_answer_still_given() {
    let sandbox = TestSandbox::start();
    let limits = Limits { fuel: Limits::CAP.fuel, deadline_ms: 30_000, ..Limits::DEFAULT };
    let policy = sandbox.policy("hostile-policy", limits).await;
    let call = policy.decide(&macadam_tests::sandbox::a_request(), &json!({"act": "log-flood"})).await;
    assert!(call.outcome.is_ok(), "a chatty policy is no broken one: {:?}", call.outcome);
    assert_eq!(call.usage.log_lines, limits.log_lines);
    assert_eq!(call.usage.log_dropped, 1_000_000 - limits.log_lines);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_recursion_ends_as_a_stack_overflow_with_its_backtrace() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-policy", Limits { fuel: Limits::CAP.fuel, ..SOME_FUEL }).await;
    let (error, _) = policy.misbehave(json!({"act": "recurse"})).await;
    let CallFailure::Trap { code, backtrace } = error.failure() else { panic!("it ended as: {error}") };
    // A guest's own stack may run into memory that is not its before the engine's limit is reached.
    assert!(code.is_stack_overflow() || code.to_string().contains("memory"), "it ended as: {error}");
    assert!(!backtrace.0.is_empty() && backtrace.0.len() <= 12, "the backtrace is there and bounded: {backtrace:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_names_the_rule_and_the_functions_it_went_through() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-policy", Limits::DEFAULT).await;
    let (error, _) = policy.misbehave(json!({"act": "trap"})).await;
    let CallFailure::Trap { code, backtrace } = error.failure() else { panic!("it ended as: {error}") };
    assert!(code.is_unreachable(), "it ended as: {error}");
    assert!(backtrace.0.iter().any(|name| name.contains("evaluate")), "the functions are named: {backtrace:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_shows_no_secret_of_its_message() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-policy", Limits::DEFAULT).await;
    let (error, usage) = policy.misbehave(json!({"act": "panic-secret"})).await;
    assert!(matches!(error.failure(), CallFailure::Trap { .. }), "it ended as: {error}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2"), "the message must not reach the host: {shown}");
    assert_eq!(usage.log_lines, 0, "nor its log");
}
