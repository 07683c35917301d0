//! What is done by the clock.

use axum::Json as JsonBody;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use macadam_core::names::ScheduleName;
use macadam_platform::schedule::ScheduleView;

use crate::ServerState;
use crate::api::{All, SignedIn};
use crate::document::problems::Conflict;
use crate::problem::{Problem, ProblemKind};

/// What is done by the clock.
#[utoipa::path(
    get, path = "/schedules", operation_id = "schedules.list", tag = "jobs",
    responses(
        (status = 200, description = "Every schedule.", body = All<ScheduleView>),
    ),
)]
pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
) -> Result<JsonBody<All<ScheduleView>>, Problem> {
    Ok(JsonBody(All { items: state.platform.schedules(&caller).await? }))
}

/// Has it done now; whichever host takes it up does it soon.
#[utoipa::path(
    post, path = "/schedules/{name}/run", operation_id = "schedules.run", tag = "jobs",
    params(("name" = ScheduleName, Path, description = "What the schedule is called.")),
    responses(
        (status = 202, description = "It is done soon.", body = ScheduleView),
        Conflict,
    ),
)]
pub(super) async fn run(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path(name): Path<String>,
) -> Result<(StatusCode, JsonBody<ScheduleView>), Problem> {
    let name = ScheduleName::new(name).map_err(|error| Problem::new(ProblemKind::NotFound, error.to_string()))?;
    Ok((StatusCode::ACCEPTED, JsonBody(state.platform.run_schedule(&caller, &name, Timestamp::now()).await?)))
}
