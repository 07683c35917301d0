//! The real identity provider: npm `oidc-provider` as its own process, a browser that signs people in, and the
//! machine of somebody who is signed in.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::components::source_root;
use crate::server::binary;

/// A running provider.
pub struct Provider {
    process: Child,
    /// What it writes, which must have somewhere to go: a provider that cannot write its notices ends.
    _output: BufReader<ChildStdout>,
    /// Its issuer.
    pub issuer: String,
}

fn script(name: &str) -> PathBuf {
    source_root().join("tests/src/oidc").join(name)
}

impl Provider {
    /// Starts one on a free port of the loopback interface.
    pub fn start() -> Self {
        let package = source_root().join("guests/target/oidc/node_modules/oidc-provider/lib/index.js");
        assert!(package.is_file(), "oidc-provider is not installed; run `cargo xtask test`, which does that first");
        let mut node = Command::new("node");
        node.arg(script("provider.mjs"))
            .arg(&package)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = node.spawn().expect("node runs");
        let mut issuer = String::new();
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        output.read_line(&mut issuer).expect("the provider says its issuer");
        assert!(issuer.starts_with("http://127.0.0.1:"), "the provider starts: {issuer:?}");
        Self { process, _output: output, issuer: issuer.trim().to_owned() }
    }

    /// What a host is told that trusts it.
    pub fn config(&self) -> String {
        format!(
            r#"
[[sign-in.oidc]]
issuer = "{}"
audience = ["macadam"]
client-id = "macadam-cli"
claims = {{ person = "sub", groups = "groups" }}
[[sign-in.oidc.groups]]
group = "payments-developers"
team = "payments"
roles = ["developer"]
[[sign-in.oidc.groups]]
group = "platform-approvers"
team = "platform"
roles = ["approver"]
approval-groups = ["platform", "finance"]
[[sign-in.oidc.groups]]
group = "platform-admins"
team = "platform"
roles = ["admin"]
"#,
            self.issuer
        )
    }

    /// Does something that only the provider's operator can.
    pub fn control(&self, what: &str) {
        ureq::post(format!("{}/control/{what}", self.issuer)).send_empty().expect("the provider takes that");
    }

    /// The codes and refresh tokens that it has given out.
    pub fn given(&self) -> Vec<Given> {
        let mut answer = ureq::get(format!("{}/control/given", self.issuer)).call().expect("the provider says it");
        let text = answer.body_mut().read_to_string().expect("text");
        let all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        let word = |one: &Value, name: &str| one[name].as_str().expect("a text").to_owned();
        let given =
            |one: &Value| Given { kind: word(one, "kind"), secret: word(one, "secret"), used: one["used"] == true };
        all.iter().map(given).collect()
    }

    /// Signs somebody in, at an address that the command line has shown.
    pub fn sign_in(address: &str, person: &str) {
        let browsed =
            Command::new("node").arg(script("browser.mjs")).args([address, person]).output().expect("node runs");
        assert!(browsed.status.success(), "{person} can sign in: {}", String::from_utf8_lossy(&browsed.stderr));
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Something secret that the provider has given out.
#[derive(Debug)]
pub struct Given {
    /// What it is, in the provider's words, such as `RefreshToken`.
    pub kind: String,
    /// The secret.
    pub secret: String,
    /// Whether it came back and was taken.
    pub used: bool,
}

/// Somebody's machine: a place for profiles, and the command line.
pub struct Machine {
    home: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub said: String,
    /// What it wrote to standard error.
    pub error: String,
}

impl Machine {
    /// A new one, on which nobody is signed in.
    #[allow(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a temporary directory") }
    }

    /// Where its profiles are.
    pub fn profiles(&self) -> PathBuf {
        self.home.path().join("profiles")
    }

    /// The tokens of a profile.
    pub fn credentials(&self, profile: &str) -> PathBuf {
        self.profiles().join(format!("credentials/{profile}.json"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.home.path()).env("MACADAM_PROFILES", self.profiles());
        for variable in ["MACADAM_TOKEN", "MACADAM_SERVER", "MACADAM_PROFILE", "MACADAM_AS", "MACADAM_DATA"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the command line.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().expect("the command line runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { code: output.status.code(), said: text(&output.stdout), error: text(&output.stderr) }
    }

    /// Signs in by a code, as a person who has a browser.
    pub fn login(&self, server: &str, profile: &str, person: &str) -> Ended {
        let mut command = self.command(&["--server", server, "--profile", profile, "login"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command line runs");
        let mut error = String::new();
        let mut stderr = BufReader::new(process.stderr.take().expect("its errors"));
        let mut line = String::new();
        while stderr.read_line(&mut line).expect("text") > 0 {
            if let Some(address) = line.strip_prefix("Open  ") {
                Provider::sign_in(address.trim(), person);
            }
            error.push_str(&std::mem::take(&mut line));
        }
        let output = process.wait_with_output().expect("the command ends");
        Ended { code: output.status.code(), said: String::from_utf8_lossy(&output.stdout).into_owned(), error }
    }
}

/// The token in a file of credentials.
pub fn token_in(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("somebody is signed in");
    let credentials: Value = serde_json::from_str(&text).expect("JSON");
    credentials["token"].as_str().expect("a token").to_owned()
}
