//! Whatever is done to a log is found; and nothing is found in one to which nothing was done.

use proptest::prelude::*;

use super::testing::{chain, heads, rebind};
use super::{Entry, Finding, Heads, Later, Recorded, Verifier, Wrong};

/// What is found in a log, with heads that were kept.
fn found(entries: &[Entry], kept: Option<&Heads>) -> Vec<Finding> {
    let mut verifier = Verifier::whole();
    let mut findings = kept.map(|kept| verifier.expect(kept)).unwrap_or_default();
    findings.extend(entries.iter().flat_map(|entry| verifier.entry(entry)));
    findings.extend(verifier.end().findings);
    findings
}

fn names(findings: &[Finding], stream: &str, place: u64, wrong: &Wrong) -> bool {
    findings
        .iter()
        .any(|found| found.stream.as_deref() == Some(stream) && found.place == place && found.wrong == *wrong)
}

proptest! {
    #[test]
    fn a_log_to_which_nothing_was_done_verifies_whole_by_stream_and_from_any_place(
        (length, start) in (1_u64..60).prop_flat_map(|length| (Just(length), 0..length)),
    ) {
        let entries = chain(length);
        prop_assert_eq!(found(&entries, Some(&heads(&entries))), vec![]);
        let (before, after) = entries.split_at(usize::try_from(start).unwrap());
        let mut verifier = Verifier::whole().starting_after(&heads(before));
        prop_assert_eq!(verifier.expect(&heads(before)), vec![], "where it starts is what was kept");
        verifier.expect(&heads(&entries));
        for entry in after {
            prop_assert_eq!(verifier.entry(entry), vec![]);
        }
        let ended = verifier.end();
        prop_assert_eq!(ended.findings, vec![]);
        prop_assert_eq!(ended.heads, heads(&entries).heads);
        let mut verifier = Verifier::of_streams();
        for entry in entries.iter().filter(|entry| entry.stream == "team/search") {
            prop_assert_eq!(verifier.entry(entry), vec![], "a stream is a chain without the others");
        }
    }

    #[test]
    fn a_changed_field_is_found_at_its_entry(
        (length, index) in (1_usize..40).prop_flat_map(|length| (Just(length), 0..length)),
        field in 0..9,
    ) {
        let mut entries = chain(length as u64);
        let entry = &mut entries[index];
        match field {
            0 => entry.actor = Some("mallory".to_owned()),
            1 => entry.action.push('x'),
            2 => entry.subject.clear(),
            3 => entry.address = None,
            4 => entry.data = Recorded::new(r#"{"n": 0}"#),
            5 => entry.at += jiff::SignedDuration::from_micros(1),
            6 => entry.after = Some(entry.hash.clone()),
            7 => entry.version = 1,
            _ => entry.credential = Some("oidc".to_owned()),
        }
        let (stream, place) = (entry.stream.clone(), entry.place);
        let findings = found(&entries, None);
        prop_assert_eq!(findings.len(), 1, "one change is one finding: {:?}", findings);
        prop_assert_eq!((findings[0].stream.as_ref(), findings[0].place), (Some(&stream), place));
    }

    #[test]
    fn an_entry_whose_hash_was_made_to_fit_is_found_at_the_next_one(
        (length, index) in (2_usize..40).prop_flat_map(|length| (Just(length), 0..length)),
    ) {
        let mut entries = chain(length as u64);
        entries[index].actor = Some("mallory".to_owned());
        entries[index].hash = entries[index].computed_hash().unwrap().to_string();
        let (stream, place) = (entries[index].stream.clone(), entries[index].place);
        let is_last = !entries[index + 1..].iter().any(|entry| entry.stream == stream);
        let findings = found(&entries, Some(&heads(&chain(length as u64))));
        if is_last {
            prop_assert!(matches!(findings[..], [Finding { wrong: Wrong::Rewritten { .. }, .. }]), "{:?}", findings);
        } else {
            prop_assert!(names(&findings, &stream, place + 1, &Wrong::Detached), "{:?}", findings);
        }
    }

    #[test]
    fn a_removed_entry_is_named_and_numbering_the_others_anew_hides_nothing(
        (length, index) in (2_usize..40).prop_flat_map(|length| (Just(length), 0..length)),
        renumbered: bool,
    ) {
        let mut entries = chain(length as u64);
        let kept = heads(&entries);
        let gone = entries.remove(index);
        if renumbered {
            for entry in &mut entries[index..] {
                entry.seq -= 1;
                if entry.stream == gone.stream {
                    entry.place -= 1;
                }
            }
        }
        let findings = found(&entries, Some(&kept));
        if renumbered {
            prop_assert!(!findings.is_empty());
        } else if entries[index..].iter().any(|entry| entry.stream == gone.stream) {
            prop_assert!(names(&findings, &gone.stream, gone.place, &Wrong::Missing { entries: 1 }), "{:?}", findings);
        } else {
            let cut = Wrong::Cut { kept: gone.place, at: kept.at };
            prop_assert!(names(&findings, &gone.stream, gone.place, &cut), "{:?}", findings);
            let number = findings.iter().any(|found| found.stream.is_none() && found.place == gone.seq);
            prop_assert!(number || index == entries.len(), "also its number is missed: {:?}", findings);
        }
    }

    #[test]
    fn two_entries_that_changed_places_are_found(
        (length, one, other) in (2_usize..40).prop_flat_map(|length| (Just(length), 0..length, 0..length)),
        renumbered: bool,
    ) {
        prop_assume!(one != other);
        let mut entries = chain(length as u64);
        entries.swap(one, other);
        if renumbered {
            for (seq, entry) in (1..).zip(&mut entries) {
                entry.seq = seq;
            }
        }
        prop_assert!(!found(&entries, None).is_empty());
    }

    #[test]
    fn an_inserted_or_repeated_entry_is_found(
        (length, from, to) in (1_usize..40).prop_flat_map(|length| (Just(length), 0..length, 0..=length)),
        fitted: bool,
    ) {
        let mut entries = chain(length as u64);
        let mut more = entries[from].clone();
        if fitted {
            // Somebody who knows how entries are made, and does not write all that follows anew.
            let before = entries[..to].iter().rfind(|entry| entry.stream == more.stream);
            more.place = before.map_or(0, |entry| entry.place) + 1;
            more.previous = before.map_or_else(|| Entry::nothing_before().to_string(), |entry| entry.hash.clone());
            more.seq = to as u64 + 1;
            more.hash = more.computed_hash().unwrap().to_string();
        }
        entries.insert(to, more);
        let findings = found(&entries, None);
        // At the very end an entry that fits is simply the next one.
        prop_assert!(!findings.is_empty() || (fitted && to == length), "{:?}", findings);
    }

    #[test]
    fn a_cut_tail_is_found_by_kept_heads_and_named_for_each_stream(
        (length, left) in (1_usize..40).prop_flat_map(|length| (Just(length), 0..length)),
    ) {
        let entries = chain(length as u64);
        let kept = heads(&entries);
        prop_assert_eq!(found(&entries[..left], None), vec![], "without heads a shorter log is as good");
        let findings = found(&entries[..left], Some(&kept));
        let (shorter, whole) = (heads(&entries[..left]), &kept);
        let cut = whole.heads.iter().filter(|head| !shorter.heads.contains(head));
        let cut: Vec<_> = cut.map(|head| (Some(head.stream.to_string()), head.place)).collect();
        let told = findings.iter().map(|found| match found.wrong {
            Wrong::Cut { kept, .. } => (found.stream.clone(), kept),
            _ => (None, 0),
        });
        prop_assert_eq!(told.collect::<Vec<_>>(), cut);
    }

    #[test]
    fn a_chain_that_was_written_anew_is_found_by_kept_heads_alone(
        (length, from) in (1_usize..40).prop_flat_map(|length| (Just(length), 0..length)),
        more in 0_u64..5,
    ) {
        let entries = chain(length as u64);
        let kept = heads(&entries);
        let mut forged = chain(length as u64 + more);
        forged[from].actor = Some("mallory".to_owned());
        rebind(&mut forged);
        prop_assert_eq!(found(&forged, None), vec![], "a chain that was written anew is a chain");
        let findings = found(&forged, Some(&kept));
        let rewritten = |found: &Finding| matches!(found.wrong, Wrong::Rewritten { .. });
        prop_assert!(findings.iter().any(rewritten), "{:?}", findings);
        prop_assert!(findings.iter().all(|found| found.stream.as_ref() == Some(&forged[from].stream)), "{:?}", findings);
    }
}

#[test]
fn a_start_that_says_an_earlier_number_than_kept_heads_do_is_found() {
    let entries = chain(12);
    let kept = heads(&entries);
    for place_before in [0, 1] {
        let mut start = heads(&entries);
        start.entries = Some(0);
        let head = start.heads.iter_mut().max_by_key(|head| head.place).unwrap();
        (head.seq, head.place) = (1, head.place + place_before);
        let (stream, place) = (head.stream.to_string(), head.place);
        let findings = Verifier::of_streams().starting_after(&start).expect(&kept);
        assert!(names(&findings, &stream, place, &Wrong::Rewritten { at: kept.at }), "{findings:?}");
    }
}

/// Goes through entries that close with heads, with others that were kept.
fn closed(entries: &[Entry], closing: &Heads, kept: &Heads, is_proven: bool) -> (Vec<Finding>, Option<Later>) {
    let mut verifier = Verifier::whole();
    let mut findings = verifier.expect(kept);
    findings.extend(entries.iter().flat_map(|entry| verifier.entry(entry)));
    findings.extend(verifier.expect(closing));
    findings.extend(verifier.close(closing, is_proven));
    let ended = verifier.end();
    findings.extend(ended.findings);
    (findings, ended.later)
}

#[test]
fn what_closing_heads_do_not_reach_or_name_is_found() {
    let mut entries = chain(8);
    let (older, nothing) = (heads(&entries[..4]), Heads::none(jiff::Timestamp::UNIX_EPOCH));
    entries[5].actor = Some("mallory".to_owned());
    rebind(&mut entries);
    for is_proven in [true, false] {
        assert_eq!(closed(&entries, &heads(&entries), &nothing, is_proven), (vec![], None));
        let (findings, _) = closed(&entries, &older, &nothing, is_proven);
        for (stream, closed) in [("platform", 0), ("team/payments", 3)] {
            let wrong = Wrong::Unclosed { closed, at: older.at };
            assert!(names(&findings, stream, closed + 1, &wrong), "{stream}: {findings:?}");
        }
    }
}

#[test]
fn kept_heads_of_after_the_end_are_told_apart_from_a_cut() {
    let entries = chain(12);
    let closing = heads(&entries[..8]);
    let mut kept = heads(&entries);
    let is_cut = |findings: &[Finding]| findings.iter().any(|found| matches!(found.wrong, Wrong::Cut { .. }));
    assert!(is_cut(&closed(&entries[..8], &closing, &kept, true).0), "those of the same moment are no later ones");
    kept.at += jiff::SignedDuration::from_secs(1);
    let later = Later { end: closing.at, kept: kept.at };
    assert_eq!(closed(&entries[..8], &closing, &kept, true), (vec![], Some(later)));
    assert!(is_cut(&closed(&entries[..8], &closing, &kept, false).0), "anybody could have made such an end");
    // One that was closed by a clock that was ahead does not make what was kept since a cut.
    let mut verifier = Verifier::whole();
    verifier.expect(&kept);
    let (ahead, rest) = entries[..8].split_at(4);
    for (part, at) in [(ahead, kept.at + jiff::SignedDuration::from_hours(1000)), (rest, closing.at)] {
        part.iter().for_each(|entry| assert_eq!(verifier.entry(entry), []));
        let reached = part.last().map_or(0, |entry| entry.seq);
        let heads = Heads { at, ..heads(&entries[..usize::try_from(reached).unwrap()]) };
        verifier.expect(&heads);
        assert_eq!(verifier.close(&heads, true), []);
    }
    let ended = verifier.end();
    assert_eq!((ended.findings, ended.later), (vec![], Some(later)));
    // What one file closed with and the next one does not reach is no matter of clocks.
    let mut verifier = Verifier::whole();
    verifier.expect(&kept);
    entries[..8].iter().for_each(|entry| assert_eq!(verifier.entry(entry), []));
    verifier.expect(&closing);
    assert_eq!(verifier.close(&closing, true), []);
    let shorter = Heads { at: kept.at + jiff::SignedDuration::from_secs(1), ..heads(&entries[..4]) };
    assert!(is_cut(&verifier.close(&shorter, true)), "the log was cut between the two");
    let mut partial = closing;
    partial.entries = None;
    partial.heads.retain(|head| head.stream.to_string() == "team/payments");
    let of_team: Vec<_> = entries.iter().take(8).filter(|entry| entry.stream == "team/payments").cloned().collect();
    assert!(is_cut(&closed(&of_team, &partial, &kept, true).0), "it does not say where the other streams ended");
}

#[test]
fn entries_of_before_stay_as_they_were_and_none_comes_after_a_newer_one() {
    let mut entries = chain(6);
    for entry in &mut entries[..3] {
        entry.version = 1;
        "platform".clone_into(&mut entry.stream);
        (entry.address, entry.request_id, entry.credential) = (None, None, None);
    }
    "platform".clone_into(&mut entries[3].stream);
    rebind(&mut entries);
    assert_eq!(found(&entries, Some(&heads(&entries))), []);
    let mut odd = entries.clone();
    odd[0].version = 1000;
    let findings = found(&odd, None);
    assert!(names(&findings, "platform", 1, &Wrong::Version { version: 1000 }), "{findings:?}");
    assert_eq!(findings.len(), 1, "those behind it are of version 1 by right: {findings:?}");

    // What version 1 does not hash must not be said by an entry that claims to be of it.
    let mut claims = entries.clone();
    claims[1].address = Some("192.0.2.1".to_owned());
    assert!(names(&found(&claims, None), "platform", 2, &Wrong::Changed));
    let mut downgraded = entries;
    let last = &mut downgraded[4];
    "platform".clone_into(&mut last.stream);
    (last.version, last.address, last.request_id, last.credential) = (1, None, None, None);
    rebind(&mut downgraded);
    assert!(
        names(&found(&downgraded, None), "platform", 5, &Wrong::Version { version: 1 }),
        "a chain that fits must not be one of entries that hash less"
    );
}

#[test]
fn what_is_found_is_said_with_stream_place_and_number() {
    let mut entries = chain(9);
    entries[4].action.push('!');
    let said = found(&entries, None).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let place = entries[4].place;
    assert_eq!(
        said,
        format!("stream {}, entry {place} (number 5): it was changed after it was written", entries[4].stream)
    );
}

#[test]
fn a_number_beyond_all_others_is_a_finding_and_no_overflow() {
    let mut entries = chain(3);
    entries[1].seq = u64::MAX;
    assert!(!found(&entries, None).is_empty());
    let end = Heads { entries: Some(u64::MAX), ..heads(&[]) };
    let mut verifier = Verifier::whole().starting_after(&end);
    let findings: Vec<_> = entries.iter().flat_map(|entry| verifier.entry(entry)).collect();
    assert!(findings.iter().any(|found| found.wrong == Wrong::Misplaced), "{findings:?}");
}

#[test]
fn a_version_that_there_is_not_is_found_at_its_entry_alone() {
    let mut entries = chain(9);
    entries[1].version = 1000;
    let findings = found(&entries, None);
    assert!(
        matches!(findings[..], [Finding { seq: Some(2), wrong: Wrong::Version { version: 1000 }, .. }]),
        "{findings:?}"
    );
}

#[test]
fn less_than_a_microsecond_is_a_change_too() {
    let mut entries = chain(3);
    entries[1].at += jiff::SignedDuration::from_nanos(1);
    let findings = found(&entries, None);
    assert!(matches!(findings[..], [Finding { seq: Some(2), wrong: Wrong::Changed, .. }]), "{findings:?}");
}

#[test]
fn a_chain_that_was_written_anew_is_named_once_however_many_heads_were_kept_since() {
    let (mut forged, written) = (chain(30), chain(30));
    forged[0].actor = Some("mallory".to_owned());
    rebind(&mut forged);
    let mut verifier = Verifier::whole();
    for seconds in 0..3 {
        for end in 1..=written.len() {
            let at = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(seconds);
            verifier.expect(&Heads { at, ..heads(&written[..end]) });
        }
    }
    let findings: Vec<_> = forged.iter().flat_map(|entry| verifier.entry(entry)).collect();
    let Wrong::Rewritten { at } = findings[0].wrong else { panic!("{findings:?}") };
    assert_eq!((findings.len(), at), (1, jiff::Timestamp::UNIX_EPOCH), "{findings:?}");
    assert_eq!((findings[0].stream.as_deref(), findings[0].place), (Some(forged[0].stream.as_str()), 1));
}
