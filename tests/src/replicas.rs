//! Several servers that share a PostgreSQL database, a place of blobs and a key, and nothing else.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::components::source_root;
use crate::postgres::{Postgres, free_port};
use crate::server::{Server, Setup};

/// The user that the S3 server knows, and its password.
pub const CREDENTIALS: &str = "S3RVER";

/// Where servers keep what they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a directory that each of them reaches.
    Directory,
    /// On an S3 server.
    S3,
}

/// A real S3 server of the test's own. It looks whose key it is, and not whether signatures (of version 4) are by it.
pub struct S3 {
    server: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl S3 {
    /// Starts one with the bucket `macadam`, on a free port of the loopback interface.
    pub fn start() -> Self {
        let (directory, port) = (tempfile::tempdir().expect("a temporary directory"), free_port());
        let program = source_root().join("target/tools/s3/node_modules/.bin/s3rver");
        assert!(program.exists(), "the S3 server is not installed; run `cargo xtask test`, which installs it first");
        let mut command = Command::new(program);
        command.arg("-d").arg(directory.path()).args(["-a", "127.0.0.1", "-p", &port.to_string()]);
        command.args(["--no-vhost-buckets", "--configure-bucket", "macadam"]);
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let s3 = Self { server: server.expect("the S3 server starts"), port, directory };
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(60), "the S3 server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        s3
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as a power cut would; what it keeps stays.
    pub fn kill(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// Where it keeps the bucket.
    pub fn bucket(&self) -> PathBuf {
        self.directory.path().join("macadam")
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Servers that share a database, a place of blobs and a key. The first brings the shipped plugins in its registry, and
/// the people; the others have empty data directories.
pub struct Replicas {
    /// The servers, all started.
    pub servers: Vec<Server>,
    /// The database's server.
    pub postgres: Postgres,
    /// The S3 server, if that is the place.
    pub s3: Option<S3>,
    _blobs: tempfile::TempDir,
}

impl Replicas {
    /// Starts some servers one after the other.
    pub async fn start(count: usize, place: Place, config: &str) -> Self {
        let mut replicas = Self::prepare(count, place, config).await;
        for server in &mut replicas.servers {
            server.launch();
        }
        replicas
    }

    /// The same with nothing started yet.
    pub async fn prepare(count: usize, place: Place, config: &str) -> Self {
        let postgres = Postgres::start().await;
        postgres.query("create role keeper login password 'keeper'").await;
        postgres.query("create database kept owner keeper").await;
        let url = postgres.superuser_url().replace("admin@", "keeper:keeper@").replace("/postgres", "/kept");
        let (directory, s3) = (tempfile::tempdir().expect("a directory"), (place == Place::S3).then(S3::start));
        let blobs = match &s3 {
            Some(s3) => {
                format!("url = \"s3://macadam/blobs\"\nendpoint = \"{}\"\nregion = \"us-east-1\"", s3.endpoint())
            }
            None => format!("url = \"file://{}\"", directory.path().display()),
        };
        let config = format!("database = \"{url}\"\nlease-seconds = 4\n{config}\n[blobs]\n{blobs}\n");
        let key = "5ea1".repeat(16);
        let environment = [
            ("MACADAM_MASTER_KEY", key.as_str()),
            ("AWS_ACCESS_KEY_ID", CREDENTIALS),
            ("AWS_SECRET_ACCESS_KEY", CREDENTIALS),
        ];
        let environment: Vec<_> =
            environment.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let setup = || Setup { config: config.clone(), environment: environment.clone(), ..Setup::default() };
        let servers: Vec<Server> = (0..count).map(|_| Server::prepare(&setup())).collect();
        for server in servers.iter().skip(1) {
            std::fs::remove_dir_all(server.data().join("registry")).expect("only the first one brings packages");
        }
        write_people(servers.iter().map(Server::data));
        Self { servers, postgres, s3, _blobs: directory }
    }
}

/// The same three people with the same tokens for everybody. Who administers reads the whole audit log as well, which
/// administrators do not by themselves.
fn write_people<'a>(directories: impl Iterator<Item = &'a Path>) {
    let (mut people, mut tokens) = (String::new(), String::new());
    for (person, team, role, groups) in [
        ("dana", "payments", "developer", ""),
        ("amir", "platform", "approver\", \"publisher", "\"platform\", \"finance\""),
        ("ada", "platform", "admin\", \"auditor", ""),
    ] {
        let token = format!("mcd_{person}");
        let hash = macadam_core::digest::Digest::of(token.as_bytes()).hex();
        tokens.push_str(&format!("{person} {token}\n"));
        people.push_str(&format!(
            "[[people]]\nperson = \"{person}\"\nteam = \"{team}\"\nroles = [\"{role}\"]\ngroups = [{groups}]\n\
             token-sha256 = \"{hash}\"\n"
        ));
    }
    for directory in directories {
        std::fs::write(directory.join("people.toml"), &people).expect("the people are written");
        std::fs::write(directory.join("tokens.txt"), &tokens).expect("their tokens are written");
    }
}
