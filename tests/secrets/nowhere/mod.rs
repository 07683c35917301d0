//! Distinct secrets go in wherever there is a way in, work is done and fails, and then everything that a host writes or
//! answers is looked through: none of them may be in it, but where it is shown on purpose.
//!
//! What may hold a secret, and why: a webhook's address is shown to its team (it is kept sealed, and events, audit and logs
//! name its host alone); an idempotency key is kept to be compared; the first people's tokens are
//! in `tokens.txt`, which is where they are handed out. What a person writes into a specification, a tag or a comment is
//! not a secret to the platform, and is not looked for; nor is the name of a field, which an error names.

mod places;
mod setup;
mod told;
mod used;
mod wrong;

use std::process::Command;

use macadam_tests::collector::Collector;
use macadam_tests::postgres::Postgres;
use macadam_tests::receiver::Receiver;
use macadam_tests::server::{Server, binary};

use self::places::{files, read, tables};
use self::setup::{Kept, STORE, setup};
use self::told::Told;
use self::used::{fail, webhooks, work};
use self::wrong::{malformed_bodies, malformed_sign_in, queries};
use crate::leaks::{Canary, Output, leaks};
use crate::until;

async fn nothing_leaks(kept: Kept) {
    let (postgres, collector, receiver) = (Postgres::start().await, Collector::start(), Receiver::start());
    postgres.query(&format!("create role keeper login password '{STORE}'")).await;
    postgres.query("create database kept owner keeper").await;
    let mut server = Server::start(&setup(kept, &postgres, &collector));
    let mut told = Told::new(&server);
    malformed_sign_in(&server, &mut told);
    queries(&server, &mut told);
    malformed_bodies(&server, &mut told);
    webhooks(&server, &mut told, &receiver);
    work(&server, &mut told);
    until("messages", &server, || (receiver.taken().len() > 5).then_some(()));
    fail(&mut server, &mut told);
    read(&server, &mut told);
    if kept == Kept::File {
        let backup = server.data().join("backup.db");
        let ran = Command::new(binary()).arg("--data").arg(server.data()).arg("backup").arg(&backup).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        told.outputs.push(Output::new("backup", std::fs::read(&backup).unwrap()));
        std::fs::remove_file(backup).unwrap();
        // While the host runs, there is a write-ahead log.
        files(&mut told, server.data(), "");
    }
    server.stop();
    files(&mut told, server.data(), "");
    if kept == Kept::Postgres {
        tables(&mut told, &postgres).await;
    }
    for body in collector.protobuf() {
        told.outputs.push(Output::new("traces", body));
    }
    for got in receiver.got() {
        told.outputs.push(Output::new(
            "a webhook's message",
            format!("{:?} {}", got.headers, String::from_utf8_lossy(&got.body)),
        ));
    }
    let outputs: Vec<&str> = told.outputs.iter().map(|output| output.name.as_str()).collect();
    for needed in ["file server.log", "traces", "a webhook's message", "answer of /metrics", "file export.jsonl"] {
        assert!(outputs.contains(&needed), "{needed} was looked through: {outputs:?}");
    }
    let leaks = leaks(&told.canaries, &told.outputs);
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_where_it_should_not_be_with_a_store_in_a_file() {
    nothing_leaks(Kept::File).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_where_it_should_not_be_with_a_store_on_postgresql() {
    nothing_leaks(Kept::Postgres).await;
}

#[test]
fn a_start_that_is_refused_shows_no_secret() {
    for (variable, value, secret) in [
        ("MACADAM_DATABASE", "postgres://keeper:start-c6ff-ibis@127.0.0.1:9/kept", "start-c6ff-ibis"),
        ("MACADAM_DATABASE", "postgres://keeper:start-c6ff-ibis@[nonsense", "start-c6ff-ibis"),
        ("MACADAM_DATABASE", "mysql://keeper:start-c6ff-ibis@127.0.0.1/kept", "start-c6ff-ibis"),
        ("MACADAM_MASTER_KEY", "start-c6ff-ibis", "start-c6ff-ibis"),
        ("MACADAM_OTHER_MASTER_KEYS", "start-c6ff-ibis", "start-c6ff-ibis"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:start-c6ff-ibis@[nonsense", "start-c6ff-ibis"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let ran = Command::new(binary())
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .envs([(variable, value), ("MACADAM_LOG", "trace")])
            .output()
            .unwrap();
        assert!(!ran.status.success(), "{variable}={value} is refused");
        let said = Output::new(variable, [ran.stdout, ran.stderr].concat());
        let leaks = leaks(&[Canary::new(variable, secret)], &[said]);
        assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    }
}
