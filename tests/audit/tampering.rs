//! Somebody changes the database. What they did is named: which stream, which entry, what.

use std::process::Output;

use macadam_tests::server::Server;
use sqlx::Row as _;

use crate::{TAMPERED, file, said, server, tamper, with_store, works};

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
