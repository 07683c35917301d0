//! A decision over HTTP: the server on one core with one thread, the load on another and in a process of its own.
//!
//! Every route takes the same document. From the floor up: send it back; read it into a general value; read it into the
//! domain's types and decide natively; the same with the decision in the sandbox. The last is a whole server: sign-in,
//! and a preview, which validates the request with its provider, asks the policy and has the provider plan.

pub(crate) mod load;
mod routes;

use std::net::SocketAddr;
use std::sync::mpsc;

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::Effort;
use crate::cores::Cores;
use crate::decision::{current_thread, the_context};
use crate::figures::Report;
use crate::race::median;
use crate::whole;

const UNIT: &str = "requests/s";
const NATIVE: Option<&str> = Some("http/native");

/// What is asked, and how the answer starts when it is right.
struct Question {
    name: &'static str,
    request: Vec<u8>,
    answer: &'static str,
    whole_server: bool,
}

/// Measures the group.
pub(crate) fn measure(effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    let cores = Cores::available()?;
    if cores.count() < 2 {
        for name in ["http/native", "http/decision", "http/preview"] {
            report.skip(name, UNIT, None, "server and load need a core each");
        }
        return Ok(());
    }
    let questions = questions()?;
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); questions.len()];
    let server = Server::start(&cores)?;
    let load_core = cores.count() - 1;
    let runtime = current_thread()?;
    for question in &questions {
        let answer = runtime.block_on(load::ask_once(server.address(question), &question.request))?;
        ensure!(answer.contains(question.answer), "{} answers {answer}", question.name);
    }
    for round in 0..=effort.rounds {
        for (question, rates) in questions.iter().zip(&mut rates) {
            let address = server.address(question);
            let rate = load::from_another_process(address, &question.request, effort.round, load_core)?;
            // The first round warms everything up.
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    // The floor first, since the others are compared with it.
    let order = |name: &str| if Some(name) == NATIVE { 0 } else { 1 };
    let mut all: Vec<_> = questions.iter().zip(rates).collect();
    all.sort_by_key(|(question, _)| order(question.name));
    for (question, rates) in all {
        let ratio_to = NATIVE.filter(|native| *native != question.name);
        report.add(question.name, median(rates), UNIT, ratio_to);
    }
    Ok(())
}

fn questions() -> anyhow::Result<Vec<Question>> {
    let document = serde_json::to_string(&the_context())?;
    let plain = |name, path: &str, answer| Question {
        name,
        request: load::request(path, &document, ""),
        answer,
        whole_server: false,
    };
    let wish = json!({
        "environment": "dev", "type": "local-directory", "name": "notes", "tags": the_context().request.tags,
        "spec": {"quota_mb": 500},
    });
    let token = format!("authorization: Bearer {}\r\n", whole::TOKEN);
    let preview = load::request("/api/v1/preview", &wish.to_string(), &token);
    Ok(vec![
        plain("http/echo", "/echo", "payments"),
        plain("http/echo-value", "/value", "payments"),
        plain("http/native", "/native", "allow"),
        plain("http/native-value", "/native-value", "allow"),
        plain("http/decision", "/decision", "allow"),
        Question { name: "http/preview", request: preview, answer: "bench-policy", whole_server: true },
    ])
}

/// The server's thread, with the bare routes and the whole server.
struct Server {
    bare: SocketAddr,
    whole: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<anyhow::Result<()>>>,
}

impl Server {
    fn start(cores: &Cores) -> anyhow::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let cores = cores.clone();
        let thread = std::thread::spawn(move || {
            cores.pin(0)?;
            current_thread()?.block_on(serve(&tell, stopped))
        });
        match told.recv() {
            Ok((bare, whole)) => Ok(Self { bare, whole, stop: Some(stop), thread: Some(thread) }),
            Err(_) => {
                thread.join().ok().context("the server panicked")??;
                anyhow::bail!("the server ended before it served")
            }
        }
    }

    fn address(&self, question: &Question) -> SocketAddr {
        if question.whole_server { self.whole } else { self.bare }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(tell: &mpsc::Sender<(SocketAddr, SocketAddr)>, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let bare = TcpListener::bind("127.0.0.1:0").await?;
    let whole = TcpListener::bind("127.0.0.1:0").await?;
    let addresses = (bare.local_addr()?, whole.local_addr()?);
    let directory = tempfile::tempdir()?;
    let bare_routes = routes::bare().await?;
    let packages = [whole::policy("macadam/bench-policy", "1.0.0")?, whole::provider()?];
    let host = whole::host(directory.path(), &packages, &whole::bindings("macadam/bench-policy@1.0.0")?).await?;
    let whole_server = whole::routes(directory.path(), host)?;
    tell.send(addresses)?;
    tokio::select! {
        ended = routes::serve(bare, bare_routes) => ended,
        ended = routes::serve(whole, whole_server) => ended,
        _ = stopped => Ok(()),
    }
}
