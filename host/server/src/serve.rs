//! The router as a whole, and the loop that serves it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::problem::{Problem, ProblemKind};
use crate::{ServerState, api, observe, operations};

/// How long requests may go on after the server was told to stop: several times what a decision takes, and less than the
/// half minute after which whoever stops services kills them.
const GRACE: Duration = Duration::from_secs(15);

/// Every route there is.
pub fn router(state: ServerState) -> Router {
    Router::new()
        .route("/healthz", get(operations::health))
        .route("/readyz", get(operations::ready))
        .route("/metrics", get(operations::metrics))
        .route("/problems/{kind}", get(explain))
        .nest("/api/v1", api::routes(&state))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(state.clone(), observe::observe))
        .with_state(state)
}

/// Serves until `shutdown` comes, then takes no new connection and lets requests finish, for a while.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: ServerState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let told = std::sync::Arc::new(Notify::new());
    let tell = std::sync::Arc::clone(&told);
    let feed = state.platform.feed().clone();
    let shutdown = async move {
        shutdown.await;
        // Streams of events would go on for as long as their clients listen.
        feed.stop();
        tell.notify_one();
    };
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(shutdown);
    let too_long = async {
        told.notified().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = served.into_future() => ended,
        () = too_long => {
            tracing::warn!(seconds = GRACE.as_secs(), "requests that were still going on are cut off");
            Ok(())
        }
    }
}

async fn unknown(uri: Uri) -> Problem {
    Problem::new(ProblemKind::NotFound, format!("there is nothing at {}", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(ProblemKind::MethodNotAllowed, format!("{} does not take {method}", uri.path()))
}

/// What a problem's `type` points to.
async fn explain(Path(word): Path<String>) -> Result<Response, Problem> {
    let kind = ProblemKind::ALL.into_iter().find(|kind| kind.as_str() == word);
    let kind = kind.ok_or_else(|| Problem::new(ProblemKind::NotFound, "there is no such kind of problem"))?;
    let text = format!("{} ({})\n\n{}\n", kind.title(), kind.status(), kind.remedy());
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}
