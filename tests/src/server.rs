//! The real server: the `macadam` binary as its own process, over HTTP and by its command line.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::components::{component, source_root};
use crate::exchange::{agent, answer, answer_from, exchange};
use crate::postgres::{Postgres, free_port};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How a server is set up.
#[derive(Default)]
pub struct Setup {
    /// The `[[plugins]]` of its configuration, and whatever else of TOML.
    pub config: String,
    /// Whether the people of development, dana, amir and ada, are kept out.
    pub production: bool,
    /// The teams and environments; the default ones when empty.
    pub organisation: String,
    /// Variables of its environment.
    pub environment: Vec<(String, String)>,
}

/// A data directory with the shipped plugins in its registry, and the server that works on it.
pub struct Server {
    directory: tempfile::TempDir,
    environment: Vec<(String, String)>,
    process: Option<Child>,
    port: u16,
    production: bool,
}

/// Someone who calls the server.
pub struct Person<'a> {
    server: &'a Server,
    token: String,
}

/// Someone on a connection that is kept.
pub struct Connection<'a> {
    person: &'a Person<'a>,
    agent: ureq::Agent,
}

impl Connection<'_> {
    /// Asks for something.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(self.person.server.url(path))
            .header("authorization", self.person.bearer())
            .header("content-type", "application/json");
        answer_from(&self.agent, request.body(body.to_string()).expect("the request is well-formed"))
    }
}

/// Someone who calls a server whether it is there or not.
pub struct Remote {
    base: String,
    authorization: String,
    agent: ureq::Agent,
}

impl Remote {
    /// Asks for something. The status is 0 when there is no answer.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", &self.authorization)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        answer_from(&self.agent, request.body(body).expect("the request is well-formed"))
    }
}

/// An answer of the server.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `null` when there is none.
    pub body: Value,
}

impl Setup {
    /// The shipped plugins with thresholds that tests can reach, and `postgres-database` on a real server.
    pub fn with_postgres(postgres: &Postgres) -> Self {
        let connection = format!("[connections.sql.main]\nurl = \"{}\"\n", postgres.provisioner_url());
        let provider = r#"
[[plugins]]
plugin = "macadam/postgres-database@dev"
grants = ["sql:main", "secrets"]
"#;
        Self { config: format!("lease-seconds = 4\n{connection}{}{provider}", shipped()), ..Self::default() }
    }

    /// The shipped plugins that need nothing else.
    pub fn without_postgres() -> Self {
        Self { config: shipped(), ..Self::default() }
    }
}

fn shipped() -> String {
    r#"
[[plugins]]
plugin = "macadam/rate-card@dev"

[[plugins]]
plugin = "macadam/required-tags@dev"
[plugins.settings]
tags = [{ key = "owner" }]

[[plugins]]
plugin = "macadam/cost-threshold@dev"
[plugins.settings]
threshold = "50"
groups = ["finance"]

[[plugins]]
plugin = "macadam/production-gate@dev"
[plugins.settings]
groups = ["platform"]

[[plugins]]
plugin = "macadam/team-quota@dev"

[[plugins]]
plugin = "macadam/local-directory@dev"
grants = ["files:workspaces"]

[[plugins]]
plugin = "macadam/rest-api@dev"
"#
    .to_owned()
}

const PLUGINS: [(&str, &str); 8] = [
    ("policies", "cost-threshold"),
    ("policies", "production-gate"),
    ("policies", "required-tags"),
    ("policies", "team-quota"),
    ("estimators", "rate-card"),
    ("providers", "local-directory"),
    ("providers", "postgres-database"),
    ("generators", "rest-api"),
];

/// The binary that cargo has built.
pub fn binary() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| source_root().join("target"), PathBuf::from);
    let binary = target.join("debug/macadam");
    assert!(binary.is_file(), "the server is not built; run `cargo xtask test`, which builds it first");
    binary
}

impl Server {
    /// Starts a server on a data directory of its own and waits until it is ready.
    pub fn start(setup: &Setup) -> Self {
        let mut server = Self::prepare(setup);
        server.launch();
        server
    }

    /// Sets up the data directory without starting anything.
    pub fn prepare(setup: &Setup) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let write = |name: &str, text: &str| {
            if !text.is_empty() {
                std::fs::write(directory.path().join(name), text).expect("the data directory can be written");
            }
        };
        write("macadam.toml", &unlimited(&setup.config));
        write("organisation.toml", &setup.organisation);
        publish_shipped(&directory.path().join("registry"));
        // Every server would compile the same plugins again; what one has compiled serves them all.
        let cache = source_root().join("guests/target/code-cache");
        std::fs::create_dir_all(&cache).expect("the shared cache is there");
        std::os::unix::fs::symlink(cache, directory.path().join("cache")).expect("the cache is linked");
        Self {
            directory,
            environment: setup.environment.clone(),
            process: None,
            port: free_port(),
            production: setup.production,
        }
    }

    /// Has the process find another value in its environment when it is started the next time.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        self.directory.path()
    }

    /// Starts the process, and waits until it is ready.
    pub fn launch(&mut self) {
        self.launch_without_waiting();
        self.wait_until_ready();
    }

    /// Waits until the process can serve.
    pub fn wait_until_ready(&mut self) {
        let begin = Instant::now();
        loop {
            let exited = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            assert!(exited.is_none(), "the server ended instead of serving: {exited:?}\n{}", self.log());
            let ready = ureq::get(&self.url("/readyz")).config().http_status_as_error(false).build().call();
            match ready {
                Ok(answer) if answer.status() == 200 => return,
                other if begin.elapsed() > PATIENCE => {
                    let body = other.map(|mut answer| answer.body_mut().read_to_string().unwrap_or_default());
                    panic!("the server is not ready: {body:?}\n{}", self.log());
                }
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Starts the process.
    pub fn launch_without_waiting(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.data().join("server.log"));
        let process = Command::new(binary())
            .arg("serve")
            .args((!self.production).then_some("--development"))
            .arg("--data")
            .arg(self.data())
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(log.expect("the log can be written"))
            .spawn();
        self.process = Some(process.expect("the server starts"));
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data().join("server.log")).unwrap_or_default()
    }

    /// Ends the process without a warning, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Stops the process where it is, as a machine that sleeps would.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets a process go on that was paused.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
    }

    /// Asks the process to end, and waits until it has.
    pub fn stop(&mut self) {
        if self.process.is_none() {
            return;
        }
        self.signal("-TERM");
        let Some(mut process) = self.process.take() else { return };
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = process.try_wait().expect("the process can be waited for") {
                assert!(status.success(), "a server that is asked to end ends well: {status}\n{}", self.log());
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = process.kill();
        panic!("the server did not end when it was asked to\n{}", self.log());
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// The memory that the process holds, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let process = self.process.as_ref().expect("the server runs");
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number of kilobytes");
        kilobytes * 1024
    }

    /// An address on the server.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// One of the people that the server made on its first run: `dana` develops, `amir` approves, `ada` administers.
    pub fn person(&self, name: &str) -> Person<'_> {
        let text = std::fs::read_to_string(self.data().join("tokens.txt")).expect("the first run has written tokens");
        let token = text.lines().find_map(|line| {
            let (person, token) = line.split_once(' ')?;
            (person == name).then(|| token.trim().to_owned())
        });
        Person { server: self, token: token.unwrap_or_else(|| panic!("there is no token for {name}")) }
    }

    /// Whoever has this token.
    pub fn bearing(&self, token: &str) -> Person<'_> {
        Person { server: self, token: token.to_owned() }
    }

    /// A person of the first run, when that has got so far.
    pub fn person_if_there(&self, name: &str) -> Option<Person<'_>> {
        let there = std::fs::read_to_string(self.data().join("tokens.txt")).unwrap_or_default();
        there.lines().any(|line| line.starts_with(&format!("{name} "))).then(|| self.person(name))
    }

    /// A person who does not mind when the server is killed and started meanwhile.
    pub fn remote(&self, person: &str, patience: Duration) -> Remote {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(patience)).build();
        Remote { base: self.url(""), authorization: self.person(person).bearer(), agent: agent.into() }
    }

    /// Runs the command line against this server, as a person.
    pub fn cli(&self, person: &str, arguments: &[&str]) -> Output {
        Command::new(binary())
            .args(["--server", &self.url(""), "--token", &self.person(person).token])
            .args(arguments)
            .output()
            .expect("the command line runs")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Person<'_> {
    /// Reads.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// Asks for something.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    /// Any request.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.send_with(method, path, body, &[])
    }

    /// Any request, with headers.
    pub fn send_with(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(self.server.url(path))
            .header("authorization", self.bearer())
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request =
            request.body(body.map(ToString::to_string).unwrap_or_default()).expect("the request is well-formed");
        answer(request)
    }

    /// Someone on a connection of their own, which is kept.
    pub fn connect(&self) -> Connection<'_> {
        Connection { person: self, agent: agent() }
    }

    /// Sends a package.
    pub fn publish(&self, archive: &[u8]) -> Answer {
        self.publish_signed(archive, None)
    }

    /// Sends a package with its signature, which is base64.
    pub fn publish_signed(&self, archive: &[u8], signature: Option<&str>) -> Answer {
        let mut request = ureq::http::Request::post(self.server.url("/api/v1/plugins"))
            .header("authorization", self.bearer())
            .header("content-type", "application/gzip");
        if let Some(signature) = signature {
            request = request.header("macadam-signature", signature);
        }
        answer(request.body(archive).expect("the request is well-formed"))
    }

    /// The bytes behind an address.
    pub fn download(&self, path: &str) -> Vec<u8> {
        let request = ureq::http::Request::get(self.server.url(path)).header("authorization", self.bearer());
        let (status, bytes) =
            exchange(&agent(), request.body(()).expect("the request is well-formed")).expect("the download works");
        assert_eq!(status, 200, "{path} can be downloaded: {}", String::from_utf8_lossy(&bytes));
        bytes
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// The header with which the person signs in.
    pub fn authorization(&self) -> String {
        format!("Authorization: {}", self.bearer())
    }

    /// Asks for a database.
    pub fn request_database(&self, environment: &str, name: &str, storage_gb: u32) -> Answer {
        self.post("/api/v1/resources", &database(environment, name, storage_gb))
    }

    /// Asks for a database under an idempotency key.
    pub fn request_database_once(&self, environment: &str, name: &str, storage_gb: u32, key: &str) -> Answer {
        let wish = database(environment, name, storage_gb);
        self.send_with("POST", "/api/v1/resources", Some(&wish), &[("idempotency-key", key)])
    }

    /// Approves a request as it is decided now.
    pub fn approve(&self, request: &str) -> Answer {
        let shown = self.get(&format!("/api/v1/requests/{request}"));
        let digest = shown.body["digest"].clone();
        self.post(&format!("/api/v1/requests/{request}/approve"), &json!({"digest": digest}))
    }

    /// Waits until a request has come to an end, and says to which.
    pub fn wait_for(&self, request: &str) -> String {
        let begin = Instant::now();
        loop {
            let shown = self.get(&format!("/api/v1/requests/{request}"));
            let state = shown.body["state"].as_str().unwrap_or_default().to_owned();
            if ["succeeded", "failed", "rejected", "denied", "expired", "cancelled"].contains(&state.as_str()) {
                return state;
            }
            assert!(begin.elapsed() < PATIENCE, "request {request} does not end: {shown:?}\n{}", self.server.log());
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Answer {
    /// The id of the request that was made.
    pub fn request(&self) -> String {
        self.body["request"].as_str().unwrap_or_else(|| panic!("there is no request in {self:?}")).to_owned()
    }
}

/// The body of a request for a database.
pub fn database(environment: &str, name: &str, storage_gb: u32) -> Value {
    json!({
        "environment": environment, "type": "postgres-database", "name": name,
        "spec": {"storage_gb": storage_gb}, "tags": {"owner": "payments"},
    })
}

/// Tests ask more often than people may, unless they are about just that.
fn unlimited(config: &str) -> String {
    if config.contains("[rate-limits]") {
        return config.to_owned();
    }
    let limits = ["token", "team", "failures"].map(|of| format!("{of} = {{ per-minute = 0, burst = 0 }}"));
    format!("{config}\n[rate-limits]\n{}\n", limits.join("\n"))
}

fn publish_shipped(registry: &Path) {
    let registry = macadam_registry::Registry::open(registry).expect("the registry opens");
    for (kind, name) in PLUGINS {
        let folder = source_root().join("guests").join(kind).join(name);
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).expect("the plugin's files are there");
        let (manifest, readme) = (read("plugin.toml"), read("README.md"));
        let package = macadam_registry::pack(&manifest, &component(name), &readme, macadam_registry::Versioning::Dev);
        let package = package.unwrap_or_else(|error| panic!("{name} can be packed: {error}"));
        registry.publish(&package, jiff::Timestamp::now()).expect("it can be published");
    }
}
