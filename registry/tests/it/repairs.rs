//! What a disk, a crash or a hand can put out of order, and how much of it a repair mends.

use std::fs;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use macadam_registry::index::{Disagreement, Outcome};
use macadam_registry::signature::Difference;
use macadam_registry::{IndexError, Published, Registry, SigningKey, sign};

use crate::support::{POLICY, Temporary, at, name, policy};

const ARCHIVE: &str = "packages/macadam/approval-policy-1.0.0.tar.gz";
const SIGNATURE: &str = "packages/macadam/approval-policy-1.0.0.dsse.json";
const INDEX: &str = "index/macadam/approval-policy.json";

impl Temporary {
    fn with(versions: &[&str]) -> Self {
        let there = Self::start();
        for version in versions {
            there.registry.publish(&policy(version, ""), at(1)).unwrap();
        }
        there
    }

    /// What a check says, each in one word and with the release.
    fn checked(&self) -> Vec<String> {
        let words = |found: &Disagreement| match found {
            Disagreement::IndexUnreadable { plugin, .. } => format!("unreadable {plugin}"),
            Disagreement::ArchiveGone { plugin } => format!("gone {plugin}"),
            Disagreement::ArchiveDamaged { plugin, .. } => format!("damaged {plugin}"),
            Disagreement::ArchiveUnnamed { plugin, .. } => format!("unnamed {plugin}"),
            Disagreement::SignatureDamaged { plugin, .. } => format!("unsigned {plugin}"),
            Disagreement::SignatureUnnamed { plugin, .. } => format!("unnamed signature {plugin}"),
            Disagreement::Leftover { .. } => "leftover".to_owned(),
            other => other.to_string(),
        };
        self.registry.check(later()).unwrap().iter().map(words).collect()
    }

    fn repaired(&self) -> Vec<Outcome> {
        self.registry.repair(later()).unwrap().into_iter().map(|repair| repair.outcome).collect()
    }
}

/// When whatever a test has written now is old.
fn later() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(2)
}

#[test]
fn a_registry_in_order_has_nothing_to_repair() {
    let there = Temporary::with(&["1.0.0", "1.1.0"]);
    let key = SigningKey::generate().unwrap();
    there.registry.put_signature(&name(), &"1.0.0".parse().unwrap(), &sign(&policy("1.0.0", ""), &key)).unwrap();
    fs::write(there.path("packages/macadam/notes.txt"), "somebody's").unwrap();
    assert_eq!(there.checked(), [""; 0]);
    assert_eq!(there.repaired(), []);
    assert!(
        there.path("packages/macadam/notes.txt").is_file(),
        "what this registry did not write is nobody's business"
    );
}

#[test]
fn a_blob_that_rotted_on_the_disk_is_found_named_refused_and_put_back() {
    let there = Temporary::with(&["1.0.0", "1.1.0"]);
    let mut bytes = fs::read(there.path(ARCHIVE)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(there.path(ARCHIVE), &bytes).unwrap();

    assert_eq!(there.checked(), [format!("damaged {POLICY}@1.0.0")]);
    assert!(matches!(there.repaired()[..], [Outcome::Left { .. }]), "nobody can guess what the bytes were");
    let refused = there.registry.fetch(&name(), &"1.0.0".parse().unwrap()).unwrap_err();
    assert!(matches!(refused, IndexError::Package { .. }), "{refused}");
    assert_eq!(there.registry.publish(&policy("1.0.0", ""), at(2)).unwrap(), Published::Already);
    assert_eq!(there.checked(), [""; 0], "the same package published again puts it back");

    fs::remove_file(there.path(ARCHIVE)).unwrap();
    assert_eq!(there.checked(), [format!("gone {POLICY}@1.0.0")]);
}

#[test]
fn an_archive_that_no_index_names_is_set_aside_and_not_published() {
    let there = Temporary::with(&["1.0.0"]);
    let crashed = policy("2.0.0", "");
    fs::write(there.path("packages/macadam/approval-policy-2.0.0.tar.gz"), crashed.archive()).unwrap();
    fs::write(there.path("packages/macadam/approval-policy-2.0.0.dsse.json"), "{}").unwrap();
    assert_eq!(there.checked(), [format!("unnamed signature {POLICY}@2.0.0"), format!("unnamed {POLICY}@2.0.0")]);

    let outcomes = there.repaired();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::SetAside { .. })), "{outcomes:?}");
    assert_eq!(there.checked(), [""; 0]);
    assert_eq!(there.resolved(POLICY), format!("{POLICY}@1.0.0"), "a repair publishes nothing");
    let found = outcomes.iter().any(|outcome| match outcome {
        Outcome::SetAside { path } => fs::read(path).unwrap() == crashed.archive()[..],
        _ => false,
    });
    assert!(found, "what was set aside is there to be looked at: {outcomes:?}");
}

#[test]
fn what_a_cut_upload_left_is_removed_once_it_is_old() {
    let there = Temporary::with(&["1.0.0"]);
    let left =
        ["packages/macadam/.tmp-abc", "packages/macadam/approval-policy-2.0.0.tar.gz.part", "index/macadam/.tmp-d"];
    for path in left {
        fs::write(there.path(path), "half an upload").unwrap();
    }
    assert!(there.registry.check(Timestamp::now()).unwrap().is_empty(), "an upload that goes on is left alone");
    assert_eq!(there.checked(), ["leftover"; 3]);
    assert_eq!(there.repaired(), [Outcome::Removed, Outcome::Removed, Outcome::Removed]);
    assert!(left.iter().all(|path| !there.path(path).exists()));
    assert!(there.registry.fetch(&name(), &"1.0.0".parse().unwrap()).is_ok());
}

#[test]
fn an_unreadable_index_is_made_again_from_the_archives_with_every_release_yanked() {
    let there = Temporary::with(&["1.0.0", "1.10.0", "1.9.0"]);
    there.registry.yank(&name(), &"1.9.0".parse().unwrap()).unwrap();
    let good = there.registry.versions(&name()).unwrap();
    fs::write(there.path("packages/macadam/approval-policy-3.0.0.tar.gz"), "not an archive").unwrap();
    fs::write(there.path(INDEX), "{\"plugin\": ").unwrap();
    assert_eq!(there.checked(), [format!("unreadable {POLICY}")], "its archives are not taken for nobody's");

    assert_eq!(there.repaired(), [Outcome::Rebuilt { releases: 3 }]);
    let rebuilt = there.registry.versions(&name()).unwrap();
    let digests = |releases: &[macadam_registry::Release]| releases.iter().map(|r| r.digest).collect::<Vec<_>>();
    assert_eq!(digests(&rebuilt), digests(&good), "the releases are those of the archives, oldest first");
    assert!(rebuilt.iter().all(|release| release.yanked), "which ones were yanked nobody knows any more");
    assert!(there.registry.resolve(&POLICY.parse().unwrap()).is_err(), "so no range finds one");
    assert!(there.registry.fetch(&name(), &"1.0.0".parse().unwrap()).is_ok(), "and who pinned one still has it");
    assert_eq!(there.checked(), [format!("unnamed {POLICY}@3.0.0")], "what is no archive is not in the index");
    let aside = fs::read_dir(there.path("lost")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(aside.join(INDEX)).unwrap(), "{\"plugin\": ", "the damaged index is kept");
}

#[test]
fn an_unreadable_index_without_archives_is_left_to_people() {
    let there = Temporary::with(&["1.0.0"]);
    fs::write(there.path(INDEX), "").unwrap();
    fs::remove_file(there.path(ARCHIVE)).unwrap();
    assert!(matches!(there.repaired()[..], [Outcome::Left { .. }]));
    let refused = there.registry.publish(&policy("1.0.0", "other"), at(2)).unwrap_err();
    assert!(matches!(refused, IndexError::Corrupt { .. }), "nothing is published over it: {refused}");
}

#[test]
fn signatures_are_kept_beside_the_archive_and_joined_by_key() {
    let there = Temporary::with(&["1.0.0"]);
    let version = "1.0.0".parse().unwrap();
    let [ana, ben] = [(); 2].map(|()| SigningKey::generate().unwrap());
    assert_eq!(there.registry.signature(&name(), &version).unwrap(), None);
    let package = policy("1.0.0", "");
    there.registry.put_signature(&name(), &version, &sign(&package, &ana)).unwrap();
    there.registry.put_signature(&name(), &version, &sign(&package, &ben)).unwrap();
    let kept = there.registry.put_signature(&name(), &version, &sign(&package, &ana)).unwrap();
    let signers: Vec<_> = kept.signatures().iter().map(macadam_registry::signature::Signature::key).collect();
    assert_eq!(signers, [ana.id(), ben.id()], "who signs twice has one signature");
    let again = Registry::open(there.directory.path()).unwrap();
    assert_eq!(again.signature(&name(), &version).unwrap(), Some(kept));
    assert!(there.path(SIGNATURE).is_file());

    let refused = there.registry.put_signature(&name(), &version, &sign(&policy("1.0.0", "other"), &ana)).unwrap_err();
    let expected = Difference::Contents { files: vec!["README.md"] };
    assert!(
        matches!(&refused, IndexError::SignatureOfAnother { difference, .. } if *difference == expected),
        "{refused}"
    );
    let refused = there.registry.put_signature(&name(), &"9.0.0".parse().unwrap(), &sign(&package, &ana)).unwrap_err();
    assert!(matches!(refused, IndexError::NoSuchVersion { .. }), "{refused}");
}

#[test]
fn damaged_signatures_are_never_taken_for_absent() {
    let there = Temporary::with(&["1.0.0"]);
    let version = "1.0.0".parse().unwrap();
    let key = SigningKey::generate().unwrap();
    let envelope = sign(&policy("1.0.0", ""), &key);
    let another = sign(&policy("1.0.0", "other"), &key).to_bytes();
    for damaged in [&b""[..], b"{}", &another] {
        fs::write(there.path(SIGNATURE), damaged).unwrap();
        assert_eq!(there.checked(), [format!("unsigned {POLICY}@1.0.0")]);
        assert!(matches!(there.repaired()[..], [Outcome::Left { .. }]));
        assert!(there.path(SIGNATURE).is_file(), "a repair must not make a signed package an unsigned one");
        let kept = there.registry.put_signature(&name(), &version, &envelope).unwrap();
        assert_eq!(kept, envelope, "signing again replaces what is damaged");
        assert_eq!(there.checked(), [""; 0]);
    }
    fs::write(there.path(SIGNATURE), "{}").unwrap();
    let refused = there.registry.signature(&name(), &version).unwrap_err();
    assert!(matches!(refused, IndexError::Envelope { .. }), "{refused}");
}

#[test]
fn signatures_that_several_people_add_at_once_are_all_kept() {
    let there = Temporary::with(&["1.0.0"]);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let envelope = sign(&policy("1.0.0", ""), &SigningKey::generate().unwrap());
                there.registry.put_signature(&name(), &"1.0.0".parse().unwrap(), &envelope).unwrap();
            });
        }
    });
    let kept = there.registry.signature(&name(), &"1.0.0".parse().unwrap()).unwrap().unwrap();
    assert_eq!(kept.signatures().len(), 6);
}

#[test]
fn a_repair_takes_nothing_from_those_who_publish_meanwhile() {
    let there = Temporary::with(&["1.0.0"]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for minor in 1..20 {
                there.registry.publish(&policy(&format!("1.{minor}.0"), ""), at(1)).unwrap();
            }
        });
        scope.spawn(|| {
            // With the time as it is: what is being written now is not old.
            for _ in 0..20 {
                assert_eq!(there.registry.repair(Timestamp::now()).unwrap(), []);
            }
        });
    });
    assert_eq!(there.registry.versions(&name()).unwrap().len(), 20);
    assert_eq!(there.checked(), [""; 0]);
}

/// The part of the next test that runs where no file may grow: publishes, and expects to be told.
#[test]
#[ignore = "run by a_full_disk_changes_nothing in a process of its own"]
fn publish_onto_a_full_disk() {
    let root = std::env::var_os("MACADAM_FULL_DISK").expect("the other test says where");
    let registry = Registry::open(root).unwrap();
    let refused = registry.publish(&policy("2.0.0", &"long ".repeat(20_000)), at(2)).unwrap_err();
    assert!(matches!(refused, IndexError::Io { .. }), "{refused}");
    assert!(refused.to_string().contains("free space"), "the message says what to look at: {refused}");
}

/// A limit on the size of files stands for the full disk: writing fails in the middle, as it does there, and a test may
/// set one without being root.
#[cfg(unix)]
#[test]
fn a_full_disk_changes_nothing() {
    let there = Temporary::with(&["1.0.0"]);
    let before = there.registry.versions(&name()).unwrap();
    // In blocks of 512 bytes; a process that ignores the signal is told by an error instead. The test's own output must
    // fit as well.
    let script =
        "trap '' XFSZ; ulimit -f 4; exec \"$0\" --exact repairs::publish_onto_a_full_disk --ignored --nocapture";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("MACADAM_FULL_DISK", there.directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(there.registry.versions(&name()).unwrap(), before, "the index is as it was");
    assert_eq!(there.checked(), [""; 0], "and nothing half written stays behind");
    there.registry.publish(&policy("2.0.0", ""), at(3)).unwrap();
}
