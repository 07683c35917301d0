use super::*;
use macadam_sdk::Action;
use macadam_sdk::testing::{ContextBuilder, context, evaluate, validate_settings};
use proptest::prelude::*;

const SETTINGS: &str = r#"{"tags": [
    {"key": "owner", "pattern": "[a-z][a-z0-9-]{2,62}"},
    {"key": "data/class", "allowed": ["public", "internal"]},
    {"key": "ticket", "actions": ["delete"]}
]}"#;

fn violations(context: ContextBuilder) -> Vec<Violation> {
    match evaluate::<RequiredTags>(&context.build(), SETTINGS).unwrap() {
        Verdict::Allow => Vec::new(),
        Verdict::Deny(violations) => violations,
        other => panic!("{other:?} is neither allow nor deny"),
    }
}

fn tagged(owner: &str, class: &str) -> ContextBuilder {
    context().tag("owner", owner).tag("data/class", class)
}

#[test]
fn a_request_with_all_tags_is_allowed() {
    assert_eq!(violations(tagged("payments", "internal")), []);
}

#[test]
fn every_missing_tag_is_named_at_once_with_an_escaped_pointer() {
    let found = violations(context().tag("unrelated", "x"));
    let paths: Vec<_> = found.iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(paths, ["/tags/owner", "/tags/data~1class"]);
    assert!(found.iter().all(|violation| violation.code.as_deref() == Some("tag-missing")), "{found:?}");
    assert!(found[0].message.contains("`owner`") && found[0].message.contains("[a-z]"), "tag and rule are named");
    assert!(found[1].message.contains("public"), "so are the allowed values: {}", found[1].message);
}

#[test]
fn the_whole_value_must_match_the_pattern() {
    for bad in ["", "ab", "Payments", "payments!", "x payments", "payments\n", "ok|no"] {
        let found = violations(tagged(bad, "public"));
        assert_eq!(found.len(), 1, "{bad:?} must be refused");
        assert_eq!(found[0].code.as_deref(), Some("tag-invalid"));
    }
    let either = r#"{"tags": [{"key": "owner", "pattern": "red|blue"}]}"#;
    let verdict = |owner| evaluate::<RequiredTags>(&context().tag("owner", owner).build(), either).unwrap();
    assert_eq!(verdict("blue"), Verdict::Allow);
    assert!(matches!(verdict("redder"), Verdict::Deny(_)), "an alternative must not match a part of the value");
}

#[test]
fn a_tag_is_required_only_for_the_actions_of_its_rule() {
    let delete = violations(context().action(Action::Delete));
    assert_eq!(delete.len(), 1, "a delete needs only what its rules ask for: {delete:?}");
    assert_eq!(delete[0].path, "/tags/ticket");
    assert_eq!(violations(context().action(Action::Scaffold)), []);
}

#[test]
fn a_pattern_that_cannot_be_used_is_refused_when_it_is_set() {
    let bad = r#"{"tags": [{"key": "a", "pattern": "("}, {"key": "a"}, {"key": "b", "pattern": "(a{1000}){1000}"}]}"#;
    let paths: Vec<_> = validate_settings::<RequiredTags>(bad).unwrap_err().into_iter().map(|v| v.path).collect();
    assert_eq!(paths, ["/tags/0/pattern", "/tags/1/key", "/tags/2/pattern"]);
    assert_eq!(validate_settings::<RequiredTags>(SETTINGS), Ok(()));
    assert!(evaluate::<RequiredTags>(&context().tag("a", "x").build(), bad).is_err(), "and never allows anything");
}

proptest! {
    #[test]
    fn a_value_is_allowed_exactly_when_it_fits_the_rule(owner in "[a-zA-Z0-9-]{0,70}") {
        let mut bytes = owner.bytes();
        let fits = (3..=63).contains(&owner.len())
            && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        prop_assert_eq!(violations(tagged(&owner, "public")).is_empty(), fits);
    }

    #[test]
    fn a_pointer_names_the_key_whatever_the_key_is(key in "[a-z/~]{1,12}") {
        let settings = format!(r#"{{"tags": [{{"key": "{key}"}}]}}"#);
        match evaluate::<RequiredTags>(&context().build(), &settings).unwrap() {
            Verdict::Deny(found) => {
                let path = found[0].path.strip_prefix("/tags/").unwrap().replace("~1", "/").replace("~0", "~");
                prop_assert_eq!(path, key);
            }
            other => prop_assert!(false, "{other:?} must deny"),
        }
    }
}
