//! Namespaces: whose they are, whether their packages must be signed, and by which keys.

use axum::Json as JsonBody;
use axum::extract::{Path, State};
use jiff::Timestamp;
use macadam_core::names::{NameError, Namespace, TeamId};
use macadam_store::{NamespaceRecord, NewNamespace, SignaturePolicy};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ServerState;
use crate::api::{All, SignedIn};
use crate::document::problems::Conflict;
use crate::extract::Json;
use crate::problem::{Problem, ProblemKind};

/// Every namespace, with its team and keys.
#[utoipa::path(
    get, path = "/namespaces", operation_id = "namespaces.list", tag = "namespaces",
    responses(
        (status = 200, description = "Every namespace.", body = All<NamespaceRecord>),
    ),
)]
pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(_): SignedIn,
) -> Result<JsonBody<All<NamespaceRecord>>, Problem> {
    Ok(JsonBody(All { items: state.platform.namespaces().await? }))
}

/// What a namespace is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PutNamespace)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    team: TeamId,
    signatures: SignaturePolicy,
}

/// Registers a namespace for a team, or changes whether its packages must be signed.
#[utoipa::path(
    put, path = "/namespaces/{name}", operation_id = "namespaces.put", tag = "namespaces",
    params(("name" = Namespace, Path, description = "The namespace.")),
    request_body(content = Wish),
    responses(
        (status = 200, description = "The namespace.", body = NamespaceRecord),
        Conflict,
    ),
)]
pub(super) async fn put(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path(name): Path<String>,
    Json(wish): Json<Wish>,
) -> Result<JsonBody<NamespaceRecord>, Problem> {
    let Wish { team, signatures } = wish;
    let wish = NewNamespace { name: named(&name)?, team, signatures };
    Ok(JsonBody(state.platform.put_namespace(&caller, &wish, Timestamp::now()).await?))
}

/// A key to trust.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TrustKey)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    public_key: String,
}

/// Trusts a public key.
#[utoipa::path(
    post, path = "/namespaces/{name}/keys", operation_id = "namespaces.keys.trust", tag = "namespaces",
    params(("name" = Namespace, Path, description = "The namespace.")),
    request_body(content = NewKey),
    responses(
        (status = 200, description = "The namespace.", body = NamespaceRecord),
        Conflict,
    ),
)]
pub(super) async fn trust(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path(name): Path<String>,
    Json(key): Json<NewKey>,
) -> Result<JsonBody<NamespaceRecord>, Problem> {
    let (name, now) = (named(&name)?, Timestamp::now());
    Ok(JsonBody(state.platform.trust_key(&caller, &name, &key.public_key, now).await?))
}

/// A key to trust no more.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RevokeKey)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    /// The key's id.
    key: String,
    /// Why.
    #[serde(deserialize_with = "macadam_core::remark::read")]
    #[schema(max_length = 2000)]
    reason: String,
}

/// Stops trusting a key, for ever. What only it vouched for is out at once.
#[utoipa::path(
    post, path = "/namespaces/{name}/revocations", operation_id = "namespaces.keys.revoke", tag = "namespaces",
    params(("name" = Namespace, Path, description = "The namespace.")),
    request_body(content = Revoke),
    responses(
        (status = 200, description = "The namespace.", body = NamespaceRecord),
        Conflict,
    ),
)]
pub(super) async fn revoke(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path(name): Path<String>,
    Json(wish): Json<Revoke>,
) -> Result<JsonBody<NamespaceRecord>, Problem> {
    let (name, now) = (named(&name)?, Timestamp::now());
    Ok(JsonBody(state.platform.revoke_key(&caller, &name, &wish.key, &wish.reason, now).await?))
}

fn named(name: &str) -> Result<Namespace, Problem> {
    name.parse().map_err(|error: NameError| Problem::new(ProblemKind::NotFound, error.to_string()))
}
