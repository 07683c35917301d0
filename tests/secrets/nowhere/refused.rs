//! Hosts that do not start, for what is wrong with a secret, with where it is, or with what somebody says of it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

use macadam_tests::server::binary;
use macadam_tests::wire::Wire;

use super::setup::{S3, S3_SESSION};
use crate::leaks::{Canary, Output, leaks};

/// What nothing else has.
const SECRET: &str = "start-c6ff-ibis";

/// The same in bytes that are no text.
const NO_UTF8: &[u8] = b"start-c6ff-ibis\xff";

/// A start that must be refused; what it says must be without the secrets.
fn refused(what: &str, data: &Path, environment: &[(&str, &OsStr)], secrets: &[&str]) {
    let mut serve = Command::new(binary());
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    let ran = serve.envs(environment.iter().copied()).env("MACADAM_LOG", "trace").output().unwrap();
    assert!(!ran.status.success(), "{what} is refused");
    let said = Output::new(what, [ran.stdout, ran.stderr].concat());
    let canaries: Vec<_> = secrets.iter().map(|secret| Canary::new("a secret of the start", *secret)).collect();
    let leaks = leaks(&canaries, &[said]);
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

#[test]
fn a_start_that_is_refused_for_its_environment_shows_no_secret() {
    for (variable, value) in [
        ("MACADAM_DATABASE", "postgres://keeper:start-c6ff-ibis@127.0.0.1:9/kept"),
        ("MACADAM_DATABASE", "postgres://keeper:start-c6ff-ibis@[nonsense"),
        ("MACADAM_DATABASE", "postgres://keeper@127.0.0.1:9/kept?pasword=start-c6ff-ibis"),
        ("MACADAM_DATABASE", "mysql://keeper:start-c6ff-ibis@127.0.0.1/kept"),
        ("MACADAM_MASTER_KEY", "start-c6ff-ibis"),
        ("MACADAM_OTHER_MASTER_KEYS", "start-c6ff-ibis"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:start-c6ff-ibis@[nonsense"),
    ] {
        let data = tempfile::tempdir().unwrap();
        refused(variable, data.path(), &[(variable, OsStr::new(value))], &[SECRET]);
    }
    for variable in ["MACADAM_DATABASE", "MACADAM_MASTER_KEY"] {
        let data = tempfile::tempdir().unwrap();
        refused(variable, data.path(), &[(variable, OsStr::from_bytes(NO_UTF8))], &[SECRET]);
    }
}

#[test]
fn a_start_that_is_refused_for_its_configuration_shows_no_secret() {
    for config in [
        "database = 'mysql://keeper:start-c6ff-ibis@127.0.0.1/kept'",
        "database = 'postgres://keeper:start-c6ff-ibis@127.0.0.1:9/kept'",
        "database = ['postgres://keeper:start-c6ff-ibis@127.0.0.1:9/kept']",
        "database = postgres://keeper:start-c6ff-ibis@127.0.0.1:9/kept",
        "database-url-env = 'BYTES'",
        "database-url-file = 'secret'",
        "master-key-env = 'BYTES'",
        "master-key-file = 'secret'",
        "master-key-command = 'key start-c6ff-ibis'",
        "master-key-command = ['sh', '-c', 'echo start-c6ff-ibis']",
        "master-key-command = ['false', 'start-c6ff-ibis']",
        "other-master-key-envs = 'start-c6ff-ibis'",
        "other-master-key-envs = ['BYTES']",
        "[blobs]\nurl = 's3://ana:start-c6ff-ibis@bucket/blobs'",
        "[blobs]\nurl = 's3://bucket/blobs'\nendpoint = 'https://ana:start-c6ff-ibis@s3.example'",
        "[connections.sql]\nmain = 'postgres://u:start-c6ff-ibis@127.0.0.1/d'",
        "[connections.sql.main]\nurl = 'postgres://u:start-c6ff-ibis@[nonsense'",
        "[connections.sql.main]\nurl = 'postgres://u@127.0.0.1/d?pasword=start-c6ff-ibis'",
        "[connections.sql.main]\nurl = 'postgres://u:1?a=start-c6ff-ibis@127.0.0.1/d'",
        "[connections.sql.main]\nurl-env = 'BYTES'",
    ] {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("macadam.toml"), config).unwrap();
        let secret = data.path().join("secret");
        std::fs::write(&secret, "start-c6ff-ibis").unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        refused(config, data.path(), &[("BYTES", OsStr::from_bytes(NO_UTF8))], &[SECRET]);
    }
}

/// AWS repeats the request that it does not take, and the token of a session that has ended.
#[test]
fn a_start_that_the_store_of_blobs_refuses_shows_neither_its_key_nor_the_sessions_token() {
    let store = Wire::to_nobody(|head| {
        let document = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>The request \
             signature we calculated does not match.</Message><CanonicalRequest>{head}</CanonicalRequest>\
             <Token-0>{S3_SESSION}</Token-0></Error>"
        );
        let length = document.len();
        format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{document}")
    });
    let data = tempfile::tempdir().unwrap();
    let blobs = format!(
        "[blobs]\nurl = 's3://macadam/blobs'\nendpoint = 'http://127.0.0.1:{}'\nregion = 'us-east-1'\n",
        store.port()
    );
    std::fs::write(data.path().join("macadam.toml"), blobs).unwrap();
    let environment = [("AWS_ACCESS_KEY_ID", "ANA"), ("AWS_SECRET_ACCESS_KEY", S3), ("AWS_SESSION_TOKEN", S3_SESSION)];
    let environment = environment.map(|(name, value)| (name, OsStr::new(value)));
    refused("the store of blobs", data.path(), &environment, &[S3, S3_SESSION]);
    let heard = store.heard();
    assert!(heard.contains(&format!("x-amz-security-token: {S3_SESSION}")), "the store is told the token: {heard}");
}
