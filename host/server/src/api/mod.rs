//! The routes under `/api/v1`: each handler reads what came in, calls one use case, and writes what came out.

mod bindings;
mod catalog;
mod decisions;
mod namespaces;
mod paths;
mod preview;
mod publish;
mod requests;
mod resources;
mod scaffolds;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use macadam_platform::Caller;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ServerState;
use crate::observe::note_person;
use crate::problem::{Problem, ProblemKind};

/// Every route, all behind the sign-in. `routes!` takes path, method and description from the handler's own, so there
/// is no route that the document does not have; handlers that are named together share a path.
pub(crate) fn routes(state: &ServerState) -> OpenApiRouter<ServerState> {
    described().route_layer(from_fn_with_state(state.clone(), only_signed_in))
}

/// The table of routes.
pub(crate) fn described() -> OpenApiRouter<ServerState> {
    OpenApiRouter::new()
        .routes(routes!(catalog::whoami))
        .routes(routes!(catalog::teams))
        .routes(routes!(catalog::environments))
        .routes(routes!(catalog::resource_types))
        .routes(routes!(catalog::plugins, publish::publish))
        .routes(routes!(publish::versions))
        .routes(routes!(publish::deprecate_plugin, publish::undeprecate_plugin))
        .routes(routes!(publish::deprecate_version, publish::undeprecate_version))
        .routes(routes!(publish::yank, publish::unyank))
        .routes(routes!(bindings::list))
        .routes(routes!(bindings::diff))
        .routes(routes!(bindings::apply))
        .routes(routes!(bindings::get, bindings::put, bindings::delete))
        .routes(routes!(bindings::history))
        .routes(routes!(bindings::differences))
        .routes(routes!(bindings::rollback))
        .routes(routes!(catalog::templates))
        .routes(routes!(namespaces::list))
        .routes(routes!(namespaces::put))
        .routes(routes!(namespaces::trust))
        .routes(routes!(namespaces::revoke))
        .routes(routes!(decisions::list))
        .routes(routes!(decisions::get))
        .routes(routes!(decisions::replay))
        .routes(routes!(preview::preview))
        .routes(routes!(resources::list, resources::create))
        .routes(routes!(resources::get, resources::update, resources::delete))
        .routes(routes!(resources::credentials))
        .routes(routes!(resources::health))
        .routes(routes!(resources::transitions))
        .routes(routes!(requests::list))
        .routes(routes!(requests::get))
        .routes(routes!(requests::approve))
        .routes(routes!(requests::reject))
        .routes(routes!(requests::cancel))
        .routes(routes!(scaffolds::create))
        .routes(routes!(scaffolds::get))
        .routes(routes!(scaffolds::archive))
}

async fn only_signed_in(
    State(state): State<ServerState>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = sign_in(&state, request.headers())?;
    note_person(&caller);
    request.extensions_mut().insert(SignedIn(caller));
    Ok(next.run(request).await)
}

/// Whose token a request carries.
pub(crate) fn sign_in(state: &ServerState, headers: &HeaderMap) -> Result<Caller, Problem> {
    let refuse = |detail: &str| Problem::new(ProblemKind::Unauthenticated, detail);
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value
        .and_then(|value| value.split_once(' '))
        .ok_or_else(|| refuse("this takes a token; send it as `Authorization: Bearer TOKEN`"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refuse("only bearer tokens are known here; send `Authorization: Bearer TOKEN`"));
    }
    let people = state.people.current();
    people.with_token(token.trim()).cloned().ok_or_else(|| refuse("this token is not known; ask for a new one"))
}

/// The person who is signed in. Where nobody is, the handler does not run.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let nobody = || Problem::new(ProblemKind::Unauthenticated, "nobody is signed in");
        parts.extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}

/// Some of many, and where the next page starts.
#[derive(Debug, Serialize, ToSchema)]
struct Page<T, I> {
    items: Vec<T>,
    /// Ask for what is `after` this; nothing follows when it is null.
    next: Option<I>,
}

impl<T, I> Page<T, I> {
    fn of(items: Vec<T>, limit: u32, id: impl Fn(&T) -> I) -> Self {
        let full = items.len() >= limit as usize;
        let next = items.last().filter(|_| full).map(id);
        Self { items, next }
    }
}

/// All there is.
#[derive(Debug, Serialize, ToSchema)]
struct All<T> {
    items: Vec<T>,
}
