//! Who may do what: asked about oneself, looked at as a whole, and what administrators add to it.

use axum::Json as JsonBody;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use macadam_core::names::{AccessPolicyName, NameError};
use macadam_platform::authorization::{
    AccessPolicyView, Action, Cell, ChangeAccessPolicy, CheckedPolicy, DEFAULT, Explanation, Question,
    RemoveAccessPolicy, SCHEMA, TargetKind,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ServerState;
use crate::api::paths::part;
use crate::api::{All, SignedIn};
use crate::document::problems::{Conflict, NotFound, Stale};
use crate::extract::{IfMatch, Json, OptionalJson, Params};
use crate::problem::{Problem, ProblemKind};

/// Whether the caller may do something, and why.
#[utoipa::path(
    get, path = "/authorize", operation_id = "access.explain", tag = "access",
    params(Question),
    responses(
        (status = 200, description = "The answer, with its reasons.", body = Explanation),
        NotFound,
    ),
)]
pub(super) async fn authorize(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Params(question): Params<Question>,
) -> Result<JsonBody<Explanation>, Problem> {
    Ok(JsonBody(state.platform.explain_access(&caller, question).await?))
}

/// An action that somebody may or may not do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessActionView)]
pub(super) struct ActionView {
    /// Its word, which routes, commands and policies use.
    action: Action,
    /// What somebody does who does it.
    doing: &'static str,
    /// What it is done to.
    target: TargetKind,
}

/// Every action there is.
#[utoipa::path(
    get, path = "/access/actions", operation_id = "access.actions", tag = "access",
    responses(
        (status = 200, description = "Every action.", body = All<ActionView>),
    ),
)]
pub(super) async fn actions() -> JsonBody<All<ActionView>> {
    let view = |action: &Action| ActionView { action: *action, doing: action.doing(), target: action.on() };
    JsonBody(All { items: Action::ALL.iter().map(view).collect() })
}

/// Whether a caller with one role may do something.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessMatrixCell)]
pub(super) struct CellView {
    #[serde(flatten)]
    cell: Cell,
    allowed: bool,
}

/// What each role alone may do.
#[utoipa::path(
    get, path = "/access/matrix", operation_id = "access.matrix", tag = "access",
    responses(
        (status = 200, description = "Every cell.", body = All<CellView>),
    ),
)]
pub(super) async fn matrix(State(state): State<ServerState>) -> JsonBody<All<CellView>> {
    let cells = state.platform.access().matrix();
    JsonBody(All { items: cells.into_iter().map(|(cell, allowed)| CellView { cell, allowed }).collect() })
}

/// The rules: those that come with the host, and those that were added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessPolicies)]
pub(super) struct PoliciesView {
    /// Grows with every change of what was added.
    generation: u64,
    /// What was added.
    items: Vec<AccessPolicyView>,
    /// What comes with the host, in the Cedar language.
    default: &'static str,
    /// What policies can speak about.
    schema: &'static str,
}

/// The rules: those that come with the host, and those that were added.
#[utoipa::path(
    get, path = "/access/policies", operation_id = "access.policies.list", tag = "access",
    responses(
        (status = 200, description = "Every rule.", body = PoliciesView),
    ),
)]
pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
) -> Result<JsonBody<PoliciesView>, Problem> {
    let (generation, items) = state.platform.access_policies(&caller).await?;
    Ok(JsonBody(PoliciesView { generation, items, default: DEFAULT, schema: SCHEMA }))
}

/// One access policy.
#[utoipa::path(
    get, path = "/access/policies/{name}", operation_id = "access.policies.get", tag = "access",
    params(Name),
    responses(
        (status = 200, description = "The policy.", body = AccessPolicyView),
    ),
)]
pub(super) async fn get(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Name(name): Name,
) -> Result<Response, Problem> {
    let (_, items) = state.platform.access_policies(&caller).await?;
    let found = items.into_iter().find(|policy| policy.record.name == name);
    let unknown = || Problem::new(ProblemKind::NotFound, format!("there is no access policy {name}"));
    let found = found.ok_or_else(unknown)?;
    Ok(([(header::ETAG, format!("\"{}\"", found.record.revision))], JsonBody(found)).into_response())
}

/// A text that is only tried.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TryAccessPolicy)]
#[serde(deny_unknown_fields)]
pub(super) struct Try {
    /// What it would say, in the Cedar language.
    text: String,
}

/// What a policy would change. Nothing is changed.
#[utoipa::path(
    post, path = "/access/policies/{name}/check", operation_id = "access.policies.check", tag = "access",
    params(Name),
    request_body(content = Try),
    responses(
        (status = 200, description = "The cells that it turns.", body = CheckedPolicy),
        Conflict,
    ),
)]
pub(super) async fn check(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Name(name): Name,
    Json(Try { text }): Json<Try>,
) -> Result<JsonBody<CheckedPolicy>, Problem> {
    Ok(JsonBody(state.platform.check_access_policy(&caller, &name, &text).await?))
}

/// Makes or changes an access policy. It is checked before it counts.
#[utoipa::path(
    put, path = "/access/policies/{name}", operation_id = "access.policies.put", tag = "access",
    params(Name, IfMatch),
    request_body(content = ChangeAccessPolicy),
    responses(
        (status = 200, description = "The policy as it is now.", body = AccessPolicyView),
        Conflict,
        Stale,
    ),
)]
pub(super) async fn put(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Name(name): Name,
    matching: IfMatch,
    Json(wish): Json<ChangeAccessPolicy>,
) -> Result<JsonBody<AccessPolicyView>, Problem> {
    let wish = ChangeAccessPolicy { revision: matching.or(wish.revision)?, ..wish };
    let changed = state.platform.change_access_policy(&caller, &name, wish, Timestamp::now()).await;
    changed.map(JsonBody).map_err(|error| matching.refused(error))
}

/// Removes an access policy.
#[utoipa::path(
    delete, path = "/access/policies/{name}", operation_id = "access.policies.delete", tag = "access",
    params(Name, IfMatch),
    request_body(content = Option<RemoveAccessPolicy>),
    responses(
        (status = 204, description = "Done; there is nothing to say."),
        Conflict,
        Stale,
    ),
)]
pub(super) async fn delete(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Name(name): Name,
    matching: IfMatch,
    OptionalJson(wish): OptionalJson<RemoveAccessPolicy>,
) -> Result<StatusCode, Problem> {
    let wish = RemoveAccessPolicy { revision: matching.or(wish.revision)?, ..wish };
    let removed = state.platform.remove_access_policy(&caller, &name, wish, Timestamp::now()).await;
    removed.map_err(|error| matching.refused(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// The policy that a path names. A name that cannot be is one that does not exist.
#[derive(Debug)]
pub(super) struct Name(AccessPolicyName);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let none = |error: String| Problem::new(ProblemKind::NotFound, error);
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|error| none(error.body_text()))?;
        text.parse().map(Self).map_err(|error: NameError| none(error.to_string()))
    }
}

impl utoipa::IntoParams for Name {
    fn into_params(
        _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
    ) -> Vec<utoipa::openapi::path::Parameter> {
        vec![part::<AccessPolicyName>("name", "What the policy is called.")]
    }
}
