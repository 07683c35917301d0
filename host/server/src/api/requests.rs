//! Requests: what became of them, and what people say to them.

use axum::Json as JsonBody;
use axum::extract::State;
use jiff::Timestamp;
use macadam_core::approvals;
use macadam_core::digest::Digest;
use macadam_core::lifecycle::{JobState, RequestState};
use macadam_core::names::{GroupName, PersonId, ResourceKey, TeamId, TemplateId};
use macadam_core::request::Action;
use macadam_core::verdict::ApprovalNeed;
use macadam_platform::Caller;
use macadam_platform::provisioning::Listed;
use macadam_store::{
    ApprovalRecord, JobId, JobPhase, JobRecord, PageRequest, RequestFilter, RequestId, RequestRecord, ResourceId,
    ScaffoldId, Subject,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::ServerState;
use crate::api::paths::Id;
use crate::api::{Page, SignedIn};
use crate::document::problems::Conflict;
use crate::extract::{Json, OptionalJson, Params, limit, selector};
use crate::problem::Problem;

/// A request in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RequestSummary)]
pub(super) struct Summary {
    id: RequestId,
    action: Action,
    /// What it is about, in words.
    subject: String,
    resource_key: Option<ResourceKey>,
    resource: Option<ResourceId>,
    template: Option<TemplateId>,
    scaffold: Option<ScaffoldId>,
    team: TeamId,
    person: PersonId,
    state: RequestState,
    digest: Digest,
    failure: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    expires_at: Option<Timestamp>,
}

/// A request, whole.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RequestDetail)]
pub(super) struct Detail {
    #[serde(flatten)]
    summary: Summary,
    /// What was asked for.
    document: Value,
    /// What was decided.
    decision: Value,
    needs: Vec<ApprovalNeed>,
    approvals: Vec<ApprovalView>,
    /// The people that are still needed, need by need.
    missing: Vec<ApprovalNeed>,
    job: Option<JobView>,
}

/// Who has said yes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Approval)]
struct ApprovalView {
    person: PersonId,
    groups: Vec<GroupName>,
    comment: Option<String>,
    at: Timestamp,
}

/// The work on a request, as far as it has got.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
struct JobView {
    id: JobId,
    phase: JobPhase,
    state: JobState,
    attempt: u32,
    failures: u32,
    note: Option<String>,
    error: Option<String>,
    run_after: Timestamp,
    updated_at: Timestamp,
}

impl Summary {
    fn of(record: &RequestRecord) -> Self {
        let (subject, resource_key, template, scaffold) = match &record.subject {
            Subject::Resource { key, .. } => (key.to_string(), Some(key.clone()), None, None),
            Subject::Scaffold { id, template } => {
                (format!("project from {template}"), None, Some(template.clone()), *id)
            }
        };
        Self {
            id: record.id,
            action: record.action,
            subject,
            resource_key,
            resource: record.subject.resource(),
            template,
            scaffold,
            team: record.team.clone(),
            person: record.actor.person.clone(),
            state: record.state,
            digest: record.digest,
            failure: record.failure.clone(),
            created_at: record.created_at,
            updated_at: record.updated_at,
            expires_at: record.expires_at,
        }
    }
}

impl Detail {
    fn of(record: RequestRecord, approvals: Vec<ApprovalRecord>, job: Option<JobRecord>) -> Self {
        let missing = match record.state {
            RequestState::PendingApproval => still_missing(&record.needs, &approvals),
            _ => Vec::new(),
        };
        Self {
            summary: Summary::of(&record),
            document: record.document,
            decision: record.decision,
            needs: record.needs,
            approvals: approvals.into_iter().map(ApprovalView::of).collect(),
            missing,
            job: job.map(JobView::of),
        }
    }
}

fn still_missing(needs: &[ApprovalNeed], given: &[ApprovalRecord]) -> Vec<ApprovalNeed> {
    let approvers: Vec<_> = given.iter().map(|approval| approval.approver.clone()).collect();
    let open = |(index, count): (usize, u32)| needs.get(index).map(|need| ApprovalNeed { count, ..need.clone() });
    approvals::missing(needs, &approvers).into_iter().filter_map(open).collect()
}

impl ApprovalView {
    fn of(record: ApprovalRecord) -> Self {
        let ApprovalRecord { approver, comment, at } = record;
        Self { person: approver.person, groups: approver.groups, comment, at }
    }
}

impl JobView {
    fn of(job: JobRecord) -> Self {
        let JobRecord { id, phase, state, attempt, failures, note, error, run_after, updated_at, .. } = job;
        Self { id, phase, state, attempt, failures, note, error, run_after, updated_at }
    }
}

async fn detail(state: &ServerState, caller: &Caller, id: RequestId) -> Result<JsonBody<Detail>, Problem> {
    let record = state.platform.visible_request(caller, id).await?;
    let store = state.platform.store();
    let approvals = store.approvals(id).await?;
    let job = match record.job {
        Some(job) => store.job(job).await?,
        None => None,
    };
    Ok(JsonBody(Detail::of(record, approvals, job)))
}

/// One request, with its decision, approvals and job.
#[utoipa::path(
    get, path = "/requests/{id}", operation_id = "requests.get", tag = "requests",
    params(Id<RequestId>),
    responses(
        (status = 200, description = "The request.", body = Detail),
    ),
)]
pub(super) async fn get(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<RequestId>,
) -> Result<JsonBody<Detail>, Problem> {
    detail(&state, &caller, id).await
}

/// Which requests to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    state: Option<RequestState>,
    team: Option<TeamId>,
    resource: Option<ResourceId>,
    /// Only those with such tags, as Kubernetes has it: `team=payments,tier!=dev,env in (a,b),!x`.
    selector: Option<String>,
    limit: Option<u32>,
    after: Option<RequestId>,
}

/// The requests that the caller may see, the newest first.
#[utoipa::path(
    get, path = "/requests", operation_id = "requests.list", tag = "requests",
    params(ListParams),
    responses(
        (status = 200, description = "A page of requests.", body = Page<Summary, RequestId>),
    ),
)]
pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Params(params): Params<ListParams>,
) -> Result<JsonBody<Page<Summary, RequestId>>, Problem> {
    let limit = limit(params.limit)?;
    let filter = RequestFilter {
        team: params.team,
        teams: None,
        state: params.state,
        resource: params.resource,
        selector: selector(params.selector.as_deref())?,
    };
    let page = PageRequest { limit, after: params.after };
    let Listed { items, next } = state.platform.requests(&caller, filter, page).await?;
    Ok(JsonBody(Page { items: items.iter().map(Summary::of).collect(), next }))
}

/// A yes, to exactly the decision that was looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ApproveRequest)]
#[serde(deny_unknown_fields)]
pub(super) struct Approve {
    digest: Digest,
    #[serde(default, deserialize_with = "macadam_core::remark::read_optional")]
    #[schema(max_length = 2000)]
    comment: Option<String>,
}

/// Approves exactly the decision that was looked at. Nobody approves a request of their own.
#[utoipa::path(
    post, path = "/requests/{id}/approve", operation_id = "requests.approve", tag = "requests",
    params(Id<RequestId>),
    request_body(content = Approve),
    responses(
        (status = 200, description = "The request as it is now.", body = Detail),
        Conflict,
    ),
)]
pub(super) async fn approve(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<RequestId>,
    Json(Approve { digest, comment }): Json<Approve>,
) -> Result<JsonBody<Detail>, Problem> {
    state.platform.approve(&caller, id, digest, comment, Timestamp::now()).await?;
    detail(&state, &caller, id).await
}

/// A no.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RejectRequest)]
#[serde(deny_unknown_fields)]
pub(super) struct Reject {
    #[serde(default, deserialize_with = "macadam_core::remark::read_optional")]
    #[schema(max_length = 2000)]
    comment: Option<String>,
}

/// Rejects a request that waits for approval.
#[utoipa::path(
    post, path = "/requests/{id}/reject", operation_id = "requests.reject", tag = "requests",
    params(Id<RequestId>),
    request_body(content = Option<Reject>),
    responses(
        (status = 200, description = "The request as it is now.", body = Detail),
        Conflict,
    ),
)]
pub(super) async fn reject(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<RequestId>,
    OptionalJson(Reject { comment }): OptionalJson<Reject>,
) -> Result<JsonBody<Detail>, Problem> {
    state.platform.reject(&caller, id, comment.as_deref(), Timestamp::now()).await?;
    detail(&state, &caller, id).await
}

/// Takes a request of one's own back, while it waits for approval.
#[utoipa::path(
    post, path = "/requests/{id}/cancel", operation_id = "requests.cancel", tag = "requests",
    params(Id<RequestId>),
    responses(
        (status = 200, description = "The request as it is now.", body = Detail),
        Conflict,
    ),
)]
pub(super) async fn cancel(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<RequestId>,
) -> Result<JsonBody<Detail>, Problem> {
    state.platform.cancel(&caller, id, Timestamp::now()).await?;
    detail(&state, &caller, id).await
}
