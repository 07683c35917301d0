use std::fs;
use std::path::Path;
use std::sync::Barrier;

use macadam_registry::{IndexError, Published, ReadError, Registry};

use crate::support::{POLICY, Temporary, at, dev_policy, name, named_policy, policy};

#[test]
fn what_is_published_is_listed_found_and_fetched() {
    let there = Temporary::start();
    for (second, version) in [(1, "1.0.0"), (2, "1.1.0"), (3, "1.0.1")] {
        let published = there.registry.publish(&policy(version, version), at(second)).unwrap();
        assert_eq!(published, Published::New);
    }
    there.registry.publish(&named_policy("acme/rule", "0.1.0", ""), at(4)).unwrap();

    let again = Registry::open(there.directory.path()).unwrap();
    let listed: Vec<_> = again.list().unwrap().iter().map(|releases| releases.plugin().to_string()).collect();
    assert_eq!(listed, ["acme/rule", POLICY], "plugins are listed in the order of their names");
    let versions: Vec<_> = again.versions(&name()).unwrap().iter().map(|release| release.version.to_string()).collect();
    assert_eq!(versions, ["1.0.0", "1.0.1", "1.1.0"], "releases are listed oldest version first");
    let release = &again.versions(&name()).unwrap()[2];
    assert_eq!((release.published, release.yanked, release.summary.as_str()), (at(2), false, "A plugin to test with."));
    assert_eq!(there.resolved(POLICY), format!("{POLICY}@1.1.0"));
    assert_eq!(again.fetch(&name(), &"1.1.0".parse().unwrap()).unwrap(), policy("1.1.0", "1.1.0"));
    assert!(there.path("packages/macadam/approval-policy-1.1.0.tar.gz").is_file());
}

#[test]
fn a_published_version_never_changes() {
    let there = Temporary::start();
    there.registry.publish(&policy("1.0.0", "one"), at(1)).unwrap();
    let again = there.registry.publish(&policy("1.0.0", "one"), at(2)).unwrap();
    assert_eq!(again, Published::Already, "the same bytes again are a success");
    let refused = there.registry.publish(&policy("1.0.0", "two"), at(3)).unwrap_err();
    assert!(matches!(refused, IndexError::VersionTaken { .. }), "{refused}");
    let there_still = there.registry.fetch(&name(), &"1.0.0".parse().unwrap()).unwrap();
    assert_eq!(there_still.readme(), "one", "a refused publication must change nothing");
    assert_eq!(there.registry.versions(&name()).unwrap()[0].published, at(1), "nor the time of the first");
    there.registry.yank(&name(), &"1.0.0".parse().unwrap()).unwrap();
    let refused = there.registry.publish(&policy("1.0.0", "two"), at(4)).unwrap_err();
    assert!(matches!(refused, IndexError::VersionTaken { .. }), "a yanked version is taken all the same: {refused}");
}

#[test]
fn of_racing_publishers_exactly_one_wins() {
    for _ in 0..5 {
        let there = Temporary::start();
        let packages: Vec<_> = (0..8).map(|number| policy("1.0.0", &number.to_string())).collect();
        let barrier = Barrier::new(packages.len());
        let results: Vec<_> = std::thread::scope(|scope| {
            let publishers: Vec<_> = packages
                .iter()
                .map(|package| {
                    scope.spawn(|| {
                        let registry = Registry::open(there.directory.path()).unwrap();
                        barrier.wait();
                        registry.publish(package, at(1))
                    })
                })
                .collect();
            publishers.into_iter().map(|publisher| publisher.join().unwrap()).collect()
        });
        let winners: Vec<_> = (0..8).filter(|number| results[*number].is_ok()).collect();
        assert_eq!(winners.len(), 1, "one publisher wins: {results:?}");
        let losers = results.iter().filter(|result| matches!(result, Err(IndexError::VersionTaken { .. }))).count();
        assert_eq!(losers, 7, "the others are told that the version is taken: {results:?}");
        let fetched = there.registry.fetch(&name(), &"1.0.0".parse().unwrap()).unwrap();
        assert_eq!(fetched, packages[winners[0]], "what is there is what the winner published");
    }
}

#[test]
fn no_publication_of_many_versions_at_once_is_lost() {
    let there = Temporary::start();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let registry = &there.registry;
            scope.spawn(move || registry.publish(&policy(&format!("1.0.{number}"), ""), at(1)).unwrap());
        }
    });
    assert_eq!(there.registry.versions(&name()).unwrap().len(), 8, "each publisher's release is in the index");
}

#[test]
fn a_crash_between_archive_and_index_leaves_nothing_that_anybody_sees() {
    let there = Temporary::start();
    fs::create_dir_all(there.path("packages/macadam")).unwrap();
    fs::create_dir_all(there.path("index/macadam")).unwrap();
    fs::write(there.path("packages/macadam/approval-policy-1.0.0.tar.gz"), "half an archive").unwrap();
    fs::write(there.path("packages/macadam/.tmp-x"), "half an archive").unwrap();
    fs::write(there.path("index/macadam/.tmp-y"), "half an index").unwrap();
    assert!(there.registry.list().unwrap().is_empty(), "what no index names does not exist");
    let published = there.registry.publish(&policy("1.0.0", ""), at(1)).unwrap();
    assert_eq!(published, Published::New, "the next publisher replaces what the crash left");
    assert!(there.registry.fetch(&name(), &"1.0.0".parse().unwrap()).is_ok());
}

#[test]
fn an_archive_that_was_changed_or_lost_is_refused_and_can_be_put_back() {
    let there = Temporary::start();
    let (one, other) = (policy("1.0.0", "one"), policy("1.0.0", "other"));
    there.registry.publish(&one, at(1)).unwrap();
    let archive = there.path("packages/macadam/approval-policy-1.0.0.tar.gz");

    fs::write(&archive, other.archive()).unwrap();
    let refused = there.registry.fetch(&name(), &"1.0.0".parse().unwrap()).unwrap_err();
    let IndexError::Package { source, .. } = &refused else { panic!("another reason: {refused}") };
    assert!(matches!(**source, ReadError::WrongDigest { .. }), "a good package in another's place: {source}");

    fs::remove_file(&archive).unwrap();
    let refused = there.registry.fetch(&name(), &"1.0.0".parse().unwrap()).unwrap_err();
    assert!(matches!(refused, IndexError::ArchiveGone { .. }), "{refused}");

    assert_eq!(there.registry.publish(&one, at(2)).unwrap(), Published::Already);
    assert_eq!(there.registry.fetch(&name(), &"1.0.0".parse().unwrap()).unwrap(), one);
}

#[test]
fn a_yanked_version_is_passed_over_unless_it_is_named() {
    let there = Temporary::start();
    let newest = "1.1.0".parse().unwrap();
    for version in ["1.0.0", "1.1.0"] {
        there.registry.publish(&policy(version, ""), at(1)).unwrap();
    }
    there.registry.yank(&name(), &newest).unwrap();
    assert_eq!(there.resolved(&format!("{POLICY}@^1")), format!("{POLICY}@1.0.0"));
    assert_eq!(there.resolved(&format!("{POLICY}@1.1.0")), format!("{POLICY}@1.1.0"));
    assert!(there.registry.fetch(&name(), &newest).is_ok(), "who pinned it can still have it");
    there.registry.unyank(&name(), &newest).unwrap();
    assert_eq!(there.resolved(POLICY), format!("{POLICY}@1.1.0"));
}

#[test]
fn the_dev_version_is_the_one_that_was_published_last() {
    let there = Temporary::start();
    let (one, two) = (dev_policy("1.0.0", "one"), dev_policy("1.0.0", "two"));
    let resolved = || there.resolved(&format!("{POLICY}@dev"));
    there.registry.publish(&one, at(1)).unwrap();
    there.registry.publish(&two, at(2)).unwrap();
    assert_eq!(resolved(), two.reference().to_string());
    // Someone undid a change and built again: the bytes are those of before, and they are the most recent ones.
    there.registry.publish(&one, at(3)).unwrap();
    assert_eq!(resolved(), one.reference().to_string());
    let refused = there.registry.resolve(&POLICY.parse().unwrap()).unwrap_err();
    assert!(refused.to_string().contains("@dev"), "who asks for the latest is told how to get it: {refused}");
}

#[test]
fn what_is_not_there_is_refused_with_what_is() {
    let there = Temporary::start();
    let refused = there.registry.versions(&name()).unwrap_err();
    assert!(refused.to_string().contains("none yet"), "an empty registry says so: {refused}");
    there.registry.publish(&policy("1.0.0", ""), at(1)).unwrap();
    let refused = there.registry.resolve(&"macadam/aproval-policy".parse().unwrap()).unwrap_err();
    assert!(matches!(&refused, IndexError::UnknownPlugin { nearest: Some(near), .. } if near == POLICY), "{refused}");
    for refused in [
        there.registry.resolve(&format!("{POLICY}@^2").parse().unwrap()).unwrap_err(),
        there.registry.fetch(&name(), &"2.0.0".parse().unwrap()).unwrap_err(),
        there.registry.yank(&name(), &"2.0.0".parse().unwrap()).unwrap_err(),
    ] {
        assert!(matches!(refused, IndexError::NoSuchVersion { .. }), "{refused}");
        assert!(refused.to_string().contains("1.0.0"), "the message says what there is: {refused}");
    }
    assert!(there.registry.yank(&"acme/none".parse().unwrap(), &"1.0.0".parse().unwrap()).is_err());
    assert!(!there.path("index/acme").exists(), "asking for what is not there must leave nothing behind");
}

#[test]
fn a_damaged_index_is_named_and_not_taken_for_an_empty_one() {
    let there = Temporary::start();
    there.registry.publish(&policy("1.0.0", ""), at(1)).unwrap();
    let index = there.path("index/macadam/approval-policy.json");
    let good = fs::read_to_string(&index).unwrap();
    for bad in ["", "{", "[]", &good.replace(POLICY, "macadam/other"), &good.replace("sha256:", "md5:")] {
        fs::write(&index, bad).unwrap();
        let refused = there.registry.publish(&policy("1.0.0", "other"), at(2)).unwrap_err();
        assert!(matches!(refused, IndexError::Corrupt { .. }), "{refused}");
        assert!(refused.to_string().contains("approval-policy.json"), "the message names the file: {refused}");
    }
}

#[cfg(unix)]
#[test]
fn what_one_user_publishes_another_can_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let there = Temporary::start();
    there.registry.publish(&policy("1.0.0", ""), at(1)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let plain = there.path("plain");
    fs::write(&plain, "").unwrap();
    for file in ["packages/macadam/approval-policy-1.0.0.tar.gz", "index/macadam/approval-policy.json"] {
        assert_eq!(mode(&there.path(file)), mode(&plain), "{file} has the rights of any file that is written here");
    }
}
