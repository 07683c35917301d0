//! The tokens of services: made, listed, revoked.

use axum::Json as JsonBody;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use macadam_platform::service_tokens::WishedServiceToken;
use macadam_store::{PageRequest, ServiceTokenId, ServiceTokenRecord};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ServerState;
use crate::api::paths::Id;
use crate::api::{Page, SignedIn};
use crate::document::problems::Conflict;
use crate::extract::{Json, Params, limit};
use crate::problem::Problem;

/// A token that was made, the one time that it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedServiceToken)]
struct Made {
    /// The token itself.
    token: String,
    #[serde(flatten)]
    record: ServiceTokenRecord,
}

/// Makes a token for a service. It is shown this once.
#[utoipa::path(
    post, path = "/service-tokens", operation_id = "service-tokens.create", tag = "service-tokens",
    request_body(content = WishedServiceToken),
    responses(
        (status = 201, description = "The token was made.", body = Made),
        Conflict,
    ),
)]
pub(super) async fn create(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Json(wish): Json<WishedServiceToken>,
) -> Result<Response, Problem> {
    let (record, secret) = state.platform.create_service_token(&caller, &wish, Timestamp::now()).await?;
    let made = Made { token: secret.reveal().to_owned(), record };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], JsonBody(made)).into_response())
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    after: Option<ServiceTokenId>,
    limit: Option<u32>,
}

/// The tokens of services that the caller may see, without the tokens themselves.
#[utoipa::path(
    get, path = "/service-tokens", operation_id = "service-tokens.list", tag = "service-tokens",
    params(Which),
    responses(
        (status = 200, description = "A page of tokens.", body = Page<ServiceTokenRecord, ServiceTokenId>),
    ),
)]
pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Params(which): Params<Which>,
) -> Result<JsonBody<Page<ServiceTokenRecord, ServiceTokenId>>, Problem> {
    let page = PageRequest { limit: limit(which.limit)?, after: which.after };
    let tokens = state.platform.service_tokens(&caller, page).await?;
    Ok(JsonBody(Page::of(tokens, page.limit, |token| token.id)))
}

/// Revokes a token: it opens nothing from now on.
#[utoipa::path(
    delete, path = "/service-tokens/{id}", operation_id = "service-tokens.revoke", tag = "service-tokens",
    params(Id<ServiceTokenId>),
    responses(
        (status = 200, description = "The token as it is now.", body = ServiceTokenRecord),
        Conflict,
    ),
)]
pub(super) async fn revoke(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<ServiceTokenId>,
) -> Result<JsonBody<ServiceTokenRecord>, Problem> {
    Ok(JsonBody(state.platform.revoke_service_token(&caller, id, Timestamp::now()).await?))
}
