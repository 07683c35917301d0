//! Connections: taken while there is room, served as HTTP/1.1, and let go when the server stops.
//!
//! ```text
//! room for one more ─▶ accepted ─▶ a request's head, in time ─▶ the router ─▶ the next head, in time ─▶ …
//!                                                 └─▶ closed, which gives the room back
//! ```
//!
//! `axum::serve` bounds none of it: whoever opens connections and sends half a head on each, or takes nothing of what is
//! answered, would hold descriptors for ever, without ever being asked who they are.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

use crate::stalled::Stalling;

/// How long a connection may take until the head of a request is there, the first as well as each that follows. Proxies
/// keep idle connections for a minute (nginx, the load balancers of AWS), and must be the ones who end them: a request on
/// one that is just being closed here would fail.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// How long the other end may take nothing of an answer: twice what a stream of events waits for its client, and time enough
/// for a network that is away for a moment.
const STALLED: Duration = Duration::from_secs(60);

/// How many connections there may be at once: more than some thousand people and their pipelines keep open. With some tens
/// of kilobytes for each they take a few hundred megabytes at the very most.
const MOST: usize = 10_000;

/// How long to wait when no connection can be accepted, such as when the process has no descriptor left: others are closed
/// meanwhile, and asking again at once would only turn in a circle.
const PAUSE: Duration = Duration::from_millis(500);

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    head_timeout: Duration,
    stalled: Duration,
    most: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { head_timeout: HEAD_TIMEOUT, stalled: STALLED, most: MOST }
    }
}

/// Serves until `shutdown` comes, then takes no new connection and ends when the requests that are going on have.
pub(crate) async fn serve(listener: TcpListener, router: Router, bounds: Bounds, shutdown: impl Future<Output = ()>) {
    let room = Arc::new(Semaphore::new(bounds.most));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head_timeout);
    let open = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, peer, place) = tokio::select! {
            accepted = next(&listener, &room) => accepted,
            () = &mut shutdown => break,
        };
        let router = router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            router.clone().oneshot(request)
        });
        let stream = TokioIo::new(Stalling::new(stream, bounds.stalled));
        let connection = open.watch(http.serve_connection(stream, service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "a connection ended badly");
            }
            drop(place);
        });
    }
    // Whoever connects from here on is refused, instead of waiting for somebody to accept.
    drop(listener);
    open.shutdown().await;
}

/// The next connection, and its place among those that are open.
async fn next(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = place(room).await;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted now");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// A place for one more connection. Without one, whoever connects waits in the listener's queue.
async fn place(room: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    if room.available_permits() == 0 {
        tracing::warn!("there are as many connections as there may be; the next one waits until another ends");
    }
    match Arc::clone(room).acquire_owned().await {
        Ok(place) => place,
        // Nobody closes the semaphore.
        Err(_) => std::future::pending().await,
    }
}

/// Whether only the connection that would have been the next is meant, which was gone before it was accepted.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::*;

    /// Long enough for whatever should happen, on the slowest machine.
    const SURELY: Duration = Duration::from_secs(20);

    /// Long enough for what should not happen to be noticed on most.
    const A_WHILE: Duration = Duration::from_millis(100);

    /// A server, and what stops it.
    struct Server {
        address: SocketAddr,
        stop: Arc<Notify>,
        ended: JoinHandle<()>,
    }

    impl Server {
        async fn start(router: Router, bounds: Bounds) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (address, stop) = (listener.local_addr().unwrap(), Arc::new(Notify::new()));
            let told = Arc::clone(&stop);
            let ended = tokio::spawn(serve(listener, router, bounds, async move { told.notified().await }));
            Self { address, stop, ended }
        }

        async fn connect(&self) -> TcpStream {
            TcpStream::connect(self.address).await.unwrap()
        }

        /// Connects and asks for `/`, and for the connection to be closed after the answer.
        async fn ask(&self) -> TcpStream {
            let mut stream = self.connect().await;
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
            stream
        }
    }

    async fn answer(mut stream: TcpStream) -> String {
        let mut text = String::new();
        timeout(SURELY, stream.read_to_string(&mut text)).await.expect("it is answered").unwrap();
        text
    }

    fn greeting() -> Router {
        Router::new().route("/", get(async || "hello"))
    }

    #[tokio::test]
    async fn a_connection_that_sends_half_a_head_is_closed() {
        let bounds = Bounds { head_timeout: Duration::from_millis(50), ..Bounds::default() };
        let server = Server::start(greeting(), bounds).await;
        for half in ["", "GET / HTTP/1.1\r\nhost: a"] {
            let mut slow = server.connect().await;
            slow.write_all(half.as_bytes()).await.unwrap();
            let closed = timeout(SURELY, slow.read_to_end(&mut Vec::new())).await;
            assert!(closed.is_ok(), "{half:?} holds its connection for ever");
        }
        assert!(answer(server.ask().await).await.ends_with("hello"), "others are served");
    }

    #[tokio::test]
    async fn a_server_that_stops_takes_nothing_new_and_waits_for_what_is_going_on() {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait) = (Arc::clone(&begun), Arc::clone(&go));
        let slow = move || {
            let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
            async move {
                tell.notify_one();
                wait.notified().await;
                "done"
            }
        };
        let mut server = Server::start(Router::new().route("/", get(slow)), Bounds::default()).await;
        let (idle, asked) = (server.connect().await, server.ask().await);
        timeout(SURELY, begun.notified()).await.expect("the request begins");
        server.stop.notify_one();
        assert!(timeout(A_WHILE, &mut server.ended).await.is_err(), "a request is still going on");
        assert!(TcpStream::connect(server.address).await.is_err(), "nobody new is let in");
        assert_eq!(answer(idle).await, "", "who asked for nothing is let go");
        go.notify_one();
        assert!(answer(asked).await.ends_with("done"), "the request is answered to its end");
        timeout(SURELY, server.ended).await.expect("then the server ends").unwrap();
    }

    #[tokio::test]
    async fn a_connection_for_which_there_is_no_room_waits_until_another_ends() {
        let server = Server::start(greeting(), Bounds { most: 1, ..Bounds::default() }).await;
        let first = server.connect().await;
        let mut second = server.ask().await;
        let early = timeout(A_WHILE, second.read_u8()).await;
        assert!(early.is_err(), "there is room for one: {early:?}");
        drop(first);
        assert!(answer(second).await.ends_with("hello"), "the first has made room");
    }

    #[tokio::test]
    async fn a_connection_whose_client_reads_nothing_of_its_answer_is_closed_and_a_slow_one_is_not() {
        // More than all buffers between the two take.
        let large = || async { vec![b'x'; 64 * 1024 * 1024] };
        let bounds = Bounds { stalled: Duration::from_millis(300), most: 1, ..Bounds::default() };
        let server = Server::start(Router::new().route("/", get(large)), bounds).await;
        let stalled = server.ask().await;
        let mut slow = server.ask().await;
        let (mut taken, mut bytes) = (0, vec![0; 8 * 1024 * 1024]);
        loop {
            let more = timeout(SURELY, slow.read(&mut bytes)).await.expect("the first has made room").unwrap();
            if more == 0 {
                break;
            }
            taken += more;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(taken > 64 * 1024 * 1024, "whoever takes something now and then gets all of it, and got {taken}");
        drop(stalled);
    }

    #[tokio::test]
    async fn whoever_answers_knows_the_address_at_the_other_end() {
        let whose = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
        let server = Server::start(Router::new().route("/", get(whose)), Bounds::default()).await;
        assert!(answer(server.ask().await).await.ends_with("127.0.0.1"));
    }
}
