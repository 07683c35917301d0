//! What a policy may ask the host for: answered exactly, under the same bounds as everything else, and only in time.

use std::sync::Arc;

use macadam_core::limits::Limits;
use macadam_core::verdict::Verdict;
use macadam_core::violation::Violation;
use macadam_runtime::clients::PolicyInput;
use macadam_runtime::{CallFailure, PluginError};
use macadam_tests::sandbox::{TestSandbox, a_request, context};
use serde_json::json;

const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_can_be_asked_is_answered_as_the_request_has_it() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-asker", Limits::DEFAULT).await;
    let heard = policy.decide(&a_request(), &json!({})).await.outcome.expect("it answers");
    let given = context("production", "120.50");
    let spec = format!("spec {}", given.request.spec.get());
    let expected = [
        "action Action::Create",
        "type postgres-database",
        "name orders",
        "environment env-1 EnvironmentClass::Production Some(\"eu-central-1\")",
        "class EnvironmentClass::Production",
        spec.as_str(),
        "tag owner Some(\"payments\")",
        "tag nobody None",
        "tags [(\"cost-center\", \"cc-1234\"), (\"data-class\", \"internal\"), (\"owner\", \"payments\"), \
         (\"service\", \"orders-api\")]",
        "cost Some((\"USD\", \"120.50\", false))",
        "lines [(\"compute\", Some(\"80.00\")), (\"storage\", Some(\"30.50\")), (\"backup\", Some(\"10.00\"))]",
        "team payments Some(\"cc-1234\") (\"USD\", Some(\"5000\"), \"812.25\", 5, Some(50))",
        "usage postgres-database 3 Some(10)",
        "usage local-directory 2 None",
        "usage No Type! 0 None",
        "actor dana payments [\"developer\"]",
        "now 2026-03-01T09:30:00Z",
    ];
    let Verdict::Warn { warnings } = heard else { panic!("it should have told what it heard, not {heard:?}") };
    assert_eq!(warnings, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_is_told_as_not_known() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-asker", Limits::DEFAULT).await;
    let mut bare = context("development", "1");
    bare.cost = None;
    bare.request.tags.clear();
    let heard = policy.decide(&PolicyInput::new(bare), &json!({})).await.outcome.expect("it answers");
    let Verdict::Warn { warnings } = heard else { panic!("it should have told what it heard, not {heard:?}") };
    for expected in ["cost None", "lines []", "tags []", "tag owner None"] {
        assert!(warnings.iter().any(|heard| heard == expected), "{expected}: {warnings:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_for_ever_ends_by_fuel_or_time_and_keeping_it_all_by_memory() {
    let sandbox = TestSandbox::start();
    for limits in [
        Limits { fuel: 1_000_000, deadline_ms: 30_000, ..Limits::DEFAULT },
        Limits { fuel: Limits::CAP.fuel, deadline_ms: 500, ..Limits::DEFAULT },
    ] {
        let policy = sandbox.policy("hostile-asker", limits).await;
        let (error, usage) = policy.misbehave(json!({"act": "ask-forever"})).await;
        let by_fuel = limits.fuel < Limits::CAP.fuel;
        match error.failure() {
            CallFailure::OutOfFuel { .. } if by_fuel => {}
            CallFailure::DeadlineExceeded { .. } if !by_fuel => {}
            _ => panic!("{limits:?} ended as: {error}"),
        }
        assert!(usage.peak_memory < 4 * MIB, "what is forgotten is used again: {usage:?}");
    }

    let small = Limits { fuel: Limits::CAP.fuel, deadline_ms: 30_000, memory_bytes: 8 * MIB, ..Limits::DEFAULT };
    let policy = sandbox.policy("hostile-asker", small).await;
    let (error, usage) = policy.misbehave(json!({"act": "hoard"})).await;
    assert!(matches!(error.failure(), CallFailure::MemoryLimit { .. }), "it ended as: {error}");
    assert!(usage.peak_memory <= 8 * MIB, "{usage:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_key_is_refused_before_it_is_copied() {
    let sandbox = TestSandbox::start();
    let roomy = Limits { memory_bytes: 64 * MIB, fuel: Limits::CAP.fuel, deadline_ms: 30_000, ..Limits::DEFAULT };
    let policy = sandbox.policy("hostile-asker", roomy).await;
    let (error, _) = policy.misbehave(json!({"act": "huge-key"})).await;
    assert!(matches!(error.failure(), CallFailure::OutputTooLarge { .. }), "it ended as: {error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_when_there_is_no_request_ends_the_call_and_says_so() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-asker", Limits::DEFAULT).await;
    let client = sandbox.sandbox.plugin(policy.client.plugin()).expect("every plugin has it");
    let early: Arc<str> = json!({"act": "early"}).to_string().into();
    let error = client.validate_settings(early).await.outcome.expect_err("there is no request to tell of");
    assert!(matches!(error.failure(), CallFailure::NothingAsked { interface: "request" }), "it ended as: {error}");
    assert!(error.to_string().contains("ask only while evaluating"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_violations_code_is_kept_when_it_is_one_and_makes_the_answer_invalid_when_not() {
    let sandbox = TestSandbox::start();
    let policy = sandbox.policy("hostile-asker", Limits::DEFAULT).await;
    let longest = "a".repeat(64);
    for code in ["tag-missing", "quota/resources", longest.as_str()] {
        let said =
            policy.decide(&a_request(), &json!({"act": "code", "code": code})).await.outcome.expect("it answers");
        assert_eq!(said, Verdict::Deny { violations: vec![Violation::new("", "no").with_code(code)] });
        let (error, _) = policy.misbehave(json!({"act": "invalid-code", "code": code})).await;
        let refused = CallFailure::Plugin(PluginError::Invalid(vec![Violation::new("", "no").with_code(code)]));
        assert_eq!(error.failure().to_string(), refused.to_string());
    }
    let too_long = "a".repeat(65);
    for code in ["", "Tag-Missing", "tag missing", "tag\n", "<script>", too_long.as_str()] {
        for act in ["code", "invalid-code"] {
            let (error, _) = policy.misbehave(json!({"act": act, "code": code})).await;
            let CallFailure::InvalidOutput { reason } = error.failure() else { panic!("{code:?} ended as: {error}") };
            assert!(reason.contains("no code of a violation"), "{reason}");
        }
    }
}
