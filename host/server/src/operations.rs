//! What machines ask: is it alive, is it ready, what does it count.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use macadam_core::names::BindingName;
use macadam_platform::Platform;
use macadam_platform::authorization::{Action, Target};
use macadam_store::StoreError;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::ServerState;
use crate::api::enter;
use crate::document::problems::{Forbidden, Unauthenticated};
use crate::origin::peer;
use crate::problem::{Problem, ProblemKind};

/// That the process is alive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alive {
    /// `ok`.
    status: &'static str,
}

/// That the host can serve.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// `ready`.
    status: &'static str,
    /// How many bindings there are.
    plugins: usize,
    /// Those whose active version is in quarantine; something else answers for them.
    quarantined: Vec<BindingName>,
}

/// Whether the process is alive.
#[utoipa::path(
    get, path = "/healthz", operation_id = "health.get", tag = "operations", security(()),
    responses((status = 200, description = "It answers.", body = Alive)),
)]
pub(crate) async fn health() -> axum::Json<Alive> {
    axum::Json(Alive { status: "ok" })
}

/// Whether it can serve: every binding is in force and the store answers.
///
/// Why a plugin is not active is for people who are signed in. A plugin in quarantine has a fallback, and another replica
/// would have the same plugin: that is told and does not count. What another replica has changed and this one cannot load
/// does count, since that one can.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readiness.get", tag = "operations", security(()),
    responses((status = 200, description = "It can serve.", body = Ready)),
)]
pub(crate) async fn ready(State(state): State<ServerState>) -> Result<axum::Json<Ready>, Problem> {
    let store = in_time(state.platform.store().environments()).await.map(drop);
    readiness(&state.platform, store).map(axum::Json)
}

/// How long the store may take to answer whoever asks whether it does. The store itself waits for longer when a database is
/// away, and so probes (five seconds in `deploy/`) and scrapes (ten, unless Prometheus is told otherwise) would be given up
/// before they heard why.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the store answers, if it does so in time.
async fn in_time<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, Problem> {
    let why = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("nothing for {} s", PATIENCE.as_secs()),
    };
    tracing::error!(%why, "the store does not answer");
    Err(Problem::new(ProblemKind::Unavailable, "the store does not answer"))
}

/// The one check behind `/readyz` and the gauge, given what came of asking the store.
fn readiness(platform: &Platform, store: Result<(), Problem>) -> Result<Ready, Problem> {
    store?;
    if let Some(why) = platform.access().closed() {
        tracing::error!(%why, "not ready");
        return Err(Problem::new(
            ProblemKind::Unavailable,
            "the access policies cannot be used; GET /api/v1/access/policies says why",
        ));
    }
    let active = platform.plugins().active();
    let failed: Vec<_> = active.failed().map(|(plugin, _)| plugin).collect();
    let behind: Vec<_> = platform.plugins().behind().into_keys().collect();
    if failed.is_empty() && !behind.is_empty() {
        let names: Vec<_> = behind.iter().map(BindingName::as_str).collect();
        let detail = format!("changed elsewhere, and not in force here: {}; the log says why", names.join(", "));
        return Err(Problem::new(ProblemKind::Unavailable, detail).with("behind", json!(behind)));
    }
    if failed.is_empty() {
        let quarantined = active.quarantined().cloned().collect();
        return Ok(Ready { status: "ready", plugins: active.status.len(), quarantined });
    }
    let detail = format!("not active: {}; GET /api/v1/plugins says why", failed.join(", "));
    Err(Problem::new(ProblemKind::Unavailable, detail).with("failed", json!(failed)))
}

/// Everything that is counted, as Prometheus reads it. Takes a token unless it is open to whoever reaches the port.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics.get", tag = "operations", security((), ("bearer" = [])),
    responses(
        (
            status = 200, description = "OpenMetrics text.", body = String,
            content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        Unauthenticated,
        Forbidden,
    ),
)]
pub(crate) async fn metrics(State(state): State<ServerState>, request: Request) -> Result<Response, Problem> {
    if !state.open_metrics {
        let caller = enter(&state, request.headers(), peer(&request)).await?;
        state.platform.authorize(&caller, Action::MetricsRead, &Target::Platform)?;
    }
    let now = Timestamp::now();
    // What the host itself counts is shown also while the store does not answer: that is when it is looked at. Whether
    // it does is seen from what has to be asked anyway, so that a store in trouble holds up a scrape once and not twice.
    let totals = in_time(state.platform.store().job_totals(now)).await;
    let store = totals.map(|totals| state.metrics.note_jobs(&totals, now));
    state.metrics.note_ready(readiness(&state.platform, store).is_ok());
    let text = state.metrics.text().map_err(|error| Problem::internal(&error))?;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, media_type)], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_says_nothing_is_given_up_before_probes_and_scrapes_are() {
        let begin = tokio::time::Instant::now();
        let asked = in_time(std::future::pending::<Result<(), StoreError>>()).await;
        assert!(asked.is_err(), "nothing is no answer");
        assert!(begin.elapsed() < Duration::from_secs(5), "a probe of Kubernetes waits for five seconds");
        assert!(in_time(std::future::ready(Ok::<_, StoreError>(7))).await.is_ok_and(|answer| answer == 7));
    }
}
