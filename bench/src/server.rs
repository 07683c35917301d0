//! From the start of the program to readiness, with the shipped plugins and a warm cache.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use macadam_tests::postgres::free_port;
use macadam_tests::server::{Server, Setup};

use crate::Effort;
use crate::figures::Report;
use crate::race::median;

/// How long a first start may take, which compiles every plugin.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures the group.
pub(crate) fn measure(effort: Effort, program: Option<&Path>, report: &mut Report) -> anyhow::Result<()> {
    let Some(program) = program else {
        report.skip("server/ready", "ms", None, "no program was given");
        return Ok(());
    };
    let data = Server::prepare(&Setup::without_postgres());
    let first = start(program, data.data())?;
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds.min(7) {
        let ready = start(program, data.data())?;
        times.push(ready.milliseconds);
        memory.push(ready.resident_kib / 1024.0);
    }
    report.add("server/ready", median(times), "ms", None);
    report.add("server/memory", median(memory), "MiB", None);
    report.add("server/first-start", first.milliseconds, "ms", Some("server/ready"));
    if program.components().any(|part| part.as_os_str() == "debug") {
        report.note("The server was a development build.".to_owned());
    }
    Ok(())
}

struct Ready {
    milliseconds: f64,
    resident_kib: f64,
}

/// Starts the server, waits until it is ready, and ends it.
fn start(program: &Path, data: &Path) -> anyhow::Result<Ready> {
    let begin = Instant::now();
    let running = Running::start(program, data)?;
    let milliseconds = begin.elapsed().as_secs_f64() * 1e3;
    let resident_kib = memory_kib(running.id(), "VmRSS")?;
    running.end()?;
    Ok(Ready { milliseconds, resident_kib })
}

/// What the system says of a process's memory under a name, such as `VmRSS`.
pub(crate) fn memory_kib(process: u32, name: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let line = line.with_context(|| format!("the system does not say {name} of a process"))?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// A server that is not left behind.
pub(crate) struct Running {
    process: Child,
    address: String,
}

impl Running {
    /// Starts a program on a data directory, and waits until it is ready.
    pub(crate) fn start(program: &Path, data: &Path) -> anyhow::Result<Self> {
        let address = format!("127.0.0.1:{}", free_port());
        let begin = Instant::now();
        let process = Command::new(program)
            .args(["serve", "--development"])
            .arg("--data")
            .arg(data)
            .args(["--listen", &address])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(data.join("server.log"))?)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let mut running = Self { process, address };
        while !is_ready(&running.address) {
            if let Some(status) = running.process.try_wait()? {
                bail!("the server ended: {status}\n{}", std::fs::read_to_string(data.join("server.log"))?);
            }
            ensure!(begin.elapsed() < PATIENCE, "the server does not get ready");
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(running)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.process.try_wait()?.is_some())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        let status = self.process.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_ready(address: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}
