//! What is to be active: looked at, changed, taken back, and compared with a document.

use axum::Json as JsonBody;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use macadam_core::names::{BindingName, PersonId};
use macadam_platform::plugins::{
    ActiveTable, ApplyBindings, Binding, BindingDifference, BindingSpec, ChangeBinding, Deprecation, PluginState,
    RollBack,
};
use macadam_store::{BindingRevision, DifferenceRecord, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ServerState;
use crate::api::paths::part;
use crate::api::{All, Page, SignedIn};
use crate::document::problems::{Conflict, Stale};
use crate::extract::{IfMatch, Json, OptionalJson, Params, limit};
use crate::problem::{Problem, ProblemKind};

/// A binding and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BoundPlugin)]
pub(super) struct BindingView {
    name: BindingName,
    revision: u64,
    /// The version that its text meant when it was changed.
    version: Option<String>,
    /// What an administrator wrote.
    binding: Binding,
    #[serde(flatten)]
    state: PluginState,
    /// What is said of the version that is active.
    deprecated: Option<Deprecation>,
}

impl BindingView {
    fn of(name: BindingName, spec: BindingSpec, active: &ActiveTable, deprecated: Option<Deprecation>) -> Self {
        let status = active.binding(&name);
        let failed = || PluginState::Failed { error: "this server does not have it yet".to_owned() };
        Self {
            revision: status.map_or(0, |status| status.revision),
            version: spec.version.map(|version| version.to_string()),
            binding: spec.binding,
            state: status.map_or_else(failed, |status| status.state()),
            deprecated,
            name,
        }
    }
}

/// All bindings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Bindings)]
pub(super) struct BindingsView {
    /// Grows with every change of any of them.
    generation: u64,
    items: Vec<BindingView>,
}

/// Every binding, with what came of it.
#[utoipa::path(
    get, path = "/bindings", operation_id = "bindings.list", tag = "bindings",
    responses(
        (status = 200, description = "All bindings as of one generation.", body = BindingsView),
    ),
)]
pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
) -> Result<JsonBody<BindingsView>, Problem> {
    let (generation, specs) = state.platform.bindings(&caller).await?;
    let active = state.platform.plugins().active();
    let mut deprecated = state.platform.deprecated_bindings(&active).await;
    let view = |(name, spec)| {
        let said = deprecated.remove(&name);
        BindingView::of(name, spec, &active, said)
    };
    let items = specs.into_iter().map(view).collect();
    Ok(JsonBody(BindingsView { generation, items }))
}

/// One binding.
#[utoipa::path(
    get, path = "/bindings/{name}", operation_id = "bindings.get", tag = "bindings",
    params(Name),
    responses(
        (status = 200, description = "The binding.", body = BindingView),
    ),
)]
pub(super) async fn get(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    name: Name,
) -> Result<Response, Problem> {
    let (view, _) = view(&state, &caller, name.0).await?;
    Ok(([(header::ETAG, format!("\"{}\"", view.revision))], JsonBody(view)).into_response())
}

async fn view(
    state: &ServerState,
    caller: &macadam_platform::Caller,
    name: BindingName,
) -> Result<(BindingView, BindingSpec), Problem> {
    let (_, mut specs) = state.platform.bindings(caller).await?;
    let spec = specs.remove(&name);
    let spec = spec.ok_or_else(|| Problem::new(ProblemKind::NotFound, format!("there is no binding {name}")))?;
    let active = state.platform.plugins().active();
    let said = state.platform.deprecated_bindings(&active).await.remove(&name);
    Ok((BindingView::of(name, spec.clone(), &active, said), spec))
}

/// A binding that was changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangedBinding)]
pub(super) struct ChangedView {
    #[serde(flatten)]
    binding: BindingView,
    /// What whoever changed it should know.
    warnings: Vec<String>,
}

impl ChangedView {
    async fn of(
        state: &ServerState,
        caller: &macadam_platform::Caller,
        name: BindingName,
    ) -> Result<JsonBody<Self>, Problem> {
        let (binding, spec) = view(state, caller, name).await?;
        let warnings = state.platform.binding_warnings(&binding.name, &spec).await;
        Ok(JsonBody(Self { binding, warnings }))
    }
}

/// Changes a binding, or makes it. It is loaded first, and nothing changes if that fails.
#[utoipa::path(
    put, path = "/bindings/{name}", operation_id = "bindings.put", tag = "bindings",
    params(Name, IfMatch),
    request_body(content = ChangeBinding),
    responses(
        (status = 200, description = "The binding as it is now.", body = ChangedView),
        Conflict,
        Stale,
    ),
)]
pub(super) async fn put(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    name: Name,
    matching: IfMatch,
    Json(wish): Json<ChangeBinding>,
) -> Result<JsonBody<ChangedView>, Problem> {
    let wish = ChangeBinding { revision: matching.or(wish.revision)?, ..wish };
    let changed = state.platform.change_binding(&caller, &name.0, wish, Timestamp::now()).await;
    changed.map_err(|error| matching.refused(error))?;
    ChangedView::of(&state, &caller, name.0).await
}

/// How a binding is removed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = RemoveBinding)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Removal {
    /// The revision that was looked at.
    revision: Option<u64>,
    /// Why, for the record.
    #[serde(deserialize_with = "macadam_core::remark::read")]
    #[schema(max_length = 2000)]
    reason: String,
}

/// Removes a binding.
#[utoipa::path(
    delete, path = "/bindings/{name}", operation_id = "bindings.delete", tag = "bindings",
    params(Name, IfMatch),
    request_body(content = Option<Removal>),
    responses(
        (status = 204, description = "Done; there is nothing to say."),
        Conflict,
        Stale,
    ),
)]
pub(super) async fn delete(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    name: Name,
    matching: IfMatch,
    OptionalJson(removal): OptionalJson<Removal>,
) -> Result<StatusCode, Problem> {
    let Removal { revision, reason } = removal;
    let revision = matching.or(revision)?;
    let removed = state.platform.remove_binding(&caller, &name.0, revision, reason, Timestamp::now()).await;
    removed.map_err(|error| matching.refused(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a binding what it was, as a new revision.
#[utoipa::path(
    post, path = "/bindings/{name}/rollback", operation_id = "bindings.rollback", tag = "bindings",
    params(Name, IfMatch),
    request_body(content = Option<RollBack>),
    responses(
        (status = 200, description = "The binding as it is now.", body = ChangedView),
        Conflict,
        Stale,
    ),
)]
pub(super) async fn rollback(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    name: Name,
    matching: IfMatch,
    OptionalJson(wish): OptionalJson<RollBack>,
) -> Result<JsonBody<ChangedView>, Problem> {
    let wish = RollBack { revision: matching.or(wish.revision)?, ..wish };
    let changed = state.platform.roll_back_binding(&caller, &name.0, wish, Timestamp::now()).await;
    changed.map_err(|error| matching.refused(error))?;
    ChangedView::of(&state, &caller, name.0).await
}

/// One revision of a binding.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BindingRevision)]
pub(super) struct RevisionView {
    revision: u64,
    /// Nothing when this revision removed it.
    spec: Option<BindingSpec>,
    /// Nobody when the host did it by itself.
    person: Option<PersonId>,
    reason: String,
    at: Timestamp,
}

impl RevisionView {
    fn of(revision: BindingRevision) -> Self {
        let BindingRevision { revision, spec, actor, reason, at, .. } = revision;
        Self { revision, spec: spec.and_then(|spec| spec.read().ok()), person: actor, reason, at }
    }
}

/// A binding's revisions, with who made them and why.
#[utoipa::path(
    get, path = "/bindings/{name}/history", operation_id = "bindings.history", tag = "bindings",
    params(Name),
    responses(
        (status = 200, description = "Every revision.", body = All<RevisionView>),
    ),
)]
pub(super) async fn history(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    name: Name,
) -> Result<JsonBody<All<RevisionView>>, Problem> {
    let history = state.platform.binding_history(&caller, &name.0).await?;
    Ok(JsonBody(All { items: history.into_iter().map(RevisionView::of).collect() }))
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageOf {
    after: Option<u64>,
    limit: Option<u32>,
}

/// Where a shadow's answers differ from those that counted.
#[utoipa::path(
    get, path = "/bindings/{name}/differences", operation_id = "bindings.differences", tag = "bindings",
    params(Name, PageOf),
    responses(
        (status = 200, description = "A page of differences.", body = Page<DifferenceRecord, u64>),
    ),
)]
pub(super) async fn differences(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    name: Name,
    Params(page): Params<PageOf>,
) -> Result<JsonBody<Page<DifferenceRecord, u64>>, Problem> {
    let limit = limit(page.limit)?;
    let page = PageRequest { after: page.after, limit };
    let differences = state.platform.differences(&caller, &name.0, page).await?;
    Ok(JsonBody(Page::of(differences, limit, |difference| difference.shadow)))
}

/// What would change, or did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BindingDifferences)]
pub(super) struct DifferencesView {
    /// The generation that was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    items: Vec<BindingDifference>,
    /// What whoever changes them should know.
    warnings: Vec<String>,
}

/// What would change if the bindings became those of a document.
#[utoipa::path(
    post, path = "/bindings/diff", operation_id = "bindings.diff", tag = "bindings",
    request_body(content = ApplyBindings),
    responses(
        (status = 200, description = "What would change.", body = DifferencesView),
        Conflict,
    ),
)]
pub(super) async fn diff(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Json(wish): Json<ApplyBindings>,
) -> Result<JsonBody<DifferencesView>, Problem> {
    let (generation, items) = state.platform.binding_differences(&caller, wish).await?;
    let warnings = state.platform.difference_warnings(&items).await;
    Ok(JsonBody(DifferencesView { generation: Some(generation), items, warnings }))
}

/// Makes the bindings those of a document, all at once or not at all.
#[utoipa::path(
    post, path = "/bindings/apply", operation_id = "bindings.apply", tag = "bindings",
    request_body(content = ApplyBindings),
    responses(
        (status = 200, description = "What has changed.", body = DifferencesView),
        Conflict,
    ),
)]
pub(super) async fn apply(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Json(wish): Json<ApplyBindings>,
) -> Result<JsonBody<DifferencesView>, Problem> {
    let items = state.platform.apply_bindings(&caller, wish, Timestamp::now()).await?;
    let warnings = state.platform.difference_warnings(&items).await;
    Ok(JsonBody(DifferencesView { generation: None, items, warnings }))
}

/// The binding that a path names. A name that cannot be is one that does not exist.
#[derive(Debug)]
pub(super) struct Name(BindingName);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Problem> {
        let none = |error: String| Problem::new(ProblemKind::NotFound, error);
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|error| none(error.body_text()))?;
        text.parse().map(Self).map_err(|error: macadam_core::names::NameError| none(error.to_string()))
    }
}

impl utoipa::IntoParams for Name {
    fn into_params(
        _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
    ) -> Vec<utoipa::openapi::path::Parameter> {
        vec![part::<BindingName>("name", "What the binding is called.")]
    }
}
