use super::*;
use macadam_sdk::testing::{ContextBuilder, context, evaluate, validate_settings};
use proptest::prelude::*;

fn verdict(context: ContextBuilder) -> Verdict {
    evaluate::<TeamQuota>(&context.build(), "{}").unwrap()
}

fn denial(context: ContextBuilder) -> String {
    match verdict(context) {
        Verdict::Deny(violations) => violations.into_iter().map(|v| v.message).collect::<Vec<_>>().join("; "),
        other => panic!("{other:?} must deny"),
    }
}

#[test]
fn a_team_without_limits_is_allowed_everything() {
    assert_eq!(verdict(context().resources(1_000, None).monthly("100000")), Verdict::Allow);
}

#[test]
fn the_request_that_would_go_over_the_quota_is_denied_and_the_limit_named() {
    let message = denial(context().resources(5, Some(5)));
    assert_eq!(message, "team payments would be at 6, over its quota of resources of 5");
    assert!(matches!(verdict(context().resources(4, Some(5))), Verdict::Warn(_)), "the last place is free");
}

#[test]
fn the_quota_of_a_type_counts_only_that_type() {
    let databases = context().type_usage("postgres-database", 2, Some(2));
    assert!(denial(databases.clone()).contains("quota of postgres-database of 2"));
    assert_eq!(verdict(databases.request(|request| request.resource_type("local-directory"))), Verdict::Allow);
    assert_eq!(verdict(context().type_usage("postgres-database", 9, None)), Verdict::Allow);
}

#[test]
fn the_request_that_would_go_over_the_budget_is_denied() {
    let message = denial(context().budget("100.00", "90.50").monthly("9.51"));
    assert!(message.contains("100.01 USD") && message.contains("monthly budget of 100.00 USD"), "{message}");
    assert!(
        matches!(verdict(context().budget("100", "90.5").monthly("9.5")), Verdict::Warn(_)),
        "all of it may be used"
    );
    assert_eq!(verdict(context().budget("100", "10").monthly("9.5")), Verdict::Allow);
}

#[test]
fn a_cost_that_is_not_known_is_said_and_not_taken_for_nothing() {
    for unknown in [context(), context().cost("1", "EUR", false), context().cost("1", "USD", true)] {
        assert!(matches!(verdict(unknown.budget("100", "0")), Verdict::Warn(_)), "the requester must be told");
    }
    assert!(
        denial(context().cost("101", "USD", true).budget("100", "0")).contains("budget"),
        "at least 101 is too much"
    );
}

#[test]
fn all_limits_that_are_broken_are_named_at_once() {
    let over =
        context().resources(5, Some(5)).type_usage("postgres-database", 1, Some(1)).budget("1", "1").monthly("1");
    match verdict(over) {
        Verdict::Deny(violations) => {
            let codes: Vec<_> = violations.iter().map(|violation| violation.code.as_deref().unwrap()).collect();
            assert_eq!(codes, ["quota-of-resources", "quota-of-type", "over-budget"]);
        }
        other => panic!("{other:?} must deny"),
    }
}

#[test]
fn what_makes_no_new_resource_is_never_denied() {
    for action in [Action::Update, Action::Delete, Action::Scaffold] {
        let over = context().action(action).resources(9, Some(1)).budget("1", "5").monthly("5");
        assert_eq!(verdict(over), Verdict::Allow, "{action:?} uses up no quota");
    }
}

#[test]
fn the_share_that_warns_is_a_setting_within_bounds() {
    let half = evaluate::<TeamQuota>(&context().resources(4, Some(10)).build(), r#"{"warn-at-percent": 50}"#).unwrap();
    assert!(matches!(half, Verdict::Warn(_)));
    let bad = validate_settings::<TeamQuota>(r#"{"warn-at-percent": 0, "warn": 1}"#).unwrap_err();
    assert_eq!(bad.len(), 2);
}

proptest! {
    #[test]
    fn a_request_is_denied_exactly_when_the_sum_is_over_the_budget(
        committed in 0_i64..1_000_000, cost in 0_i64..1_000_000, budget in 0_i64..2_000_000
    ) {
        let text = |cents: i64| Decimal::new(cents, 2).to_string();
        let context = context().budget(&text(budget), &text(committed)).monthly(&text(cost));
        prop_assert_eq!(matches!(verdict(context), Verdict::Deny(_)), committed + cost > budget);
    }

    #[test]
    fn who_is_denied_would_have_been_warned_with_one_less(used in 1_u32..100, max in 1_u32..100) {
        if matches!(verdict(context().resources(used, Some(max))), Verdict::Deny(_)) && used == max {
            prop_assert!(matches!(verdict(context().resources(used - 1, Some(max))), Verdict::Warn(_)));
        }
    }
}
