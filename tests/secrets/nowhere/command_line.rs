//! Secrets that the command line is given, as arguments, in files and in its environment, and those it is told.

use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use macadam_registry::{Versioning, pack};
use macadam_tests::components::{component, source_root};
use macadam_tests::receiver::Receiver;
use macadam_tests::server::{Server, binary};
use macadam_tests::wire::Wire;

use super::setup::{MASTER, OTHER};
use super::told::Told;
use crate::fake::{Answer, Fake};
use crate::leaks;

/// What wants to say much does.
const LOUD: [(&str, &str); 3] = [("MACADAM_LOG", "trace"), ("RUST_LOG", "trace"), ("RUST_BACKTRACE", "1")];

fn run(told: &mut Told, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    let ran = command.args(arguments).envs(LOUD).envs(environment.iter().copied()).output().expect("it runs");
    told.ran(&ran);
    ran
}

fn good(ran: &Output) {
    assert!(ran.status.success(), "{ran:?}");
}

fn bad(ran: &Output) {
    assert!(!ran.status.success(), "{ran:?}");
}

/// Tokens, and what is told of what is in the environment.
pub(super) fn tokens(server: &Server, told: &mut Told) {
    let bootstrap = "token bootstrap --team platform --name setup --role admin --days 1";
    let made = server.operate(&bootstrap.split(' ').collect::<Vec<_>>());
    good(&made);
    told.outputs.push(leaks::Output::new("the command line", made.stderr.clone()));
    // It is shown on standard output, once.
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    told.canary("a first token", &token);
    good(&run(told, &[("MACADAM_TOKEN", &token)], &["--server", &server.url(""), "whoami"]));
    told.canary("a token on the command line", "mcd_cli-b5ee-kite");
    bad(&run(told, &[], &["--server", &server.url(""), "--token", "mcd_cli-b5ee-kite", "request", "list"]));
    bad(&run(told, &[], &["--server", "http://127.0.0.1:9", "--token", "mcd_cli-b5ee-kite", "request", "list"]));
    bad(&run(told, &[], &["--server", &server.url(""), "--token", "mcd_cli-b5ee-kite\nx", "request", "list"]));
    bad(&run(told, &[], &["--token", "mcd_cli-b5ee-kite", "request", "lst"]));
    let variables = ["MACADAM_TOKEN", "MACADAM_DATABASE", "MACADAM_WEBHOOK_SECRET", "MACADAM_OCI_PASSWORD"];
    let variables = variables.map(|name| (name, "help-c4d1-smew"));
    for command in ["--help", "serve --help", "webhook verify --help", "plugin push --help"] {
        good(&run(told, &variables, &command.split(' ').collect::<Vec<_>>()));
    }
    told.canary("what is in the environment", "help-c4d1-smew");
    let proxy = Wire::to_nobody(|_| "HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n".to_owned());
    told.canary("a proxy's password", "proxy-9c0d-coot");
    let address = format!("http://ana:proxy-9c0d-coot@127.0.0.1:{}", proxy.port());
    let through = [("ALL_PROXY", address.as_str()), ("NO_PROXY", "localhost")];
    bad(&run(told, &through, &["--server", "https://192.0.2.1", "--token", &token, "whoami"]));
    let pair = STANDARD.encode("ana:proxy-9c0d-coot");
    assert!(proxy.heard().contains(&pair), "the proxy is told the password: {}", proxy.heard());
}

/// Secrets of webhooks, which their receivers check messages with.
pub(super) fn messages(told: &mut Told, receiver: &Receiver, secret: &str) {
    let got =
        receiver.taken().into_iter().find(|got| got.verify(secret).is_ok()).expect("one is signed with the secret");
    let folder = tempfile::tempdir().unwrap();
    let (body, file) = (folder.path().join("body"), folder.path().join("secret"));
    std::fs::write(&body, &got.body).unwrap();
    let [id, timestamp, signature] =
        ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| got.header(name));
    let arguments = ["--id", id, "--timestamp", timestamp, "--signature", signature, text(&body)];
    let verify = [&["webhook", "verify"][..], &arguments].concat();
    good(&run(told, &[("MACADAM_WEBHOOK_SECRET", secret)], &verify));
    told.canary("a webhook's secret that is none", "whsec_none-c7d8-ruff");
    bad(&run(told, &[("MACADAM_WEBHOOK_SECRET", "whsec_none-c7d8-ruff")], &verify));
    std::fs::write(&file, "whsec_none-c7d8-ruff").unwrap();
    bad(&run(told, &[], &[&verify[..], &["--secret-file", text(&file)]].concat()));
}

/// Keys that packages are signed with, and what registries are told and tell.
pub(super) fn packages(told: &mut Told) {
    let folder = tempfile::tempdir().unwrap();
    let (package, key, wrong) =
        (folder.path().join("package.tar.gz"), folder.path().join("key"), folder.path().join("wrong"));
    let source = source_root().join("guests/policies/required-tags");
    let read = |file: &str| std::fs::read_to_string(source.join(file)).unwrap();
    let packed = pack(&read("plugin.toml"), &component("required-tags"), &read("README.md"), Versioning::AsWritten);
    std::fs::write(&package, packed.unwrap().archive()).unwrap();
    good(&run(told, &[], &["plugin", "keygen", "--out", text(&key)]));
    let written = std::fs::read_to_string(&key).unwrap();
    let secret = written.lines().find(|line| !line.starts_with('#') && !line.trim().is_empty()).unwrap();
    told.canary("a key that signs", secret.rsplit([' ', ':']).next().unwrap().trim());
    good(&run(told, &[], &["plugin", "sign", text(&package), "--key", text(&key)]));
    told.canary("a key that signs nothing", "signing-d8e2-dunlin");
    std::fs::write(&wrong, "signing-d8e2-dunlin").unwrap();
    bad(&run(told, &[], &["plugin", "sign", text(&package), "--key", text(&wrong)]));
    push_and_pull(told, &package, folder.path());
}

/// A registry that takes one token, which its server of tokens gives for one password.
fn push_and_pull(told: &mut Told, package: &Path, folder: &Path) {
    const PASSWORD: &str = "oci-password-1a2b-teal";
    const TOKEN: &str = "oci-token-3c4d-knot";
    let wrong = ["oci-wrong-5e6f-loon", "oci-odd-7a8b-loon"];
    for secret in [PASSWORD, TOKEN, wrong[0], wrong[1]] {
        told.canary("a secret of a registry", secret);
    }
    let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("ana:{password}")));
    let (registry, tokens) = (Fake::start(), Fake::start());
    let (right, odd) = (basic(PASSWORD), basic(wrong[1]));
    tokens.answers(move |asked, _| match asked.authorization.as_deref() {
        Some(said) if said == right => Answer::of(200, format!("{{\"token\": \"{TOKEN}\"}}")),
        Some(said) if said == odd => Answer::of(200, format!("\"{TOKEN}\"")),
        _ => Answer::of(401, "{\"errors\": [{\"code\": \"UNAUTHORIZED\", \"message\": \"who are you?\"}]}"),
    });
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"fake\"", tokens.address());
    registry.answers(move |asked, answer| match asked.authorization.as_deref() {
        Some(said) if said == format!("Bearer {TOKEN}") => answer,
        _ => Answer::of(401, "").with("WWW-Authenticate", challenge.clone()),
    });
    let repository = format!("{}/macadam/approval-policy", registry.address());
    let push = ["plugin", "push", text(package), &repository, "--username", "ana"];
    let pushed = run(told, &[("MACADAM_OCI_PASSWORD", PASSWORD)], &[&push[..], &["--output", "json"]].concat());
    good(&pushed);
    let pushed: serde_json::Value = serde_json::from_slice(&pushed.stdout).unwrap();
    let reference = pushed["reference"].as_str().unwrap();
    let pull = ["plugin", "pull", reference, "--username", "ana", "--out", text(folder)];
    good(&run(told, &[("MACADAM_OCI_PASSWORD", PASSWORD)], &pull));
    for password in wrong {
        bad(&run(told, &[("MACADAM_OCI_PASSWORD", password)], &push));
        bad(&run(told, &[("MACADAM_OCI_PASSWORD", password)], &pull));
    }
    let asked = tokens.log();
    for password in [PASSWORD, wrong[0], wrong[1]] {
        let was_told = asked.iter().any(|asked| asked.authorization == Some(basic(password)));
        assert!(was_told, "the server of tokens is told {password}: {asked:?}");
    }
    let bearer = registry.log().iter().any(|asked| asked.authorization == Some(format!("Bearer {TOKEN}")));
    assert!(bearer, "the registry is told the token");
}

/// A backup is written and put back, with keys in files.
pub(super) fn backup(server: &Server, told: &mut Told) {
    let folder = tempfile::tempdir().unwrap();
    let (file, key, data) = (folder.path().join("backup.db"), folder.path().join("key"), folder.path().join("data"));
    let ran = server.operate(&["backup", text(&file)]);
    told.ran(&ran);
    good(&ran);
    told.outputs.push(leaks::Output::new("backup", std::fs::read(&file).unwrap()));
    told.canary("a key that is none", "restoring-e9f3-gull");
    let others = [("MACADAM_OTHER_MASTER_KEYS", MASTER)];
    let restore = ["--data", text(&data), "restore", text(&file), "--key", text(&key)];
    let another = "5ea1".repeat(16);
    told.canary("another host's key", &another);
    for wrong in ["restoring-e9f3-gull", &another] {
        std::fs::write(&key, wrong).unwrap();
        bad(&run(told, &[], &restore));
    }
    std::fs::write(&key, OTHER).unwrap();
    good(&run(told, &others, &restore));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path is a text")
}
