//! The real server: the `macadam` binary as its own process, over HTTP and by its command line.
//!
//! A [`Setup`] says what its data directory starts with; a [`Server`] is that directory and the process that works on it,
//! which tests start, stop, freeze and kill; a [`Person`] is somebody who calls it, and an [`Answer`] is what they get.

mod answer;
mod people;
mod process;
mod setup;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::Duration;

use crate::components::source_root;
use crate::postgres::free_port;

pub use answer::Answer;
pub use people::{Connection, Person, Remote, database};
pub use setup::Setup;

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A data directory with the shipped plugins in its registry, and the server that works on it.
pub struct Server {
    directory: tempfile::TempDir,
    environment: Vec<(String, String)>,
    process: Option<Child>,
    port: u16,
    production: bool,
}

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
        setup.write_into(directory.path());
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

    /// Runs the command line on the server's own machine: on its data directory, with its environment.
    pub fn operate(&self, arguments: &[&str]) -> Output {
        Command::new(binary())
            .arg("--data")
            .arg(self.data())
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("the command line runs")
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
