//! Namespaces: whose they are, whether their packages must be signed, and by which keys.

use axum::Json as JsonBody;
use axum::extract::{Path, State};
use jiff::Timestamp;
use macadam_core::names::{NameError, Namespace, TeamId};
use macadam_store::{NamespaceRecord, NewNamespace, SignaturePolicy};
use serde::Deserialize;

use crate::ServerState;
use crate::api::{All, SignedIn};
use crate::extract::Json;
use crate::problem::{Problem, ProblemKind};

pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(_): SignedIn,
) -> Result<JsonBody<All<NamespaceRecord>>, Problem> {
    Ok(JsonBody(All { items: state.platform.namespaces().await? }))
}

/// What a namespace is to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    team: TeamId,
    signatures: SignaturePolicy,
}

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
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    public_key: String,
}

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
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    /// The key's id.
    key: String,
    /// Why.
    reason: String,
}

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
