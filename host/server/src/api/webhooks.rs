//! Webhooks: made, changed, tried, and what came of their attempts.

use axum::Json as JsonBody;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use macadam_core::names::TeamId;
use macadam_platform::webhooks::{ChangeWebhook, CreateWebhook, ManageError, WebhookView, WithSecret};
use macadam_store::{DeliveryId, DeliveryRecord, PageRequest, WebhookId};
use serde::Deserialize;

use crate::ServerState;
use crate::api::{Id, Page, SignedIn};
use crate::extract::{Json, Params, limit};
use crate::problem::{Problem, ProblemKind};

pub(super) async fn create(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Json(wish): Json<CreateWebhook>,
) -> Result<Response, Problem> {
    let made = state.platform.create_webhook(&caller, wish, Timestamp::now()).await?;
    let location = [(header::LOCATION, format!("/api/v1/webhooks/{}", made.webhook.id))];
    Ok((StatusCode::CREATED, location, JsonBody(made)).into_response())
}

/// Which webhooks to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    team: Option<TeamId>,
    limit: Option<u32>,
    after: Option<WebhookId>,
}

pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Params(params): Params<ListParams>,
) -> Result<JsonBody<Page<WebhookView, WebhookId>>, Problem> {
    let limit = limit(params.limit)?;
    let page = PageRequest { limit, after: params.after };
    let found = state.platform.webhooks(&caller, params.team, page).await?;
    Ok(JsonBody(Page::of(found, limit, |view| view.id)))
}

pub(super) async fn get(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
) -> Result<JsonBody<WebhookView>, Problem> {
    Ok(JsonBody(state.platform.webhook(&caller, id).await?))
}

pub(super) async fn change(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
    Json(wish): Json<ChangeWebhook>,
) -> Result<JsonBody<WebhookView>, Problem> {
    Ok(JsonBody(state.platform.change_webhook(&caller, id, wish, Timestamp::now()).await?))
}

pub(super) async fn delete(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
) -> Result<StatusCode, Problem> {
    state.platform.delete_webhook(&caller, id, Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn rotate(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
) -> Result<JsonBody<WithSecret>, Problem> {
    Ok(JsonBody(state.platform.rotate_webhook(&caller, id, Timestamp::now()).await?))
}

pub(super) async fn enable(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
) -> Result<JsonBody<WebhookView>, Problem> {
    Ok(JsonBody(state.platform.enable_webhook(&caller, id, Timestamp::now()).await?))
}

pub(super) async fn test(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
) -> Result<JsonBody<DeliveryRecord>, Problem> {
    Ok(JsonBody(state.platform.test_webhook(&caller, id, Timestamp::now()).await?))
}

/// Which attempts to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveryParams {
    limit: Option<u32>,
    after: Option<DeliveryId>,
}

pub(super) async fn deliveries(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
    Params(params): Params<DeliveryParams>,
) -> Result<JsonBody<Page<DeliveryRecord, DeliveryId>>, Problem> {
    let limit = limit(params.limit)?;
    let page = PageRequest { limit, after: params.after };
    let found = state.platform.webhook_deliveries(&caller, id, page).await?;
    Ok(JsonBody(Page::of(found, limit, |record| record.id)))
}

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        let detail = error.to_string();
        match error {
            ManageError::Invalid(violations) => Self::invalid(&violations),
            ManageError::Refused(refused) => refused.into(),
            ManageError::NotFound(_) => Self::new(ProblemKind::NotFound, detail),
            ManageError::Conflict(_) => Self::new(ProblemKind::Conflict, detail),
            ManageError::Internal(cause) => Self::internal(&cause),
        }
    }
}
