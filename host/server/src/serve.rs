//! The router as a whole, and the loop that serves it.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::connections::{self, Bounds};
use crate::document::pages;
use crate::problem::{Problem, ProblemKind};
use crate::{ServerState, api, compress, cross_origin, observe, operations};

/// How long requests may go on after the server was told to stop: several times what a decision takes, and less than the
/// half minute after which whoever stops services kills them.
const GRACE: Duration = Duration::from_secs(15);

/// Every route there is.
pub fn router(state: ServerState) -> Router {
    let (router, _) = joined(api::routes(Some(&state))).split_for_parts();
    let router = router
        .route("/docs", get(pages::to_page))
        .route("/docs/", get(pages::page))
        .route("/docs/{*path}", get(pages::asset))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(compress::mark))
        .layer(compress::layer());
    let router = match cross_origin::layer(&state.origins) {
        Some(layer) => router.layer(layer),
        None => router,
    };
    router.layer(from_fn_with_state(state.clone(), observe::observe)).with_state(state)
}

/// Every route of the API, described and without what surrounds them.
pub(crate) fn table() -> OpenApiRouter<ServerState> {
    joined(api::routes(None))
}

fn joined(api: OpenApiRouter<ServerState>) -> OpenApiRouter<ServerState> {
    OpenApiRouter::new()
        .routes(routes!(operations::health))
        .routes(routes!(operations::ready))
        .routes(routes!(operations::metrics))
        .routes(routes!(explain))
        .nest("/api/v1", api.routes(routes!(pages::openapi)))
}

/// Serves until `shutdown` comes, then takes no new connection and lets requests finish, for a while.
///
/// # Errors
/// None now: what the listener cannot do for a while is waited for.
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
    let served = connections::serve(listener, router(state), Bounds::default(), shutdown);
    let too_long = async {
        told.notified().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = served => Ok(()),
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

/// What a problem's `type` points to: the kind, in words.
#[utoipa::path(
    get, path = "/problems/{kind}", operation_id = "problems.get", tag = "operations", security(()),
    params(("kind" = String, Path, description = "The kind's word, such as `conflict`.", example = "conflict")),
    responses((status = 200, description = "What it means and what to do.", body = String, content_type = "text/plain")),
)]
async fn explain(Path(word): Path<String>) -> Result<Response, Problem> {
    let kind = ProblemKind::ALL.into_iter().find(|kind| kind.as_str() == word);
    let kind = kind.ok_or_else(|| Problem::new(ProblemKind::NotFound, "there is no such kind of problem"))?;
    let text = format!("{} ({})\n\n{}\n", kind.title(), kind.status(), kind.remedy());
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}
