//! The routes under `/api/v1`: each handler reads what came in, calls one use case, and writes what came out.

mod bindings;
mod catalog;
mod decisions;
mod namespaces;
mod preview;
mod publish;
mod requests;
mod resources;
mod scaffolds;
mod service_tokens;
mod signing_in;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use jiff::Timestamp;
use macadam_core::names::ResourceKey;
use macadam_platform::Caller;
use serde::Serialize;

use crate::ServerState;
use crate::observe::note_person;
use crate::problem::{Problem, ProblemKind};

/// Every route, all but one behind the sign-in.
pub(crate) fn routes(state: &ServerState) -> Router<ServerState> {
    Router::new()
        .route("/whoami", get(catalog::whoami))
        .route("/teams", get(catalog::teams))
        .route("/environments", get(catalog::environments))
        .route("/resource-types", get(catalog::resource_types))
        .route("/plugins", get(catalog::plugins).post(publish::publish))
        .route("/plugins/{namespace}/{name}", get(publish::versions))
        .route(
            "/plugins/{namespace}/{name}/deprecation",
            put(publish::deprecate_plugin).delete(publish::undeprecate_plugin),
        )
        .route(
            "/plugins/{namespace}/{name}/{version}/deprecation",
            put(publish::deprecate_version).delete(publish::undeprecate_version),
        )
        .route("/plugins/{namespace}/{name}/{version}/yank", post(publish::yank).delete(publish::unyank))
        .route("/bindings", get(bindings::list))
        .route("/bindings/diff", post(bindings::diff))
        .route("/bindings/apply", post(bindings::apply))
        .route("/bindings/{name}", get(bindings::get).put(bindings::put).delete(bindings::delete))
        .route("/bindings/{name}/history", get(bindings::history))
        .route("/bindings/{name}/differences", get(bindings::differences))
        .route("/bindings/{name}/rollback", post(bindings::rollback))
        .route("/templates", get(catalog::templates))
        .route("/namespaces", get(namespaces::list))
        .route("/namespaces/{name}", put(namespaces::put))
        .route("/namespaces/{name}/keys", post(namespaces::trust))
        .route("/namespaces/{name}/revocations", post(namespaces::revoke))
        .route("/decisions", get(decisions::list))
        .route("/decisions/{seq}", get(decisions::get))
        .route("/replays", post(decisions::replay))
        .route("/preview", post(preview::preview))
        .route("/resources", get(resources::list).post(resources::create))
        .route(
            "/resources/{namespace}/{environment}/{type}/{name}",
            get(resources::get).put(resources::update).delete(resources::delete),
        )
        .route("/resources/{namespace}/{environment}/{type}/{name}/credentials", get(resources::credentials))
        .route("/resources/{namespace}/{environment}/{type}/{name}/health", get(resources::health))
        .route("/resources/{namespace}/{environment}/{type}/{name}/transitions", get(resources::transitions))
        .route("/requests", get(requests::list))
        .route("/requests/{id}", get(requests::get))
        .route("/requests/{id}/approve", post(requests::approve))
        .route("/requests/{id}/reject", post(requests::reject))
        .route("/requests/{id}/cancel", post(requests::cancel))
        .route("/scaffolds", post(scaffolds::create))
        .route("/scaffolds/{id}", get(scaffolds::get))
        .route("/scaffolds/{id}/archive", get(scaffolds::archive))
        .route("/service-tokens", get(service_tokens::list).post(service_tokens::create))
        .route("/service-tokens/{id}", delete(service_tokens::revoke))
        .route_layer(from_fn_with_state(state.clone(), only_signed_in))
        // Whoever is not signed in yet has to know how.
        .route("/sign-in", get(signing_in::ways))
}

async fn only_signed_in(
    State(state): State<ServerState>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = sign_in(&state, request.headers()).await?;
    note_person(&caller);
    request.extensions_mut().insert(SignedIn(caller));
    Ok(next.run(request).await)
}

/// Whose token a request carries.
pub(crate) async fn sign_in(state: &ServerState, headers: &HeaderMap) -> Result<Caller, Problem> {
    let refuse = |detail: &str| Problem::new(ProblemKind::Unauthenticated, detail);
    if headers.get_all(header::AUTHORIZATION).iter().count() > 1 {
        return Err(refuse("there is more than one `Authorization`; send one"));
    }
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value
        .and_then(|value| value.split_once(' '))
        .ok_or_else(|| refuse("this takes a token; send it as `Authorization: Bearer TOKEN`"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refuse("only bearer tokens are known here; send `Authorization: Bearer TOKEN`"));
    }
    let caller = state.authenticator.caller(&state.platform, token.trim(), Timestamp::now()).await;
    Ok(caller.inspect_err(|why| tracing::debug!(%why, "nobody is let in"))?)
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

/// The resource that a path names. A name that cannot be is one that does not exist.
#[derive(Debug)]
struct Key(ResourceKey);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let names: Result<Path<[String; 4]>, PathRejection> = Path::from_request_parts(parts, state).await;
        let names = names.map_err(|error| Problem::new(ProblemKind::NotFound, error.body_text()))?;
        let key = names.0.join("/").parse::<ResourceKey>();
        key.map(Self).map_err(|error| Problem::new(ProblemKind::NotFound, error.to_string()))
    }
}

/// The thing that a path names by its id.
#[derive(Debug)]
struct Id<T>(T);

impl<S: Send + Sync, T: std::str::FromStr<Err = macadam_store::IdError>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        let text = text.map_err(|error| Problem::new(ProblemKind::NotFound, error.body_text()))?;
        let id = text.0.parse::<T>();
        id.map(Self).map_err(|error| Problem::new(ProblemKind::NotFound, error.to_string()))
    }
}

/// Some of many, and where the next page starts.
#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
struct All<T> {
    items: Vec<T>,
}
