//! Somebody changes the database. What they did is named: which stream, which entry, what.

use std::process::Output;

use macadam_core::audit::{Entry, Head, Heads, HeadsSigner, Line, SignedHeads, Stream};
use macadam_core::digest::Digest;
use macadam_tests::server::Server;
use sqlx::Row as _;

use crate::{TAMPERED, directory, file, said, server, tamper, with_store, works};

/// What the command line finds on the server and in an export.
fn found(server: &Server, more: &[&str]) -> [Output; 2] {
    let export = file(server, "found.jsonl");
    let _ = std::fs::remove_file(&export);
    let on_the_server = server.cli("ada", &[&["audit", "verify"], more].concat());
    let written = server.cli("ada", &["audit", "export", "-o", &export]);
    assert!(written.status.success(), "also a log that was spoiled is exported: {}", said(&written));
    [on_the_server, server.cli("ada", &[&["audit", "verify", &export], more].concat())]
}

fn must_name(server: &Server, more: &[&str], part: &str, what: &str) {
    for output in found(server, more) {
        assert_eq!(output.status.code(), Some(TAMPERED), "{what}: {}", said(&output));
        assert!(said(&output).contains(part), "{what}: {part:?} is missing in: {}", said(&output));
    }
}

#[test]
fn a_changed_removed_inserted_or_moved_entry_is_named() {
    let server = server("");
    let verified = works(&server, "ada", &["audit", "verify"]);
    assert!(verified.contains("everything is what was written"), "{verified}");
    for (what, spoil, part, mend) in [
        (
            "changed",
            "UPDATE audit SET actor = 'mallory' WHERE stream = 'team/payments' AND place = 1",
            "stream team/payments, entry 1 (number ",
            "UPDATE audit SET actor = 'dana' WHERE stream = 'team/payments' AND place = 1",
        ),
        (
            "nonsense",
            "UPDATE audit SET hash = 'x' WHERE seq = 2",
            "stream platform, entry 2 (number 2): it was changed",
            "UPDATE audit SET hash = (SELECT previous FROM audit WHERE stream = 'platform' AND place = 3) WHERE seq = 2",
        ),
        (
            "removed",
            "CREATE TABLE gone AS SELECT * FROM audit WHERE stream = 'team/payments' AND place = 2;
             DELETE FROM audit WHERE stream = 'team/payments' AND place = 2",
            "stream team/payments, entry 2: it is missing",
            "INSERT INTO audit SELECT * FROM gone; DROP TABLE gone",
        ),
        (
            "moved",
            "UPDATE audit SET seq = -1 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;
             UPDATE audit SET seq = 3 WHERE seq = -1",
            "it is not in its place",
            "UPDATE audit SET seq = -1 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;
             UPDATE audit SET seq = 3 WHERE seq = -1",
        ),
        (
            "inserted",
            "UPDATE audit SET seq = -seq WHERE seq > 2; UPDATE audit SET seq = 1 - seq WHERE seq < 0;
             UPDATE audit SET place = -place WHERE stream = 'platform' AND place > 2;
             UPDATE audit SET place = 1 - place WHERE place < 0;
             INSERT INTO audit SELECT 3, at, actor, action, subject, data, previous, hash, version, stream, 3, address,
                request_id, credential, decision, request, before, after FROM audit WHERE seq = 2",
            "stream platform, entry 3 (number 3)",
            "",
        ),
    ] {
        tamper(&server, spoil);
        must_name(&server, &[], part, what);
        if !mend.is_empty() {
            tamper(&server, mend);
            let mended = works(&server, "ada", &["audit", "verify"]);
            assert!(mended.contains("everything is what was written"), "{what} was mended: {mended}");
        }
    }
}

#[test]
fn a_last_entry_that_was_turned_into_nonsense_is_named_and_keeps_nobody_from_working() {
    let server = server("");
    // A first look leaves an entry in the stream that is looked at.
    works(&server, "ada", &["audit", "verify", "--stream", "team/payments"]);
    let place = with_store(&server, async |mut store| {
        let last = sqlx::query("SELECT max(place) AS place FROM audit WHERE stream = 'team/payments'");
        last.fetch_one(&mut store).await.unwrap().get::<i64, _>("place")
    });
    let last = format!("stream = 'team/payments' AND place = {place}");
    tamper(&server, &format!("CREATE TABLE kept AS SELECT * FROM audit WHERE {last}"));
    for nonsense in
        ["hash = 'x'", "hash = CAST(x'ff' AS TEXT)", "data = '{', hash = ''", "data = CAST(x'7bff' AS TEXT)"]
    {
        tamper(&server, &format!("UPDATE audit SET {nonsense} WHERE {last}"));
        let named = format!("stream team/payments, entry {place} (number ");
        must_name(&server, &[], &named, nonsense);
        must_name(&server, &["--stream", "team/payments"], &named, nonsense);
        let of_the_team = server.cli("dana", &["audit", "verify"]);
        assert_eq!(of_the_team.status.code(), Some(TAMPERED), "{nonsense}: {}", said(&of_the_team));
        assert!(said(&of_the_team).contains(&named), "{nonsense}: {}", said(&of_the_team));
        works(&server, "ada", &["audit", "tail"]);
        let heads = works(&server, "ada", &["audit", "heads"]);
        assert!(heads.contains("platform"), "the other streams stay vouched for: {heads}");
        tamper(
            &server,
            &format!(
                "UPDATE audit SET (data, hash) = (SELECT data, hash FROM kept WHERE kept.seq = audit.seq) WHERE {last}"
            ),
        );
        works(&server, "ada", &["audit", "verify"]);
    }
    tamper(&server, &format!("UPDATE audit SET hash = CAST(x'ff' AS TEXT) WHERE {last}"));
    let answer = server.person("dana").post("/api/v1/resources", &directory("after"));
    assert_eq!(server.person("dana").wait_for(&answer.request()), "succeeded");
    must_name(&server, &[], &format!("stream team/payments, entry {place} (number "), "with entries after it");
}

#[test]
fn a_cut_tail_and_a_chain_that_was_written_anew_are_named_by_heads_from_before() {
    let server = server("");
    let heads = file(&server, "heads.json");
    std::fs::write(&heads, works(&server, "ada", &["audit", "heads"])).unwrap();
    let key = works(&server, "ada", &["audit", "key"]);
    let kept = ["--heads", &heads, "--key", key.trim()];

    rewrite(&server);
    for output in found(&server, &[]) {
        assert!(output.status.success(), "a chain that was written anew is a chain: {}", said(&output));
    }
    must_name(&server, &kept, "stream team/payments, entry", "rewritten");
    must_name(&server, &kept, "the chain was rewritten", "rewritten");

    tamper(&server, "DELETE FROM audit WHERE stream = 'team/payments' AND place > 2");
    must_name(&server, &kept, "stream team/payments, entry 3: the stream was cut before it", "cut");
}

#[test]
fn heads_of_before_hold_on_a_server_that_went_on_and_forged_ones_are_named() {
    let server = server("");
    let older: SignedHeads = serde_json::from_str(&works(&server, "ada", &["audit", "heads"])).unwrap();
    let key = works(&server, "ada", &["audit", "key"]);
    let lately = server.person("dana").post("/api/v1/resources", &directory("lately"));
    assert_eq!(server.person("dana").wait_for(&lately.request()), "succeeded");
    let newer: SignedHeads = serde_json::from_str(&works(&server, "ada", &["audit", "heads"])).unwrap();
    let (kept, now) = (payments(&older), payments(&newer));
    assert!(kept.place < now.place && kept.seq < now.seq, "the chain has gone on since: {kept:?}, {now:?}");

    let path = file(&server, "older.json");
    let keep = |heads: &SignedHeads| std::fs::write(&path, serde_json::to_string(heads).unwrap()).unwrap();
    let (heads, with_key) = (["--heads", &path], ["--heads", &path, "--key", key.trim()]);
    keep(&older);
    for more in [&heads[..], &with_key[..]] {
        for output in found(&server, more) {
            assert!(output.status.success(), "the log only went on: {}", said(&output));
            assert!(said(&output).contains("everything is what was written"), "{}", said(&output));
        }
    }

    // The last entry of before is said to have been another.
    let mut statement = older.statement.clone();
    let head = statement.heads.iter_mut().find(|head| head.stream == kept.stream).unwrap();
    head.hash = Digest::of(b"another");
    keep(&SignedHeads { statement: statement.clone(), ..older.clone() });
    for more in [&heads[..], &with_key[..]] {
        must_name(&server, more, "is not theirs: the heads or the signature were changed", "changed heads");
    }
    keep(&HeadsSigner::new(&[7; 32]).sign(statement).unwrap());
    must_name(&server, &with_key, "are signed with", "heads that somebody else has signed");
    // A file alone does not say by which key, and then the entry is named.
    let [on_the_server, in_the_file] = found(&server, &heads);
    for (output, part) in [
        (on_the_server, "are signed with".to_owned()),
        (
            in_the_file,
            format!("stream team/payments, entry {} (number {}): the chain was rewritten", kept.place, kept.seq),
        ),
    ] {
        assert_eq!(output.status.code(), Some(TAMPERED), "{part}: {}", said(&output));
        assert!(said(&output).contains(&part), "{part:?} is missing in: {}", said(&output));
    }
}

/// Where the stream of dana's team ended.
fn payments(heads: &SignedHeads) -> Head {
    let is_it = |head: &&Head| head.stream.to_string() == "team/payments";
    heads.statement.heads.iter().find(is_it).expect("the team has a stream").clone()
}

/// Changes who asked first, and binds every entry of the stream anew, by the very code that makes them.
fn rewrite(server: &Server) {
    tamper(server, "");
    let entries = server.person("dana").get("/api/v1/audit?limit=200").body;
    let entries: Vec<macadam_core::audit::Entry> = serde_json::from_value(entries["items"].clone()).unwrap();
    with_store(server, async |mut store| {
        let mut previous = macadam_core::audit::Entry::nothing_before().to_string();
        for mut entry in entries {
            let query = sqlx::query("SELECT data FROM audit WHERE seq = $1").bind(entry.seq as i64);
            let data: String = query.fetch_one(&mut store).await.unwrap().get("data");
            entry.data = macadam_core::audit::Recorded::new(data);
            if entry.place == 1 {
                entry.actor = Some("mallory".to_owned());
            }
            entry.previous = previous;
            entry.hash = entry.computed_hash().unwrap().to_string();
            sqlx::query("UPDATE audit SET actor = $2, previous = $3, hash = $4 WHERE seq = $1")
                .bind(entry.seq as i64)
                .bind(&entry.actor)
                .bind(&entry.previous)
                .bind(&entry.hash)
                .execute(&mut store)
                .await
                .unwrap();
            previous = entry.hash;
        }
    });
}

/// Takes a stream out of an export, and its name out of the opening, so that no number has to be there.
fn without_stream(export: &str, gone: &str) -> String {
    changed(export, |lines| {
        lines.retain(|line| !matches!(line, Line::Entry(entry) if entry.stream == gone));
        let Some(Line::Opening(opening)) = lines.first_mut() else { panic!("an export begins with an opening") };
        opening.streams = Some(vec![Stream::Platform]);
    })
}

/// Takes the entries up to a number out of an export, and says in the opening that it begins after them.
fn without_beginning(export: &str, gone: u64) -> String {
    changed(export, |lines| {
        let mut before = Vec::new();
        lines.retain(|line| match line {
            Line::Entry(entry) if entry.seq <= gone => {
                let stream: Stream = entry.stream.parse().unwrap();
                before.retain(|head: &Head| head.stream != stream);
                before.push(Head { stream, place: entry.place, seq: entry.seq, hash: entry.hash.parse().unwrap() });
                false
            }
            _ => true,
        });
        let Some(Line::Opening(opening)) = lines.first_mut() else { panic!("an export begins with an opening") };
        opening.after = Heads { at: opening.after.at, entries: Some(gone), heads: before };
    })
}

fn changed(export: &str, change: impl FnOnce(&mut Vec<Line>)) -> String {
    let mut lines: Vec<Line> = export.lines().map(|line| Line::read(line).unwrap()).collect();
    change(&mut lines);
    lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
}

#[test]
fn a_stream_or_a_beginning_that_was_taken_out_of_an_export_is_missed_whatever_its_opening_says() {
    let server = server("");
    let (heads, path) = (file(&server, "heads.json"), file(&server, "a.jsonl"));
    std::fs::write(&heads, works(&server, "ada", &["audit", "heads"])).unwrap();
    let key = works(&server, "ada", &["audit", "key"]);
    works(&server, "ada", &["audit", "export", "-o", &path]);
    let export = std::fs::read_to_string(&path).unwrap();
    let (with_key, with_heads) = (["--key", key.trim()], ["--heads", &heads]);
    let both = [with_key, with_heads].concat();
    let verify = |more: &[&str]| server.cli("ada", &[&["audit", "verify", &path], more].concat());

    std::fs::write(&path, without_stream(&export, "team/payments")).unwrap();
    for more in [&both[..0], &with_key[..], &with_heads[..], &both[..]] {
        let found = verify(more);
        assert_eq!(found.status.code(), Some(TAMPERED), "{more:?}: {}", said(&found));
        let part = "stream team/payments, entry 1: the stream was cut before it";
        assert!(said(&found).contains(part), "{more:?}: {}", said(&found));
    }
    let asked_for = verify(&[&both[..], &["--stream", "platform"]].concat());
    assert!(asked_for.status.success(), "who asks for a stream gets no other's: {}", said(&asked_for));
    assert!(said(&asked_for).contains("only a part was looked at: of the streams platform"), "{}", said(&asked_for));

    std::fs::write(&path, without_beginning(&export, 5)).unwrap();
    for more in [&with_key[..], &with_heads[..], &both[..]] {
        let found = verify(more);
        assert_eq!(found.status.code(), Some(TAMPERED), "{more:?}: {}", said(&found));
        assert!(said(&found).contains("it begins with number 6 and not with 1"), "{more:?}: {}", said(&found));
    }
    let believed = verify(&[]);
    assert!(believed.status.success(), "without anything to compare it is as good as one --since: {}", said(&believed));
    assert!(said(&believed).contains("nothing before number 6"), "and it is said so: {}", said(&believed));
}

/// Writes the platform's stream in an export anew from its first entry on, and closes it with heads.
fn forged(export: &str, closing: &str) -> String {
    changed(export, |lines| {
        let mut previous = Entry::nothing_before().to_string();
        for line in lines.iter_mut() {
            let Line::Entry(entry) = line else { continue };
            if entry.stream != "platform" {
                continue;
            }
            if entry.place == 1 {
                entry.actor = Some("mallory".to_owned());
            }
            entry.previous = previous;
            entry.hash = entry.computed_hash().unwrap().to_string();
            previous = entry.hash.clone();
        }
        *lines.last_mut().unwrap() = Line::Heads(serde_json::from_str(closing).unwrap());
    })
}

#[test]
fn an_export_that_closes_with_genuine_heads_of_before_or_of_one_stream_only_is_not_vouched_for() {
    let server = server("");
    let older = works(&server, "ada", &["audit", "heads"]);
    // An auditor's reading is an entry of the platform's stream, so that goes on after those heads.
    works(&server, "ada", &["audit", "tail"]);
    let path = file(&server, "a.jsonl");
    works(&server, "ada", &["audit", "export", "-o", &path]);
    let of_team = works(&server, "dana", &["audit", "heads"]);
    let key = works(&server, "ada", &["audit", "key"]);
    let export = std::fs::read_to_string(&path).unwrap();
    let verify = || server.cli("ada", &["audit", "verify", &path, "--key", key.trim()]);
    assert!(verify().status.success(), "what was exported verifies: {}", said(&verify()));
    for (closing, part) in [(&older, "that close the export end with entry"), (&of_team, "do not name its stream")] {
        std::fs::write(&path, forged(&export, closing)).unwrap();
        let found = verify();
        assert_eq!(found.status.code(), Some(TAMPERED), "{part:?}: {}", said(&found));
        assert!(said(&found).contains("stream platform, entry"), "{part:?}: {}", said(&found));
        assert!(said(&found).contains(part), "{part:?} is missing in: {}", said(&found));
    }
}
