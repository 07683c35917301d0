//! Resources: asked for, changed, removed, looked at.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use macadam_core::lifecycle::ResourceState;
use macadam_core::names::{EnvironmentName, Namespace, ResourceKey, ResourceType};
use macadam_core::plan::Health;
use macadam_platform::Caller;
use macadam_platform::provisioning::{
    Ask, CreateResource, Credentials, DeleteResource, Listed, ResourceView, Taken, UpdateResource,
};
use macadam_store::{PageRequest, ResourceFilter, ResourceId, ResourceTransition};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::ServerState;
use crate::api::paths::Key;
use crate::api::{All, Page, SignedIn};
use crate::document::problems::{Conflict, Denied, Invalid, Stale};
use crate::extract::{IfMatch, Json, Params, limit, selector};
use crate::problem::{Problem, ProblemKind};

/// A request that was taken, and where to look what becomes of it.
#[derive(Serialize, ToSchema)]
#[schema(as = AcceptedRequest)]
struct Accepted {
    #[serde(flatten)]
    taken: Taken,
    links: Links,
}

/// Where to follow what was asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = RequestLinks)]
struct Links {
    request: String,
    resource: String,
}

fn path_of(key: &ResourceKey) -> String {
    format!("/api/v1/resources/{key}")
}

/// The answer to a request that was taken.
pub(super) fn accepted(taken: Taken) -> Result<Response, Problem> {
    let links = Links {
        request: format!("/api/v1/requests/{}", taken.submitted.request),
        resource: path_of(&taken.resource_key),
    };
    let location = HeaderValue::from_str(&links.request).map_err(|error| Problem::internal(&error))?;
    let body = axum::Json(Accepted { taken, links });
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], body).into_response())
}

/// Asks for a resource. What is denied is recorded and answered 403 with its violations.
#[utoipa::path(
    post, path = "/resources", operation_id = "resources.create", tag = "resources",
    request_body(content = CreateResource),
    responses(
        (
            status = 202, body = Accepted,
            description = "The request was taken; `Location` says where to look what becomes of it.",
            headers(
                ("Location" = String, description = "The request."),
            ),
        ),
        Denied,
        Conflict,
    ),
)]
pub(super) async fn create(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Json(wish): Json<CreateResource>,
) -> Result<Response, Problem> {
    accepted(state.platform.submit(&caller, Ask::Create(wish), Timestamp::now()).await?)
}

/// What a resource is to become. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(as = UpdateResource)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    #[serde(default)]
    spec: Option<Value>,
    #[serde(default)]
    tags: Option<BTreeMap<String, String>>,
    #[serde(default)]
    ttl_seconds: Option<u64>,
}

/// Asks for a change. What is left out of the body stays as it is.
#[utoipa::path(
    put, path = "/resources/{namespace}/{environment}/{type}/{name}",
    operation_id = "resources.update", tag = "resources",
    params(Key, IfMatch),
    request_body(content = Update),
    responses(
        (
            status = 202, body = Accepted,
            description = "The request was taken; `Location` says where to look what becomes of it.",
            headers(
                ("Location" = String, description = "The request."),
            ),
        ),
        Denied,
        Conflict,
        Stale,
    ),
)]
pub(super) async fn update(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
    matching: IfMatch,
    Json(Update { spec, tags, ttl_seconds }): Json<Update>,
) -> Result<Response, Problem> {
    must_match(&state, &caller, &key, &matching).await?;
    let ask = Ask::Update(UpdateResource { key, spec, tags, ttl_seconds, revision: matching.0 });
    let taken = state.platform.submit(&caller, ask, Timestamp::now()).await;
    accepted(taken.map_err(|error| matching.refused(error))?)
}

/// Asks for a removal.
#[utoipa::path(
    delete, path = "/resources/{namespace}/{environment}/{type}/{name}",
    operation_id = "resources.delete", tag = "resources",
    params(Key, IfMatch),
    responses(
        (
            status = 202, body = Accepted,
            description = "The request was taken; `Location` says where to look what becomes of it.",
            headers(
                ("Location" = String, description = "The request."),
            ),
        ),
        Denied,
        Conflict,
        Stale,
    ),
)]
pub(super) async fn delete(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
    matching: IfMatch,
) -> Result<Response, Problem> {
    must_match(&state, &caller, &key, &matching).await?;
    let ask = Ask::Delete(DeleteResource { key, revision: matching.0 });
    let taken = state.platform.submit(&caller, ask, Timestamp::now()).await;
    accepted(taken.map_err(|error| matching.refused(error))?)
}

/// Tells early what the transaction would find as well, before anybody decides on a change that cannot be made.
async fn must_match(
    state: &ServerState,
    caller: &Caller,
    key: &ResourceKey,
    matching: &IfMatch,
) -> Result<(), Problem> {
    let Some(expected) = matching.0 else { return Ok(()) };
    let actual = state.platform.resource(caller, key).await?.revision;
    if actual == expected {
        return Ok(());
    }
    let detail = format!("{key} is at revision {actual}, not {expected}; look at it again");
    Err(Problem::new(ProblemKind::Stale, detail))
}

/// One resource.
#[utoipa::path(
    get, path = "/resources/{namespace}/{environment}/{type}/{name}", operation_id = "resources.get", tag = "resources",
    params(Key),
    responses(
        (
            status = 200, body = ResourceView,
            description = "The resource.",
            headers(
                ("ETag" = String, description = "Its revision, for `If-Match`."),
            ),
        ),
    ),
)]
pub(super) async fn get(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
) -> Result<Response, Problem> {
    let view = state.platform.resource(&caller, &key).await?;
    Ok(([(header::ETAG, format!("\"{}\"", view.revision))], axum::Json(view)).into_response())
}

/// What the resource's team needs to use it, secrets opened. Each look is audited.
#[utoipa::path(
    get, path = "/resources/{namespace}/{environment}/{type}/{name}/credentials",
    operation_id = "resources.credentials", tag = "resources",
    params(Key),
    responses(
        (status = 200, description = "Every output.", body = Credentials),
    ),
)]
pub(super) async fn credentials(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
) -> Result<axum::Json<Credentials>, Problem> {
    Ok(axum::Json(state.platform.credentials(&caller, &key, Timestamp::now()).await?))
}

/// What the provider sees when it looks at the resource now.
#[utoipa::path(
    get, path = "/resources/{namespace}/{environment}/{type}/{name}/health",
    operation_id = "resources.health", tag = "resources",
    params(Key),
    responses(
        (status = 200, description = "How it is.", body = Health),
        Conflict,
        Invalid,
    ),
)]
pub(super) async fn health(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
) -> Result<axum::Json<Health>, Problem> {
    Ok(axum::Json(state.platform.health(&caller, &key).await?))
}

/// The resource's changes of state.
#[utoipa::path(
    get, path = "/resources/{namespace}/{environment}/{type}/{name}/transitions",
    operation_id = "resources.transitions", tag = "resources",
    params(Key),
    responses(
        (status = 200, description = "Every change, the first one first.", body = All<ResourceTransition>),
    ),
)]
pub(super) async fn transitions(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
) -> Result<axum::Json<All<ResourceTransition>>, Problem> {
    let id = state.platform.resource(&caller, &key).await?.id;
    Ok(axum::Json(All { items: state.platform.store().transitions(id).await? }))
}

/// Which resources to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    namespace: Option<Namespace>,
    environment: Option<EnvironmentName>,
    #[serde(rename = "type")]
    resource_type: Option<ResourceType>,
    state: Option<ResourceState>,
    /// Those that are gone as well: deleted ones, and ones that could not be made. Whoever names such a `state` gets them
    /// without it.
    #[serde(default)]
    include_gone: bool,
    /// Only those with such tags, as Kubernetes has it: `team=payments,tier!=dev,env in (a,b),!x`.
    selector: Option<String>,
    limit: Option<u32>,
    after: Option<ResourceId>,
}

/// The resources that the caller may see, in the order in which they were first asked for.
#[utoipa::path(
    get, path = "/resources", operation_id = "resources.list", tag = "resources",
    params(ListParams),
    responses(
        (status = 200, description = "A page of resources.", body = Page<ResourceView, ResourceId>),
    ),
)]
pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Params(params): Params<ListParams>,
) -> Result<axum::Json<Page<ResourceView, ResourceId>>, Problem> {
    let limit = limit(params.limit)?;
    let filter = ResourceFilter {
        namespace: params.namespace,
        environment: params.environment,
        resource_type: params.resource_type,
        team: None,
        teams: None,
        state: params.state,
        selector: selector(params.selector.as_deref())?,
        include_gone: params.include_gone || params.state.is_some_and(|state| !state.is_live()),
    };
    let page = PageRequest { limit, after: params.after };
    let Listed { items, next } = state.platform.resources(&caller, filter, page).await?;
    Ok(axum::Json(Page { items, next }))
}
