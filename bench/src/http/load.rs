//! The load: a few connections that are kept, each asking again as soon as it is answered.
//!
//! It is a process of its own, as the server's callers are. Were it a thread of the server's process, every change of
//! that process's page tables would interrupt it, and the sandbox changes them with each call.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::cores::Cores;
use crate::decision::current_thread;
use crate::figures::say;

/// Enough that the server always has something to do, few enough that requests do not queue for long.
const CONNECTIONS: usize = 32;

/// A request as it goes over the wire.
pub(super) fn request(path: &str, body: &str, headers: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Asks once and gives the whole answer.
pub(super) async fn ask_once(server: SocketAddr, request: &[u8]) -> anyhow::Result<String> {
    let mut connection = Connection::open(server).await?;
    connection.ask(request).await?;
    Ok(String::from_utf8_lossy(&connection.buffer).into_owned())
}

/// What a process of load is told on its command line; the request is its standard input.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LoadArgs {
    /// Puts load on a server, and nothing else: the request is read from standard input.
    #[arg(long, value_name = "ADDRESS", hide = true)]
    pub(crate) load: Option<SocketAddr>,
    /// For how long.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 200, hide = true)]
    load_for: u64,
    /// From which core.
    #[arg(long, value_name = "INDEX", default_value_t = 1, hide = true)]
    load_core: usize,
}

/// Asks for some time from a process of its own and gives the requests answered in a second.
pub(super) fn from_another_process(
    server: SocketAddr,
    request: &[u8],
    time: Duration,
    core: usize,
) -> anyhow::Result<f64> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--load", &server.to_string(), "--load-for", &time.as_millis().to_string()])
        .args(["--load-core", &core.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("the standard input of the load")?.write_all(request)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the load ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// What that process does: says how many requests were answered in a second.
pub(crate) fn in_this_process(server: SocketAddr, args: &LoadArgs) -> anyhow::Result<()> {
    Cores::available()?.pin(args.load_core)?;
    let mut request = Vec::new();
    std::io::stdin().lock().read_to_end(&mut request)?;
    let rate = current_thread()?.block_on(async {
        // The load's core must never sleep: waking it from another core is work of the server's, and the slower the
        // server, the more often it would have to.
        let awake = tokio::spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
        let rate = run(server, &request, Duration::from_millis(args.load_for)).await;
        awake.abort();
        rate
    })?;
    say(&rate.to_string());
    Ok(())
}

/// Asks for some time and gives the requests answered in a second.
async fn run(server: SocketAddr, request: &[u8], time: Duration) -> anyhow::Result<f64> {
    let mut tasks = JoinSet::new();
    let begin = Instant::now();
    for _ in 0..CONNECTIONS {
        let request = request.to_vec();
        tasks.spawn(async move {
            let mut connection = Connection::open(server).await?;
            let mut answered = 0_u64;
            while begin.elapsed() < time {
                connection.ask(&request).await?;
                answered += 1;
            }
            anyhow::Ok(answered)
        });
    }
    let mut answered = 0;
    while let Some(task) = tasks.join_next().await {
        answered += task??;
    }
    Ok(answered as f64 / begin.elapsed().as_secs_f64())
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(server: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads its answer to the end, which must be a success.
    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "the server closed the connection");
            if let Some(end) = whole_length(&self.buffer)?
                && self.buffer.len() >= end
            {
                return Ok(());
            }
        }
    }
}

/// How long the answer is, once its head is there.
fn whole_length(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    const LENGTH: &[u8] = b"content-length: ";
    let find = |what: &[u8]| answer.windows(what.len()).position(|window| window == what);
    let Some(head) = find(b"\r\n\r\n") else { return Ok(None) };
    if !answer.starts_with(b"HTTP/1.1 200") {
        bail!("the server refuses: {}", String::from_utf8_lossy(answer));
    }
    let from = find(LENGTH).context("the answer has a length")? + LENGTH.len();
    let digits: Vec<u8> = answer.iter().skip(from).copied().take_while(u8::is_ascii_digit).collect();
    Ok(Some(head + 4 + std::str::from_utf8(&digits)?.parse::<usize>()?))
}
