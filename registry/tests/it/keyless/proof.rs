//! What proves that a signature was made, by whom and when: certificate and logs, each missing and each forged.

use jiff::ToSpan as _;
use macadam_registry::signature::KeylessError;
use serde_json::{Value, json};

use super::instance::{CertificateLog, Instance, Signing, key, read_root};
use super::{GITHUB, Team, WORKFLOW, attestation, changed, entry, flip, package};

#[test]
fn a_certificate_counts_only_by_an_authority_that_is_known_and_while_it_lives() {
    let team = Team::new();
    let stranger = Instance::new();
    let payload = attestation(&package()).to_string();
    // A whole other instance; then one whose logs are known, and whose authority is not.
    let foreign = stranger.sign(payload.as_bytes(), &Signing::by(GITHUB, WORKFLOW));
    let refused = team.unproven(&foreign);
    assert!(
        matches!(refused, KeylessError::Log { .. }),
        "the log's word for the time is what is asked first: {refused}"
    );
    let mut root = team.instance.root();
    root["certificateAuthorities"] = stranger.root()["certificateAuthorities"].clone();
    let other_authority = Team { keys: team.keys.clone().by_root(read_root(&root.to_string()).ok()), ..Team::new() };
    let refused = other_authority.unproven(&team.good());
    assert!(matches!(refused, KeylessError::Authority { .. }), "the root does not know who certified: {refused}");

    let mut root = team.instance.root();
    root["certificateAuthorities"][0]["validFor"] =
        json!({"start": "2025-01-01T00:00:00Z", "end": "2025-05-01T00:00:00Z"});
    let ended = Team { keys: team.keys.clone().by_root(read_root(&root.to_string()).ok()), ..Team::new() };
    let refused = ended.unproven(&team.good());
    assert!(matches!(refused, KeylessError::Authority { .. }), "it certified after its time: {refused}");

    for logged_after in [11.minutes(), (-5).minutes()] {
        let late = Signing { logged_after, ..Signing::by(GITHUB, WORKFLOW) };
        let refused = team.unproven(&team.signed(&late));
        assert!(matches!(refused, KeylessError::OutsideLife { .. }), "logged after {logged_after}: {refused}");
    }
    let just = Signing { logged_after: 10.minutes(), ..Signing::by(GITHUB, WORKFLOW) };
    assert!(team.judge(&package(), &team.signed(&just)).is_ok(), "the last second of its life is one");
}

#[test]
fn a_certificate_that_no_transparency_log_has_seen_does_not_count() {
    let team = Team::new();
    let stranger = key();
    for certificate_log in [CertificateLog::None, CertificateLog::Other(&stranger)] {
        let refused = team.unproven(&team.signed(&Signing { certificate_log, ..Signing::by(GITHUB, WORKFLOW) }));
        assert!(matches!(refused, KeylessError::CertificateLog { .. }), "{refused}");
    }
}

#[test]
fn what_the_log_does_not_vouch_for_does_not_count() {
    let team = Team::new();
    let good = team.good();
    let stranger = key();
    let by_stranger = team.signed(&Signing { rekor: Some(&stranger), ..Signing::by(GITHUB, WORKFLOW) });
    let another = team.good();
    let cases: [(&str, Value); 8] = [
        ("somebody else signs for the log", by_stranger),
        ("the proof is changed", changed(&good, |b| flip(&mut entry(b)["inclusionProof"]["hashes"][0]))),
        (
            "the proof is of a place in the tree that is another's",
            changed(&good, |b| {
                entry(b)["inclusionProof"]["logIndex"] = "1".into();
            }),
        ),
        (
            "the promise is changed",
            changed(&good, |b| {
                flip(&mut entry(b)["inclusionPromise"]["signedEntryTimestamp"]);
            }),
        ),
        ("the time is changed", changed(&good, |b| entry(b)["integratedTime"] = "1748779260".into())),
        (
            "the proof is taken away",
            changed(&good, |b| {
                entry(b).as_object_mut().unwrap().remove("inclusionProof");
            }),
        ),
        ("all entries are taken away", changed(&good, |b| b["verificationMaterial"]["tlogEntries"] = json!([]))),
        ("the entry is of another signature", changed(&good, |b| *entry(b) = entry(&mut another.clone()).clone())),
    ];
    for (what, bundle) in cases {
        let refused = team.unproven(&bundle);
        assert!(matches!(refused, KeylessError::Log { .. }), "{what}: {refused:?}");
    }
    // A proof says that it is there, and not since when.
    let timeless = changed(&good, |b| drop(entry(b).as_object_mut().unwrap().remove("inclusionPromise")));
    let refused = team.unproven(&timeless);
    assert!(matches!(refused, KeylessError::Time { .. }), "{refused}");
    // An entry without a proof beside one that has one.
    let rider = changed(&good, |b| {
        let mut second = entry(b).clone();
        second.as_object_mut().unwrap().remove("inclusionProof");
        b["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(second);
    });
    assert!(matches!(team.unproven(&rider), KeylessError::Log { .. }));
}
