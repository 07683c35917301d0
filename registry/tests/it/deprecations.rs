//! What is said of versions that should not be used any more: kept, shown, undone, and never in anybody's way.

use std::fs;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use macadam_registry::index::Outcome;
use macadam_registry::{IndexError, Notice, Published, Registry, Scope};

use crate::support::{POLICY, Temporary, at, name, named_policy, policy};

const INDEX: &str = "index/macadam/approval-policy.json";

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

fn notice(message: &str) -> Notice {
    Notice::new(message, None).unwrap()
}

impl Temporary {
    fn holding(versions: &[&str]) -> Self {
        let there = Self::start();
        for version in versions {
            there.registry.publish(&policy(version, ""), at(1)).unwrap();
        }
        there
    }

    fn deprecate(&self, text: &str, message: &str) -> bool {
        self.registry.deprecate(&scope(text), &notice(message), at(5)).unwrap()
    }

    /// What holds for each version, oldest first; a dash where nothing does.
    fn said(&self) -> Vec<String> {
        let releases = self.registry.releases(&name()).unwrap();
        let said = |release| releases.deprecation(release).map_or_else(|| "-".to_owned(), ToString::to_string);
        releases.as_slice().iter().map(said).collect()
    }
}

#[test]
fn a_deprecated_version_is_said_to_be_and_found_and_had_as_before() {
    let there = Temporary::holding(&["1.0.0", "1.1.0"]);
    let said = Notice::new("rounds wrongly", Some(&format!("{POLICY}@1.0.0"))).unwrap();
    assert!(there.registry.deprecate(&scope(&format!("{POLICY}@1.1.0")), &said, at(5)).unwrap());
    assert_eq!(there.said(), ["-".to_owned(), format!("rounds wrongly (use {POLICY}@1.0.0 instead)")]);
    assert_eq!(there.resolved(&format!("{POLICY}@^1")), format!("{POLICY}@1.1.0"), "ranges find what they found");
    assert_eq!(there.resolved(POLICY), format!("{POLICY}@1.1.0"));
    assert!(there.registry.fetch(&name(), &"1.1.0".parse().unwrap()).is_ok());
    let again = Registry::open(there.directory.path()).unwrap();
    let kept = again.versions(&name()).unwrap().pop().unwrap().deprecated.unwrap();
    assert_eq!((kept.notice, kept.since), (said, at(5)), "it is kept");
}

#[test]
fn a_deprecated_plugin_is_so_in_every_version_also_in_those_to_come() {
    let there = Temporary::holding(&["1.0.0", "1.1.0"]);
    assert!(there.deprecate(POLICY, "gone in spring"));
    assert!(there.deprecate(&format!("{POLICY}@1.0.0"), "leaks"));
    there.registry.publish(&policy("2.0.0", ""), at(6)).unwrap();
    assert_eq!(there.said(), ["leaks", "gone in spring", "gone in spring"], "a version's own word goes first");
    assert!(there.registry.undeprecate(&scope(&format!("{POLICY}@1.0.0"))).unwrap());
    assert_eq!(there.said(), ["gone in spring"; 3], "it is still deprecated with its plugin");
    assert!(there.registry.undeprecate(&scope(POLICY)).unwrap());
    assert_eq!(there.said(), ["-"; 3]);
}

#[test]
fn what_is_said_twice_is_said_once_and_a_new_notice_takes_the_place_of_the_old() {
    let there = Temporary::holding(&["1.0.0"]);
    let version = format!("{POLICY}@1.0.0");
    assert_eq!(there.said(), ["-"], "asking whether changes nothing");
    assert!(there.deprecate(&version, "old"));
    assert!(!there.registry.deprecate(&scope(&version), &notice("old"), at(9)).unwrap());
    let since = there.registry.said_of(&scope(&version)).unwrap().unwrap().since;
    assert_eq!(since, at(5), "it has been deprecated since it was first");
    assert!(there.deprecate(&version, "older"));
    assert_eq!(there.said(), ["older"]);
    assert!(there.registry.undeprecate(&scope(&version)).unwrap());
    assert!(!there.registry.undeprecate(&scope(&version)).unwrap(), "there is nothing more to undo");
}

#[test]
fn a_successor_must_be_there_and_be_another_one() {
    let there = Temporary::holding(&["1.0.0", "2.0.0"]);
    there.registry.publish(&named_policy("macadam/other", "1.0.0", ""), at(1)).unwrap();
    let version = format!("{POLICY}@1.0.0");
    let deprecate = |of: &str, successor: &str| {
        let notice = Notice::new("old", Some(successor)).unwrap();
        there.registry.deprecate(&scope(of), &notice, at(5))
    };
    for (of, successor, why) in [
        (version.as_str(), version.as_str(), "itself deprecated"),
        (POLICY, POLICY, "itself deprecated"),
        (POLICY, &format!("{POLICY}@2.0.0"), "itself deprecated"),
        (&version, "macadam/none", "not in this registry"),
        (&version, "macadam/other@9.0.0", "not in this registry"),
    ] {
        let refused = deprecate(of, successor).unwrap_err();
        assert!(matches!(&refused, IndexError::Notice(error) if error.field() == "successor"), "{refused}");
        assert!(refused.to_string().contains(why), "{of} with {successor}: {refused}");
    }
    assert_eq!(there.said(), ["-"; 2], "what is refused changes nothing");
    for successor in [POLICY, &format!("{POLICY}@2.0.0"), "macadam/other", "macadam/other@1.0.0"] {
        assert!(deprecate(&version, successor).unwrap(), "{successor} can follow {version}");
    }
}

#[test]
fn what_is_not_there_cannot_be_deprecated_and_leaves_nothing_behind() {
    let there = Temporary::holding(&["1.0.0"]);
    let missing = scope(&format!("{POLICY}@9.0.0"));
    for refused in [
        there.registry.deprecate(&missing, &notice("old"), at(5)).unwrap_err(),
        there.registry.undeprecate(&missing).unwrap_err(),
    ] {
        assert!(matches!(refused, IndexError::NoSuchVersion { .. }), "{refused}");
        assert!(refused.to_string().contains("1.0.0"), "the message says what there is: {refused}");
    }
    let refused = there.registry.deprecate(&scope("acme/none"), &notice("old"), at(5)).unwrap_err();
    assert!(matches!(refused, IndexError::UnknownPlugin { .. }), "{refused}");
    assert!(!there.path("index/acme").exists());
}

#[test]
fn an_index_of_before_there_were_deprecations_reads_and_stays_as_it_was() {
    let there = Temporary::holding(&["1.0.0"]);
    let text = fs::read_to_string(there.path(INDEX)).unwrap();
    assert!(!text.contains("deprecated"), "what is not deprecated is written as ever: {text}");
    let old = serde_json::json!({"plugin": POLICY, "releases": [{
        "version": "1.0.0", "digest": policy("1.0.0", "").digest(), "kind": "approval-policy", "contract": "0.1.0",
        "summary": "A plugin to test with.", "published": "1970-01-01T00:00:01Z",
    }]});
    fs::write(there.path(INDEX), old.to_string()).unwrap();
    assert_eq!(there.said(), ["-"]);
    assert!(there.deprecate(&format!("{POLICY}@1.0.0"), "old"));
    assert_eq!(there.said(), ["old"]);
}

#[test]
fn yanking_publishing_again_checking_and_repairing_keep_a_deprecation() {
    let there = Temporary::holding(&["1.0.0", "1.1.0"]);
    assert!(there.deprecate(&format!("{POLICY}@1.0.0"), "leaks") && there.deprecate(POLICY, "gone in spring"));
    let version = "1.0.0".parse().unwrap();
    there.registry.yank(&name(), &version).unwrap();
    there.registry.unyank(&name(), &version).unwrap();
    assert_eq!(there.registry.publish(&policy("1.0.0", ""), at(9)).unwrap(), Published::Already);
    let later = Timestamp::try_from(SystemTime::now() + Duration::from_secs(7200)).unwrap();
    assert_eq!(there.registry.check(later).unwrap(), []);
    assert_eq!(there.registry.repair(later).unwrap(), []);
    assert_eq!(there.said(), ["leaks", "gone in spring"]);

    // One field of one release is damaged: the index cannot be used, and what it says of deprecations can be read.
    let text = fs::read_to_string(there.path(INDEX)).unwrap();
    fs::write(there.path(INDEX), text.replacen("approval-policy\",\n      \"contract", "poem\",\n      \"contract", 1))
        .unwrap();
    assert!(matches!(there.registry.versions(&name()), Err(IndexError::Corrupt { .. })), "the index is damaged");
    let outcomes: Vec<_> = there.registry.repair(later).unwrap().into_iter().map(|repair| repair.outcome).collect();
    assert_eq!(outcomes, [Outcome::Rebuilt { releases: 2 }]);
    assert_eq!(there.said(), ["leaks", "gone in spring"], "a repair keeps what it can read");
}
