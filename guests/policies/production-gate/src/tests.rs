use super::*;
use macadam_sdk::testing::{GivenContext, context, evaluate, validate_settings};
use macadam_sdk::{Action, EnvironmentClass};
use proptest::prelude::*;

const ACTIONS: [Action; 4] = [Action::Create, Action::Update, Action::Delete, Action::Scaffold];
const CLASSES: [EnvironmentClass; 3] =
    [EnvironmentClass::Development, EnvironmentClass::Staging, EnvironmentClass::Production];

fn asks(context: &GivenContext, settings: &str) -> bool {
    evaluate::<ProductionGate>(context, settings).unwrap() != Verdict::Allow
}

#[test]
fn only_making_changing_and_removing_in_production_is_guarded_by_default() {
    for class in CLASSES {
        for action in ACTIONS {
            let guarded = class == EnvironmentClass::Production && action != Action::Scaffold;
            let context = context().environment("any", class).action(action).build();
            assert_eq!(asks(&context, "{}"), guarded, "{action:?} in {class:?}");
        }
    }
}

#[test]
fn the_reason_names_the_environment_and_the_action_and_the_right_people_are_asked() {
    let context = context().production().action(Action::Delete).build();
    match evaluate::<ProductionGate>(&context, r#"{"groups": ["sre"], "count": 2}"#).unwrap() {
        Verdict::RequireApproval(approval) => {
            assert_eq!((approval.groups, approval.count), (vec!["sre".to_owned()], 2));
            assert_eq!(approval.reason, "prod is a production environment, and delete there needs an approval");
        }
        other => panic!("{other:?} must be an approval"),
    }
}

#[test]
fn a_name_evades_nothing() {
    assert!(asks(&context().environment("dev", EnvironmentClass::Production).build(), "{}"));
    assert!(!asks(&context().environment("production", EnvironmentClass::Development).build(), "{}"));
}

#[test]
fn every_mistake_in_the_settings_is_named_at_once() {
    let bad = r#"{"classes": ["prod"], "actions": [], "count": 0}"#;
    let paths: Vec<_> = validate_settings::<ProductionGate>(bad).unwrap_err().into_iter().map(|v| v.path).collect();
    assert_eq!(paths, ["/actions", "/classes/0", "/count"]);
    assert_eq!(validate_settings::<ProductionGate>("{}"), Ok(()));
}

proptest! {
    #[test]
    fn what_is_not_in_the_settings_is_never_guarded(
        class in 0_usize..3, action in 0_usize..4, guarded_class in 0_usize..3, guarded_action in 0_usize..4
    ) {
        let (guarded_class_word, guarded_action_word) =
            (ClassWord::from(CLASSES[guarded_class]), ActionWord::from(ACTIONS[guarded_action]));
        let settings = format!(r#"{{"classes": ["{guarded_class_word}"], "actions": ["{guarded_action_word}"]}}"#);
        let context = context().environment("any", CLASSES[class]).action(ACTIONS[action]).build();
        prop_assert_eq!(asks(&context, &settings), class == guarded_class && action == guarded_action);
    }
}
