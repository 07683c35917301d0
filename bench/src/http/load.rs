//! The load: a few connections that are kept, each asking again as soon as it is answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

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

/// Asks for some time and gives the requests answered in a second.
pub(super) async fn run(server: SocketAddr, request: &[u8], time: Duration) -> anyhow::Result<f64> {
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
