//! Hosts that do not start, for what is wrong with a secret, with where it is, or with what somebody says of it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use macadam_tests::server::binary;
use macadam_tests::wire::Wire;

use super::setup::{S3, S3_SESSION};
use crate::leaks::{Canary, Output, leaks};

/// What nothing else has.
pub(super) const SECRET: &str = "start-c6ff-ibis";

/// The same in bytes that are no text.
const NO_UTF8: &[u8] = b"start-c6ff-ibis\xff";

/// How long a start may take to find that it is refused, so that a host that serves all the same ends the test.
const LONGEST: Duration = Duration::from_secs(120);

/// A start that must be refused for this reason; what it says must be without the secrets.
pub(super) fn refused(what: &str, reason: &str, data: &Path, environment: &[(&str, &OsStr)], secrets: &[&str]) {
    let file = data.join("said");
    let out = File::options().create(true).append(true).open(&file).unwrap();
    let err = out.try_clone().unwrap();
    let mut serve = Command::new(binary());
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).stdout(out).stderr(err);
    let mut host = serve.envs(environment.iter().copied()).env("MACADAM_LOG", "trace").spawn().unwrap();
    let ended = ended(&mut host);
    let said = std::fs::read(&file).unwrap();
    let canaries: Vec<_> = secrets.iter().map(|secret| Canary::new("a secret of the start", *secret)).collect();
    let leaks = leaks(&canaries, &[Output::new(what, said.clone())]);
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    let said = String::from_utf8_lossy(&said);
    assert!(!ended.expect("a host that does not end was not refused").success(), "{what} is refused");
    assert!(said.contains(reason), "{what} is refused, but not because {reason:?}: {said}");
}

/// How the host ended; nothing when it did not, and was killed.
fn ended(host: &mut Child) -> Option<ExitStatus> {
    let begin = Instant::now();
    while begin.elapsed() < LONGEST {
        if let Some(status) = host.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    host.kill().unwrap();
    host.wait().unwrap();
    None
}

#[test]
fn a_start_that_is_refused_for_its_environment_shows_no_secret() {
    for (variable, value, reason) in [
        ("MACADAM_DATABASE", "postgres://keeper:start-c6ff-ibis@127.0.0.1:9/kept", "keeper@127.0.0.1:9/kept cannot be"),
        (
            "MACADAM_DATABASE",
            "postgres://keeper:start-c6ff-ibis@[nonsense",
            "the address of the database cannot be used",
        ),
        ("MACADAM_DATABASE", "postgres://keeper@127.0.0.1:9/kept?pasword=start-c6ff-ibis", "\"pasword\" means nothing"),
        ("MACADAM_DATABASE", "mysql://keeper:start-c6ff-ibis@127.0.0.1/kept", "does not begin with postgres://"),
        ("MACADAM_MASTER_KEY", "start-c6ff-ibis", "MACADAM_MASTER_KEY: it is no key"),
        ("MACADAM_OTHER_MASTER_KEYS", "start-c6ff-ibis", "MACADAM_OTHER_MASTER_KEYS: it is no key"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://user:start-c6ff-ibis@[nonsense",
            "no address that traces can be sent to",
        ),
    ] {
        let data = tempfile::tempdir().unwrap();
        refused(variable, reason, data.path(), &[(variable, OsStr::new(value))], &[SECRET]);
    }
    for (variable, reason) in [
        ("MACADAM_DATABASE", "the variable MACADAM_DATABASE of the environment is no UTF-8"),
        ("MACADAM_OTHER_MASTER_KEYS", "MACADAM_OTHER_MASTER_KEYS of the environment cannot be"),
        ("MACADAM_MASTER_KEY", "MACADAM_MASTER_KEY of the environment cannot be"),
    ] {
        let data = tempfile::tempdir().unwrap();
        refused(variable, reason, data.path(), &[(variable, OsStr::from_bytes(NO_UTF8))], &[SECRET]);
    }
}

#[test]
fn a_start_that_is_refused_for_its_configuration_shows_no_secret() {
    for (config, reason) in [
        ("database = 'mysql://keeper:start-c6ff-ibis@127.0.0.1/kept'", "`database` of the configuration"),
        (
            "database = 'postgres://keeper:start-c6ff-ibis@127.0.0.1:9/kept'",
            "keeper@127.0.0.1:9/kept cannot be reached",
        ),
        ("database = ['postgres://keeper:start-c6ff-ibis@127.0.0.1:9/kept']", "`database`: invalid type"),
        ("database = postgres://keeper:start-c6ff-ibis@127.0.0.1:9/kept", "line 1: string values must be quoted"),
        ("database-url-env = 'BYTES'", "the variable BYTES of the environment cannot be read"),
        ("database-url-file = 'secret'", "`database-url-file` of the configuration"),
        ("master-key-env = 'BYTES'", "the variable BYTES of the environment cannot be read"),
        ("master-key-file = 'secret'", "secret: it is no key"),
        ("master-key-command = 'key start-c6ff-ibis'", "`master-key-command`: invalid type"),
        ("master-key-command = ['sh', '-c', 'echo start-c6ff-ibis']", "what the program sh writes: it is no key"),
        ("master-key-command = ['false', 'start-c6ff-ibis']", "the program false, which gives the key: it failed"),
        ("other-master-key-envs = 'start-c6ff-ibis'", "`other-master-key-envs`: invalid type"),
        ("other-master-key-envs = ['BYTES']", "the variable BYTES of the environment cannot be read"),
        ("[blobs]\nurl = 's3://ana:start-c6ff-ibis@bucket/blobs'", "`blobs.url` cannot be used: it has credentials"),
        (
            "[blobs]\nurl = 's3://bucket/blobs'\nendpoint = 'https://ana:start-c6ff-ibis@s3.example'",
            "`blobs.endpoint` cannot be used: it has credentials",
        ),
        (
            "[[sign-in.oidc]]\nissuer = 'https://ana:start-c6ff-ibis@login.example'\naudience = ['a']",
            "an issuer: `issuer`: leave out the name or password",
        ),
        (
            "[connections.sql]\nmain = 'postgres://u:start-c6ff-ibis@127.0.0.1/d'",
            "`connections.sql.main`: invalid type: string, expected a table with `url`, `url-env` or `url-file`",
        ),
        (
            "[connections.sql.main]\nurl = 'postgres://u:start-c6ff-ibis@[nonsense'",
            "`connections.sql.main`: the address of the SQL connection is not valid",
        ),
        (
            "[connections.sql.main]\nurl = 'postgres://u@127.0.0.1/d?pasword=start-c6ff-ibis'",
            "its parameter \"pasword\" means nothing",
        ),
        (
            "[connections.sql.main]\nurl = 'postgres://u:1?a=start-c6ff-ibis@127.0.0.1/d'",
            "it has an @ after a question mark",
        ),
        ("[connections.sql.main]\nurl-env = 'BYTES'", "the variable BYTES of the environment cannot be read"),
    ] {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("macadam.toml"), config).unwrap();
        let secret = data.path().join("secret");
        std::fs::write(&secret, "start-c6ff-ibis").unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        refused(config, reason, data.path(), &[("BYTES", OsStr::from_bytes(NO_UTF8))], &[SECRET]);
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
    refused("the store of blobs", "SignatureDoesNotMatch", data.path(), &environment, &[S3, S3_SESSION]);
    let heard = store.heard();
    assert!(heard.contains(&format!("x-amz-security-token: {S3_SESSION}")), "the store is told the token: {heard}");
}
