//! Jobs: the work on requests, with what each attempt came to; and what people do about them.

use axum::Json as JsonBody;
use axum::extract::State;
use jiff::Timestamp;
use macadam_core::lifecycle::JobState;
use macadam_core::names::{PersonId, PluginName, ResourceKey, TeamId};
use macadam_core::request::Action;
use macadam_core::retry::ErrorClass;
use macadam_platform::Caller;
use macadam_store::{
    AttemptRecord, Cancellation, JobFilter, JobId, JobPhase, JobRecord, PageRequest, RequestId, ResourceId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ServerState;
use crate::api::paths::Id;
use crate::api::{Page, SignedIn};
use crate::document::problems::Conflict;
use crate::extract::{Params, limit};
use crate::problem::Problem;

/// A job in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobSummary)]
pub(super) struct Summary {
    id: JobId,
    request: RequestId,
    action: Action,
    requester: PersonId,
    resource: ResourceId,
    resource_key: ResourceKey,
    team: TeamId,
    provider: PluginName,
    phase: JobPhase,
    state: JobState,
    /// Calls of this work so far.
    attempt: u32,
    /// Tries in a row that came to nothing.
    failures: u32,
    failing_since: Option<Timestamp>,
    note: Option<String>,
    error: Option<String>,
    error_class: Option<ErrorClass>,
    /// Who has taken it back.
    cancelled: Option<Cancellation>,
    run_after: Timestamp,
    worker: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A job, whole.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobDetail)]
pub(super) struct Detail {
    #[serde(flatten)]
    summary: Summary,
    /// What each claim came to; the last ones, in order.
    history: Vec<AttemptView>,
}

/// One claim of the job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobAttemptView)]
struct AttemptView {
    #[serde(flatten)]
    record: AttemptRecord,
    /// How long it took.
    seconds: Option<f64>,
}

impl Summary {
    fn of(record: JobRecord) -> Self {
        let JobRecord { id, request, action, requester, resource, resource_key, team, provider, .. } = record;
        let JobRecord { phase, state, attempt, failures, failing_since, note, error, error_class, .. } = record;
        let JobRecord { cancelled, run_after, worker, created_at, updated_at, .. } = record;
        Self {
            id,
            request,
            action,
            requester,
            resource,
            resource_key,
            team,
            provider,
            phase,
            state,
            attempt,
            failures,
            failing_since,
            note,
            error,
            error_class,
            cancelled,
            run_after,
            worker,
            created_at,
            updated_at,
        }
    }
}

impl AttemptView {
    fn of(record: AttemptRecord) -> Self {
        let seconds = record.ended_at.map(|ended| ended.duration_since(record.started_at).as_secs_f64());
        Self { record, seconds }
    }
}

async fn detail(state: &ServerState, caller: &Caller, id: JobId) -> Result<JsonBody<Detail>, Problem> {
    let (job, attempts) = state.platform.job(caller, id).await?;
    let history = attempts.into_iter().map(AttemptView::of).collect();
    Ok(JsonBody(Detail { summary: Summary::of(job), history }))
}

/// Which jobs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    state: Option<JobState>,
    team: Option<TeamId>,
    provider: Option<PluginName>,
    phase: Option<JobPhase>,
    limit: Option<u32>,
    after: Option<JobId>,
}

/// The jobs that the caller may see, the newest first.
#[utoipa::path(
    get, path = "/jobs", operation_id = "jobs.list", tag = "jobs",
    params(ListParams),
    responses(
        (status = 200, description = "A page of jobs.", body = Page<Summary, JobId>),
    ),
)]
pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Params(params): Params<ListParams>,
) -> Result<JsonBody<Page<Summary, JobId>>, Problem> {
    let ListParams { state: job_state, team, provider, phase, limit: asked, after } = params;
    let limit = limit(asked)?;
    let filter = JobFilter { state: job_state, team, teams: None, provider, phase };
    let jobs = state.platform.jobs(&caller, filter, PageRequest { limit, after }).await?;
    Ok(JsonBody(Page::of(jobs.into_iter().map(Summary::of).collect(), limit, |job| job.id)))
}

/// One job, with what its last attempts came to.
#[utoipa::path(
    get, path = "/jobs/{id}", operation_id = "jobs.get", tag = "jobs",
    params(Id<JobId>),
    responses(
        (status = 200, description = "The job.", body = Detail),
    ),
)]
pub(super) async fn get(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<JobId>,
) -> Result<JsonBody<Detail>, Problem> {
    detail(&state, &caller, id).await
}

/// Takes a job back: what was done is undone.
#[utoipa::path(
    post, path = "/jobs/{id}/cancel", operation_id = "jobs.cancel", tag = "jobs",
    params(Id<JobId>),
    responses(
        (status = 200, description = "The job as it is now.", body = Detail),
        Conflict,
    ),
)]
pub(super) async fn cancel(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<JobId>,
) -> Result<JsonBody<Detail>, Problem> {
    state.platform.cancel_job(&caller, id, Timestamp::now()).await?;
    detail(&state, &caller, id).await
}

/// Has a dead job tried again.
#[utoipa::path(
    post, path = "/jobs/{id}/retry", operation_id = "jobs.retry", tag = "jobs",
    params(Id<JobId>),
    responses(
        (status = 200, description = "The job as it is now.", body = Detail),
        Conflict,
    ),
)]
pub(super) async fn retry(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<JobId>,
) -> Result<JsonBody<Detail>, Problem> {
    state.platform.retry_job(&caller, id, Timestamp::now()).await?;
    detail(&state, &caller, id).await
}
