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
use utoipa::IntoParams;

use crate::ServerState;
use crate::api::paths::Id;
use crate::api::{Page, SignedIn};
use crate::document::problems::Conflict;
use crate::extract::{Json, Params, limit};
use crate::problem::{Problem, ProblemKind};

/// Makes a webhook. Its secret is shown this once.
#[utoipa::path(
    post, path = "/webhooks", operation_id = "webhooks.create", tag = "webhooks",
    request_body(content = CreateWebhook),
    responses(
        (
            status = 201, description = "The webhook was made.", body = WithSecret,
            headers(("Location" = String, description = "The webhook.")),
        ),
        Conflict,
    ),
)]
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
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    team: Option<TeamId>,
    limit: Option<u32>,
    after: Option<WebhookId>,
}

/// The webhooks that the caller may see.
#[utoipa::path(
    get, path = "/webhooks", operation_id = "webhooks.list", tag = "webhooks",
    params(ListParams),
    responses(
        (status = 200, description = "A page of webhooks.", body = Page<WebhookView, WebhookId>),
    ),
)]
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

/// One webhook.
#[utoipa::path(
    get, path = "/webhooks/{id}", operation_id = "webhooks.get", tag = "webhooks",
    params(Id<WebhookId>),
    responses(
        (status = 200, description = "The webhook.", body = WebhookView),
    ),
)]
pub(super) async fn get(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
) -> Result<JsonBody<WebhookView>, Problem> {
    Ok(JsonBody(state.platform.webhook(&caller, id).await?))
}

/// Changes a webhook. What is left out stays as it is.
#[utoipa::path(
    put, path = "/webhooks/{id}", operation_id = "webhooks.change", tag = "webhooks",
    params(Id<WebhookId>),
    request_body(content = ChangeWebhook),
    responses(
        (status = 200, description = "The webhook as it is now.", body = WebhookView),
        Conflict,
    ),
)]
pub(super) async fn change(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
    Json(wish): Json<ChangeWebhook>,
) -> Result<JsonBody<WebhookView>, Problem> {
    Ok(JsonBody(state.platform.change_webhook(&caller, id, wish, Timestamp::now()).await?))
}

/// Removes a webhook.
#[utoipa::path(
    delete, path = "/webhooks/{id}", operation_id = "webhooks.delete", tag = "webhooks",
    params(Id<WebhookId>),
    responses(
        (status = 204, description = "Done; there is nothing to say."),
        Conflict,
    ),
)]
pub(super) async fn delete(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
) -> Result<StatusCode, Problem> {
    state.platform.delete_webhook(&caller, id, Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a webhook a new secret, shown this once; the one before counts for a while.
#[utoipa::path(
    post, path = "/webhooks/{id}/rotate", operation_id = "webhooks.rotate", tag = "webhooks",
    params(Id<WebhookId>),
    responses(
        (status = 200, description = "The webhook, with its new secret.", body = WithSecret),
        Conflict,
    ),
)]
pub(super) async fn rotate(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
) -> Result<JsonBody<WithSecret>, Problem> {
    Ok(JsonBody(state.platform.rotate_webhook(&caller, id, Timestamp::now()).await?))
}

/// Has a disabled webhook told of events again.
#[utoipa::path(
    post, path = "/webhooks/{id}/enable", operation_id = "webhooks.enable", tag = "webhooks",
    params(Id<WebhookId>),
    responses(
        (status = 200, description = "The webhook as it is now.", body = WebhookView),
        Conflict,
    ),
)]
pub(super) async fn enable(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
) -> Result<JsonBody<WebhookView>, Problem> {
    Ok(JsonBody(state.platform.enable_webhook(&caller, id, Timestamp::now()).await?))
}

/// Sends a test event now, and says what came of it.
#[utoipa::path(
    post, path = "/webhooks/{id}/test", operation_id = "webhooks.test", tag = "webhooks",
    params(Id<WebhookId>),
    responses(
        (status = 200, description = "The attempt.", body = DeliveryRecord),
        Conflict,
    ),
)]
pub(super) async fn test(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<WebhookId>,
) -> Result<JsonBody<DeliveryRecord>, Problem> {
    Ok(JsonBody(state.platform.test_webhook(&caller, id, Timestamp::now()).await?))
}

/// Which attempts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveryParams {
    limit: Option<u32>,
    after: Option<DeliveryId>,
}

/// The attempts to tell a webhook of events, the newest first.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", operation_id = "webhooks.deliveries", tag = "webhooks",
    params(Id<WebhookId>, DeliveryParams),
    responses(
        (status = 200, description = "A page of attempts.", body = Page<DeliveryRecord, DeliveryId>),
    ),
)]
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
            ManageError::Unavailable(_) => Self::new(ProblemKind::Unavailable, detail),
            ManageError::Internal(cause) => Self::internal(&cause),
        }
    }
}
