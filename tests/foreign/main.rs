//! Components of other toolchains decide like the Rust one, in a world in which nothing changes between calls.
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

use macadam_core::limits::Limits;
use macadam_core::verdict::Verdict;
use macadam_runtime::clients::PolicyInput;
use macadam_runtime::engine::Profile;
use macadam_tests::sandbox::{Policy, TestSandbox, context};
use serde_json::{Value, json};

const FOREIGN: [&str; 4] = ["foreign-js", "foreign-js-stubbed", "foreign-python", "foreign-python-stubbed"];

/// What a language that brings its runtime along may use.
const ROOMY: Limits =
    Limits { fuel: Limits::CAP.fuel, deadline_ms: 30_000, memory_bytes: 256 * 1024 * 1024, ..Limits::DEFAULT };

async fn verdict(policy: &Policy, class: &str, monthly: &str, settings: &Value) -> Verdict {
    let call = policy.decide(&PolicyInput::new(context(class, monthly)), settings).await;
    call.outcome.unwrap_or_else(|error| panic!("{} answers: {error}", policy.client.plugin().identity()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript_and_python_with_and_without_wasi_decide_like_rust() {
    let sandbox = TestSandbox::start();
    let rust = sandbox.policy("bench-policy", Limits::DEFAULT).await;
    for name in FOREIGN {
        let foreign = sandbox.policy(name, ROOMY).await;
        assert_eq!(foreign.client.plugin().profile(), Profile::Roomy, "{name} brings a runtime");
        for (class, monthly) in
            [("development", "12.50"), ("development", "501"), ("production", "1"), ("staging", "500")]
        {
            for tags in [json!({}), json!({"tags": ["owner", "service", "cost-center", "not-there"]})] {
                let expected = verdict(&rust, class, monthly, &tags).await;
                let given = verdict(&foreign, class, monthly, &tags).await;
                assert_eq!(given, expected, "{name} on {class} at {monthly} with {tags}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_and_chance_are_the_same_in_every_call() {
    let sandbox = TestSandbox::start();
    for name in ["foreign-js", "foreign-python"] {
        let foreign = sandbox.policy(name, ROOMY).await;
        for tell in ["time", "random"] {
            let settings = json!({"tell": tell});
            let first = verdict(&foreign, "development", "1", &settings).await;
            let second = verdict(&foreign, "development", "1", &settings).await;
            assert_eq!(first, second, "{name}: {tell} must not differ between calls");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_sleeps_for_an_hour_waits_for_nobody() {
    let sandbox = TestSandbox::start();
    let foreign = sandbox.policy("foreign-python", Limits { deadline_ms: 20_000, ..ROOMY }).await;
    let given = verdict(&foreign, "development", "1", &json!({"tell": "sleep"})).await;
    assert_eq!(given, Verdict::Allow, "the hour passes on the virtual clock only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_decisions_of_foreign_guests_burn_equal_fuel() {
    let sandbox = TestSandbox::start();
    for name in FOREIGN {
        let foreign = sandbox.policy(name, ROOMY).await;
        let input = PolicyInput::new(context("development", "12.50"));
        let first = foreign.decide(&input, &json!({})).await.usage.fuel;
        let second = foreign.decide(&input, &json!({})).await.usage.fuel;
        assert_eq!(first, second, "{name} must be deterministic");
    }
}
