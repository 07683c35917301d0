//! Distinct secrets go in wherever there is a way in, work is done and fails, and then everything that a host writes or
//! answers is looked through: none of them may be in it, but where it is shown on purpose.
//!
//! What may hold a secret, and why: a webhook's address is shown to its team (it is kept sealed, and events, audit and logs
//! name its host alone); an idempotency key is kept to be compared; the first people's tokens are
//! in `tokens.txt`, which is where they are handed out. What a person writes into a specification, a tag or a comment is
//! not a secret to the platform, and is not looked for; nor is the name of a field, which an error names.
//!
//! A secret that nobody reads proves nothing, so each is seen to be used: whom it is for has it, lets its bearer in, or
//! refuses what is wrong with it.
//!
//! | where a secret comes in | which | planted in |
//! |---|---|---|
//! | environment | keys, passwords of databases and collector, S3's key and session | `setup`, `refused` |
//! | PostgreSQL's variables and files | passwords, a client's key | `setup`, `certificate`, `database` |
//! | a proxy's address | its password | `proxy`, `roles`, `command_line` |
//! | files | configuration, keys, sign-ins, signing keys | `refused`, `command_line`, `signing_in` |
//! | AWS's files | tokens that credentials are given for | `roles` |
//! | headers | tokens of all kinds, idempotency keys, what is none of them | `used`, `signing_in`, `wrong` |
//! | queries and bodies | webhooks' addresses, whatever is in the wrong field | `used`, `wrong` |
//! | the command line | tokens, secrets of webhooks, passwords of registries and a proxy | `command_line` |
//! | others' answers | codes, refresh tokens, JWTs, registries' tokens | `signing_in`, `command_line` |
//! | AWS's answers | credentials | `roles` |
//! | others' errors | what S3, agents and proxies repeat of a request | `refused`, `roles`, `proxy` |
//! | databases' errors | what is wrong with a password | `used`, `database` |
//! | what is made here | secrets of webhooks and services, credentials, keys that sign | `used`, `command_line` |
//!
//! There is no secret of an OIDC client: the command line is a public one. A web identity is read, and not sent: AWS takes
//! it over HTTPS alone.

mod certificate;
mod command_line;
mod database;
mod places;
mod proxy;
mod refused;
mod roles;
mod s3;
mod setup;
mod signing_in;
mod told;
mod used;
mod wrong;

use macadam_tests::server::Server;

use self::command_line::{backup, messages, packages, tokens};
use self::places::{files, read, tables};
use self::setup::{Around, Kept};
use self::signing_in::sign_in;
use self::told::Told;
use self::used::{fail, lose_blobs, webhooks, work};
use self::wrong::{malformed_bodies, malformed_sign_in, queries};
use crate::leaks::{Output, leaks};
use crate::until;

async fn nothing_leaks(kept: Kept) {
    let mut around = Around::start().await;
    let mut server = Server::start(&around.setup(kept));
    let mut told = Told::new(&server, kept);
    malformed_sign_in(&server, &mut told);
    queries(&server, &mut told);
    malformed_bodies(&server, &mut told);
    sign_in(&server, &mut told, &around.provider);
    let secret = webhooks(&server, &mut told, &around.receiver);
    messages(&mut told, &around.receiver, &secret);
    tokens(&server, &mut told);
    packages(&mut told);
    work(&server, &mut told);
    until("messages", &server, || (around.receiver.taken().len() > 5).then_some(()));
    fail(&mut server, &mut told, &around, kept);
    if kept == Kept::Postgres {
        around.came_by_certificate().await;
    }
    lose_blobs(&server, &mut told, &mut around);
    read(&server, &mut told);
    if kept == Kept::File {
        backup(&server, &mut told);
        // While the host runs, there is a write-ahead log.
        files(&mut told, server.data(), "");
    }
    server.stop();
    files(&mut told, server.data(), "");
    if kept == Kept::Postgres {
        tables(&mut told, &around.postgres).await;
    }
    around.were_told(&server);
    look_through(told, &around);
}

/// Looks through everything that came out.
fn look_through(mut told: Told, around: &Around) {
    for body in around.collector.protobuf() {
        told.outputs.push(Output::new("traces", body));
    }
    for got in around.receiver.got() {
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
