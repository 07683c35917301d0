//! Bytes that claim to be components.

use macadam_core::kind::PluginKind;
use macadam_core::limits::Limits;
use macadam_runtime::LoadError;
use macadam_tests::components::component;
use macadam_tests::sandbox::TestSandbox;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_and_truncated_binaries_are_refused_by_name() {
    let sandbox = TestSandbox::start();
    let good = component("bench-policy");
    let cuts = (0..good.len()).step_by(good.len() / 40 + 1).map(|end| good[..end].to_vec());
    let flips = (8..good.len()).step_by(good.len() / 40 + 1).map(|at| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        bytes
    });
    for bytes in cuts.chain(flips) {
        match sandbox.load(PluginKind::ApprovalPolicy, "broken", &bytes, Limits::DEFAULT).await {
            // A flipped bit may also land in a name or a constant and leave a valid component.
            Ok(_) | Err(LoadError::Malformed { .. } | LoadError::Contract { .. } | LoadError::TooLarge { .. }) => {}
            Err(other) => panic!("broken bytes must be malformed, not: {other}"),
        }
    }
    let refused = sandbox.load(PluginKind::ApprovalPolicy, "broken", &good[..good.len() / 2], Limits::DEFAULT).await;
    assert!(matches!(refused, Err(LoadError::Malformed { .. })), "half a component is malformed: {refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_starts_with_more_than_it_may_have_is_refused_when_it_is_loaded() {
    let sandbox = TestSandbox::start();
    let greedy = wat::parse_str("(component (core module (memory 60000)))").unwrap();
    let refused = sandbox.load(PluginKind::ApprovalPolicy, "greedy", &greedy, Limits::DEFAULT).await;
    assert!(matches!(refused, Err(LoadError::TooLarge { what: "bytes of memory", .. })), "{refused:?}");
    let greedy = wat::parse_str("(component (core module (table 9000000 funcref)))").unwrap();
    let refused = sandbox.load(PluginKind::ApprovalPolicy, "greedy", &greedy, Limits::DEFAULT).await;
    assert!(matches!(refused, Err(LoadError::TooLarge { what: "table elements", .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_beyond_the_kind_is_refused_when_it_is_loaded() {
    let sandbox = TestSandbox::start();
    let spy = wat::parse_str(
        r#"(component
            (import "macadam:plugin/sql@0.1.0" (instance
                (export "execute" (func (param "connection" string) (param "statement" string) (result u64)))))
        )"#,
    )
    .unwrap();
    let refused = sandbox.load(PluginKind::ApprovalPolicy, "spy", &spy, Limits::DEFAULT).await;
    let Err(LoadError::Contract { reason, .. }) = refused else { panic!("it must be refused: {refused:?}") };
    assert!(reason.contains("sql"), "the reason names the import: {reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_of_another_kind_is_refused_when_it_is_loaded() {
    let sandbox = TestSandbox::start();
    let refused = sandbox.load(PluginKind::Provider, "disguised", &component("bench-policy"), Limits::DEFAULT).await;
    assert!(matches!(refused, Err(LoadError::Contract { .. })), "a policy is no provider: {refused:?}");
}
