//! What is done by the clock.

use axum::Json as JsonBody;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use macadam_core::names::ScheduleName;
use macadam_platform::schedule::ScheduleView;

use crate::ServerState;
use crate::api::{All, SignedIn};
use crate::problem::{Problem, ProblemKind};

pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
) -> Result<JsonBody<All<ScheduleView>>, Problem> {
    Ok(JsonBody(All { items: state.platform.schedules(&caller).await? }))
}

/// It is done soon, by whichever host takes it up.
pub(super) async fn run(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path(name): Path<String>,
) -> Result<(StatusCode, JsonBody<ScheduleView>), Problem> {
    let name = ScheduleName::new(name).map_err(|error| Problem::new(ProblemKind::NotFound, error.to_string()))?;
    Ok((StatusCode::ACCEPTED, JsonBody(state.platform.run_schedule(&caller, &name, Timestamp::now()).await?)))
}
