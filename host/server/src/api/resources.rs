//! Resources: asked for, changed, removed, looked at.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderName, StatusCode};
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

use crate::ServerState;
use crate::api::{All, Key, Page, SignedIn};
use crate::extract::{IdempotencyKey, IfMatch, Json, Params, limit};
use crate::problem::{Problem, ProblemKind};

/// Says that an answer is one that was given before.
pub(super) static REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A request that was taken, and where to look what becomes of it.
#[derive(Serialize)]
struct Accepted {
    #[serde(flatten)]
    taken: Taken,
    links: Links,
}

#[derive(Serialize)]
struct Links {
    request: String,
    resource: String,
}

fn path_of(key: &ResourceKey) -> String {
    format!("/api/v1/resources/{key}")
}

fn accepted(taken: Taken) -> Result<Response, Problem> {
    let links = Links {
        request: format!("/api/v1/requests/{}", taken.submitted.request),
        resource: path_of(&taken.resource_key),
    };
    let location = HeaderValue::from_str(&links.request).map_err(|error| Problem::internal(&error))?;
    let replayed = taken.submitted.replayed;
    let body = axum::Json(Accepted { taken, links });
    let mut response = (StatusCode::ACCEPTED, [(header::LOCATION, location)], body).into_response();
    if replayed {
        response.headers_mut().insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    }
    Ok(response)
}

pub(super) async fn create(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    IdempotencyKey(key): IdempotencyKey,
    Json(wish): Json<CreateResource>,
) -> Result<Response, Problem> {
    accepted(state.platform.submit(&caller, Ask::Create(wish), key, Timestamp::now()).await?)
}

/// What a resource is to become. What is left out stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    #[serde(default)]
    spec: Option<Value>,
    #[serde(default)]
    tags: Option<BTreeMap<String, String>>,
    #[serde(default)]
    ttl_seconds: Option<u64>,
}

pub(super) async fn update(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
    IfMatch(revision): IfMatch,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(Update { spec, tags, ttl_seconds }): Json<Update>,
) -> Result<Response, Problem> {
    let looked_at = revision.filter(|_| idempotency_key.is_none());
    must_match(&state, &caller, &key, looked_at).await?;
    let ask = Ask::Update(UpdateResource { key, spec, tags, ttl_seconds, revision });
    accepted(state.platform.submit(&caller, ask, idempotency_key, Timestamp::now()).await?)
}

pub(super) async fn delete(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
    IfMatch(revision): IfMatch,
    IdempotencyKey(idempotency_key): IdempotencyKey,
) -> Result<Response, Problem> {
    let looked_at = revision.filter(|_| idempotency_key.is_none());
    must_match(&state, &caller, &key, looked_at).await?;
    let ask = Ask::Delete(DeleteResource { key, revision });
    accepted(state.platform.submit(&caller, ask, idempotency_key, Timestamp::now()).await?)
}

/// Tells early and by its own status what the transaction would find as well: a change in between is still a conflict.
/// A request with an idempotency key goes straight there, since it may be one that was done and comes again.
async fn must_match(
    state: &ServerState,
    caller: &Caller,
    key: &ResourceKey,
    revision: Option<u64>,
) -> Result<(), Problem> {
    let Some(expected) = revision else { return Ok(()) };
    let actual = state.platform.resource(caller, key).await?.revision;
    if actual == expected {
        return Ok(());
    }
    let detail = format!("{key} is at revision {actual}, not {expected}; look at it again");
    Err(Problem::new(ProblemKind::Stale, detail))
}

pub(super) async fn get(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
) -> Result<Response, Problem> {
    let view = state.platform.resource(&caller, &key).await?;
    Ok(([(header::ETAG, format!("\"{}\"", view.revision))], axum::Json(view)).into_response())
}

pub(super) async fn credentials(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
) -> Result<axum::Json<Credentials>, Problem> {
    Ok(axum::Json(state.platform.credentials(&caller, &key, Timestamp::now()).await?))
}

/// What the provider sees when it looks at the resource now.
pub(super) async fn health(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
) -> Result<axum::Json<Health>, Problem> {
    Ok(axum::Json(state.platform.health(&caller, &key).await?))
}

pub(super) async fn transitions(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Key(key): Key,
) -> Result<axum::Json<All<ResourceTransition>>, Problem> {
    let id = state.platform.resource(&caller, &key).await?.id;
    Ok(axum::Json(All { items: state.platform.store().transitions(id).await? }))
}

/// Which resources to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    namespace: Option<Namespace>,
    environment: Option<EnvironmentName>,
    #[serde(rename = "type")]
    resource_type: Option<ResourceType>,
    state: Option<ResourceState>,
    #[serde(default)]
    include_gone: bool,
    limit: Option<u32>,
    after: Option<ResourceId>,
}

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
        include_gone: params.include_gone,
    };
    let page = PageRequest { limit, after: params.after };
    let Listed { items, next } = state.platform.resources(&caller, filter, page).await?;
    Ok(axum::Json(Page { items, next }))
}
