use super::*;
use macadam_sdk::testing::{GivenContext, context, evaluate, validate_settings};
use proptest::prelude::*;

const SETTINGS: &str = r#"{"threshold": "100.00", "groups": ["finance"], "count": 2}"#;

fn verdict(context: &GivenContext, settings: &str) -> Verdict {
    evaluate::<CostThreshold>(context, settings).unwrap()
}

fn reason(verdict: Verdict) -> String {
    match verdict {
        Verdict::RequireApproval(approval) => approval.reason,
        other => panic!("{other:?} is no approval"),
    }
}

#[test]
fn above_the_threshold_the_configured_people_decide() {
    match verdict(&context().monthly("100.01").build(), SETTINGS) {
        Verdict::RequireApproval(approval) => {
            assert_eq!((approval.groups.as_slice(), approval.count), (["finance".to_owned()].as_slice(), 2));
            assert!(approval.reason.contains("100.01") && approval.reason.contains("100.00"), "{}", approval.reason);
        }
        other => panic!("{other:?} must be an approval"),
    }
}

#[test]
fn at_the_threshold_and_below_nobody_is_asked() {
    for monthly in ["100", "100.0000", "99.99", "0"] {
        assert_eq!(verdict(&context().monthly(monthly).build(), SETTINGS), Verdict::Allow, "{monthly} is not above");
    }
}

#[test]
fn a_cost_that_is_not_known_goes_the_way_of_the_settings() {
    for unknown in
        [context().build(), context().cost("1", "EUR", false).build(), context().cost("1", "USD", true).build()]
    {
        assert!(matches!(verdict(&unknown, SETTINGS), Verdict::RequireApproval(_)), "people decide by default");
        let deny = r#"{"threshold": "100", "when-unknown": "deny"}"#;
        match verdict(&unknown, deny) {
            Verdict::Deny(violations) => assert_eq!(violations[0].code.as_deref(), Some("cost-unknown")),
            other => panic!("{other:?} must deny"),
        }
        assert_eq!(verdict(&unknown, r#"{"threshold": "100", "when-unknown": "allow"}"#), Verdict::Allow);
    }
}

#[test]
fn a_lower_bound_above_the_threshold_is_above_whatever_the_rest_costs() {
    let allow_unknown = r#"{"threshold": "100", "when-unknown": "allow"}"#;
    let above = verdict(&context().cost("101", "USD", true).build(), allow_unknown);
    assert!(reason(above).starts_with("at least 101"), "the reason says that it is a lower bound");
}

#[test]
fn a_delete_is_always_allowed() {
    let delete = context().action(Action::Delete);
    assert_eq!(verdict(&delete.clone().monthly("9999").build(), SETTINGS), Verdict::Allow);
    assert_eq!(verdict(&delete.build(), r#"{"threshold": "1", "when-unknown": "deny"}"#), Verdict::Allow);
}

#[test]
fn the_manifests_settings_and_the_schemas_defaults_are_valid() {
    assert_eq!(validate_settings::<CostThreshold>(r#"{"threshold": "500"}"#), Ok(()));
    let manifest =
        r#"{"threshold": "500", "currency": "USD", "groups": [], "count": 1, "when-unknown": "require-approval"}"#;
    assert_eq!(validate_settings::<CostThreshold>(manifest), Ok(()));
}

#[test]
fn every_mistake_in_the_settings_is_named_at_once() {
    let bad =
        r#"{"threshold": 5, "currency": "usd", "groups": ["Finance"], "count": 0, "when-unknown": "ask", "limit": 1}"#;
    let violations = validate_settings::<CostThreshold>(bad).unwrap_err();
    let mut paths: Vec<_> = violations.into_iter().map(|violation| violation.path).collect();
    paths.sort();
    assert_eq!(paths, ["/count", "/currency", "/groups/0", "/limit", "/threshold", "/when-unknown"]);
}

#[test]
fn settings_that_cannot_be_read_are_an_invalid_input_and_not_a_verdict() {
    match evaluate::<CostThreshold>(&context().build(), r#"{"threshold": "many"}"#) {
        Err(Error::Invalid(violations)) => assert_eq!(violations[0].path, "/settings/threshold"),
        other => panic!("{other:?} must be invalid"),
    }
}

proptest! {
    #[test]
    fn the_comparison_is_exact_for_any_two_decimals(cost in 0_u64..1_000_000_000, threshold in 0_u64..1_000_000_000, scale in 0_u32..8) {
        let text = |n: u64| Decimal::new(n as i64, scale).to_string();
        let settings = format!(r#"{{"threshold": "{}"}}"#, text(threshold));
        let asked = matches!(verdict(&context().monthly(&text(cost)).build(), &settings), Verdict::RequireApproval(_));
        prop_assert_eq!(asked, cost > threshold);
    }

    #[test]
    fn a_higher_cost_is_never_treated_more_gently(cost in 0_u32..2000, more in 0_u32..2000) {
        let asks = |monthly: u32| verdict(&context().monthly(&monthly.to_string()).build(), SETTINGS) != Verdict::Allow;
        prop_assert!(!asks(cost) || asks(cost + more));
    }
}
