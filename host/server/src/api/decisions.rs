//! What plugins were asked and said, and what another version would have said.

use axum::Json as JsonBody;
use axum::extract::State;
use jiff::Timestamp;
use macadam_core::names::{BindingName, PluginName, TeamId};
use macadam_platform::decisions::{DecisionDetail, Replay, ReplayReport};
use macadam_store::{DecisionFilter, DecisionKind, DecisionRecord, DecisionRole, PageRequest};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::ServerState;
use crate::api::{Page, SignedIn};
use crate::extract::{Json, Params, limit};
use crate::problem::{Problem, ProblemKind};

/// Which decisions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    kind: Option<DecisionKind>,
    plugin: Option<PluginName>,
    binding: Option<BindingName>,
    team: Option<TeamId>,
    role: Option<DecisionRole>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    after: Option<u64>,
    limit: Option<u32>,
}

/// What plugins were asked and said, in the order in which it was recorded.
#[utoipa::path(
    get, path = "/decisions", operation_id = "decisions.list", tag = "decisions",
    params(Filter),
    responses(
        (status = 200, description = "A page of decisions.", body = Page<DecisionRecord, u64>),
    ),
)]
pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Params(filter): Params<Filter>,
) -> Result<JsonBody<Page<DecisionRecord, u64>>, Problem> {
    let Filter { kind, plugin, binding, team, role, since, until, after, limit: asked } = filter;
    let limit = limit(asked)?;
    let filter = DecisionFilter { kind, plugin, binding, component: None, team, teams: None, role, since, until };
    let records = state.platform.decisions(&caller, filter, PageRequest { after, limit }).await?;
    Ok(JsonBody(Page::of(records, limit, |record| record.seq)))
}

/// One decision, with exactly what the plugin was given.
#[utoipa::path(
    get, path = "/decisions/{seq}", operation_id = "decisions.get", tag = "decisions",
    params(("seq" = u64, Path, description = "The decision's number.")),
    responses(
        (status = 200, description = "The decision.", body = DecisionDetail),
    ),
)]
pub(super) async fn get(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    axum::extract::Path(seq): axum::extract::Path<String>,
) -> Result<JsonBody<DecisionDetail>, Problem> {
    let none = || Problem::new(ProblemKind::NotFound, format!("there is no decision {seq}"));
    let number = seq.parse().map_err(|_| none())?;
    Ok(JsonBody(state.platform.decision(&caller, number, Timestamp::now()).await?))
}

/// What another version would have said to recorded questions. Nothing is changed.
#[utoipa::path(
    post, path = "/replays", operation_id = "replays.create", tag = "decisions",
    request_body(content = Replay),
    responses(
        (status = 200, description = "What came of it.", body = ReplayReport),
    ),
)]
pub(super) async fn replay(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Json(wish): Json<Replay>,
) -> Result<JsonBody<ReplayReport>, Problem> {
    Ok(JsonBody(state.platform.replay(&caller, wish, Timestamp::now()).await?))
}
