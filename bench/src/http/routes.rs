//! The bare routes: each does one step more than the one before.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use macadam_core::limits::Limits;
use macadam_core::request::PolicyContext;
use macadam_core::verdict::Verdict;
use macadam_runtime::clients::PolicyInput;
use macadam_tests::sandbox::{Policy, TestSandbox};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::rule::{self, SETTINGS};

/// What went wrong, for the measurement to stop at.
type Failed = (StatusCode, String);

#[derive(Clone)]
struct Decider {
    policy: Policy,
    settings: Arc<str>,
    /// Keeps the sandbox.
    _sandbox: Arc<TestSandbox>,
}

/// The routes.
pub(super) async fn bare() -> anyhow::Result<Router> {
    let sandbox = Arc::new(TestSandbox::start());
    let policy = sandbox.policy("bench-policy", Limits::DEFAULT).await;
    let decider = Decider { policy, settings: SETTINGS.into(), _sandbox: sandbox };
    Ok(Router::new()
        .route("/echo", post(async |body: Bytes| body))
        .route("/value", post(async |Json(body): Json<Value>| Json(body)))
        .route("/native", post(native))
        .route("/native-value", post(native_value))
        .route("/decision", post(decision))
        .with_state(decider))
}

async fn native(body: Bytes) -> Result<Json<Verdict>, Failed> {
    let context: PolicyContext = serde_json::from_slice(&body).map_err(failed)?;
    rule::by_domain(&context, SETTINGS).map(Json).map_err(failed)
}

async fn native_value(body: String) -> Result<Json<Verdict>, Failed> {
    rule::by_value(&body, SETTINGS).map(Json).map_err(failed)
}

async fn decision(State(decider): State<Decider>, body: Bytes) -> Result<Json<Verdict>, Failed> {
    let context: PolicyContext = serde_json::from_slice(&body).map_err(failed)?;
    let call = decider.policy.client.evaluate(PolicyInput::new(context), Arc::clone(&decider.settings)).await;
    call.outcome.map(Json).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> Failed {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

/// Serves for as long as it is polled.
pub(super) async fn serve(listener: TcpListener, router: Router) -> anyhow::Result<()> {
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, router).await?)
}
