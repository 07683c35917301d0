//! A real PostgreSQL server of the test's own, gone when the test is over. The store's tests include this file as well.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// Runs the server until standard input ends, which it does when the test is over however it ends: also when it is
/// killed, and also for a server that is kept for the whole process and so is never dropped. Then nothing is left.
const WATCHED: &str = r#"
directory=$1; shift
"$@" & server=$!
cat > /dev/null
kill -QUIT $server
wait $server
rm -rf "$directory"
"#;

/// A running server with a role that may make databases and roles, and nothing else.
pub struct Postgres {
    /// The server, and those that came after one that was killed.
    servers: Vec<Child>,
    port: u16,
    directory: tempfile::TempDir,
    /// Whether a commit waits for the disk.
    durable: bool,
}

impl Postgres {
    /// Starts one on a free port of the loopback interface.
    pub async fn start() -> Self {
        Self::begin(false).await
    }

    /// Starts one whose commits wait for the disk, as those of a real server do.
    pub async fn start_durable() -> Self {
        Self::begin(true).await
    }

    async fn begin(durable: bool) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data = directory.path().join("data");
        let programs = programs();
        open_for(directory.path());
        let mut init = as_other_user(&programs.join("initdb"));
        init.args(["--auth=trust", "--username=admin", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"]).arg(&data);
        let output = init.output().expect("initdb runs");
        assert!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
        let mut postgres = Self { servers: Vec::new(), port: free_port(), directory, durable };
        postgres.serve();
        let mut admin = postgres.wait().await;
        let role = "create role provisioner login createdb createrole password 'provisioner'";
        sqlx::raw_sql(role).execute(&mut admin).await.expect("the provisioner's role is made");
        postgres
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn serve(&mut self) {
        let mut server = as_other_user(Path::new("/bin/sh"));
        server.args(["-c", WATCHED, "sh"]).arg(self.directory.path());
        server.arg(programs().join("postgres")).arg("-D").arg(self.data());
        server.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        server.args((!self.durable).then_some("-F"));
        server.args(["-c", "unix_socket_directories=", "-c", "max_connections=400"]);
        let server = server.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.servers.push(server.expect("postgres starts"));
    }

    /// Ends the server without a warning. What was committed is there when it comes back.
    pub fn kill(&mut self) {
        let written = fs::read_to_string(self.data().join("postmaster.pid")).expect("the server runs");
        let id = written.lines().next().expect("the file begins with the process's id");
        let killed = Command::new("kill").args(["-KILL", id]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the server is killed");
    }

    /// Starts it again on the same data and the same port.
    pub async fn revive(&mut self) {
        let begin = Instant::now();
        loop {
            self.serve();
            // Its predecessor's processes end by themselves; until they have, a server refuses to start beside them.
            if self.answers_within(Duration::from_secs(2)).await {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "postgres does not come back");
        }
    }

    async fn answers_within(&self, time: Duration) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < time {
            if PgConnection::connect(&self.superuser_url()).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// The address that the host is given: a role that may make databases and roles.
    pub fn provisioner_url(&self) -> String {
        format!("postgres://provisioner:provisioner@127.0.0.1:{}/postgres", self.port)
    }

    /// The address of the superuser, which no plugin may have.
    pub fn superuser_url(&self) -> String {
        format!("postgres://admin@127.0.0.1:{}/postgres", self.port)
    }

    /// The databases that are there, without the server's own.
    pub async fn databases(&self) -> Vec<String> {
        let query = "select datname from pg_database where not datistemplate and datname <> 'postgres' order by 1";
        self.query(query).await
    }

    /// The roles that are there, without the server's own and the test's.
    pub async fn roles(&self) -> Vec<String> {
        let query = "select rolname from pg_roles where rolname not like 'pg\\_%' \
                     and rolname not in ('admin', 'provisioner') order by 1";
        self.query(query).await
    }

    /// The first column of a query by the superuser.
    pub async fn query(&self, query: &str) -> Vec<String> {
        let mut admin = PgConnection::connect(&self.superuser_url()).await.expect("the superuser connects");
        let rows = sqlx::raw_sql(AssertSqlSafe(query.to_owned())).fetch_all(&mut admin).await.expect("the query runs");
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    }

    async fn wait(&self) -> PgConnection {
        let begin = Instant::now();
        loop {
            match PgConnection::connect(&self.superuser_url()).await {
                Ok(connection) => return connection,
                Err(error) if begin.elapsed() > Duration::from_secs(60) => panic!("postgres does not answer: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The first one's watcher removes the directory, so it goes last.
        for server in self.servers.iter_mut().rev() {
            drop(server.stdin.take());
            let _ = server.wait();
        }
    }
}

/// A port that nobody uses now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Where the server's programs are: on the path, or where Debian puts them.
fn programs() -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&paths).find(|path| path.join("initdb").is_file());
    let packaged = || {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        versions.flatten().map(|version| version.path().join("bin")).find(|bin| bin.join("initdb").is_file())
    };
    on_path
        .or_else(packaged)
        .expect("PostgreSQL is installed: its `initdb` and `postgres`; `cargo xtask test` does that")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// PostgreSQL refuses to run as root, so root becomes nobody.
fn as_other_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
    command.current_dir("/");
    command
}

fn open_for(directory: &Path) {
    if is_root() {
        std::os::unix::fs::chown(directory, Some(65534), Some(65534)).expect("the directory becomes nobody's");
    }
}
