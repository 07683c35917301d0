//! The routes under `/api/v1`: each handler reads what came in, calls one use case, and writes what came out.

mod access;
mod audit;
mod bindings;
mod catalog;
mod decisions;
mod events;
mod jobs;
mod namespaces;
mod preview;
mod publish;
mod requests;
mod resources;
mod scaffolds;
mod schedules;
mod service_tokens;
mod signing_in;
mod webhooks;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post, put};
use jiff::Timestamp;
use macadam_core::names::ResourceKey;
use macadam_platform::Caller;
use macadam_platform::authorization::{Action, Refused, Target, TargetKind, observed};
use serde::Serialize;

use crate::ServerState;
use crate::observe::note_person;
use crate::origin::origin;
use crate::problem::{Problem, ProblemKind};

pub(crate) use events::Streams;

/// Every route, all but one behind the sign-in.
pub(crate) fn routes(state: &ServerState) -> Router<ServerState> {
    use Action::*;
    let on = |action, route| on(state, action, route);
    Router::new()
        .route("/whoami", on(CatalogRead, get(catalog::whoami)))
        .route("/teams", on(TeamRead, get(catalog::teams)))
        .route("/environments", on(CatalogRead, get(catalog::environments)))
        .route("/resource-types", on(CatalogRead, get(catalog::resource_types)))
        .route("/plugins", on(CatalogRead, get(catalog::plugins)).merge(on(PluginPublish, post(publish::publish))))
        .route("/plugins/{namespace}/{name}", on(CatalogRead, get(publish::versions)))
        .route("/audit", on(AuditRead, get(audit::list)))
        .route("/audit/heads", on(AuditRead, get(audit::heads)))
        .route("/audit/key", on(CatalogRead, get(audit::key)))
        .route(
            "/plugins/{namespace}/{name}/deprecation",
            on(PluginDeprecate, put(publish::deprecate_plugin).delete(publish::undeprecate_plugin)),
        )
        .route(
            "/plugins/{namespace}/{name}/{version}/deprecation",
            on(PluginDeprecate, put(publish::deprecate_version).delete(publish::undeprecate_version)),
        )
        .route(
            "/plugins/{namespace}/{name}/{version}/yank",
            on(PluginYank, post(publish::yank).delete(publish::unyank)),
        )
        .route("/bindings", on(BindingRead, get(bindings::list)))
        .route("/bindings/diff", on(BindingRead, post(bindings::diff)))
        .route("/bindings/apply", on(BindingChange, post(bindings::apply)))
        .route(
            "/bindings/{name}",
            on(BindingRead, get(bindings::get)).merge(on(BindingChange, put(bindings::put).delete(bindings::delete))),
        )
        .route("/bindings/{name}/history", on(BindingRead, get(bindings::history)))
        .route("/bindings/{name}/differences", on(DecisionCompare, get(bindings::differences)))
        .route("/bindings/{name}/rollback", on(BindingChange, post(bindings::rollback)))
        .route("/templates", on(CatalogRead, get(catalog::templates)))
        .route("/namespaces", on(CatalogRead, get(namespaces::list)))
        .route("/namespaces/{name}", on(NamespaceChange, put(namespaces::put)))
        .route("/namespaces/{name}/keys", on(NamespaceChange, post(namespaces::trust)))
        .route("/namespaces/{name}/revocations", on(NamespaceChange, post(namespaces::revoke)))
        .route("/decisions", on(DecisionRead, get(decisions::list)))
        .route("/decisions/{seq}", on(DecisionRead, get(decisions::get)))
        .route("/replays", on(DecisionReplay, post(decisions::replay)))
        .route("/preview", on(ResourcePreview, post(preview::preview)))
        .route("/resources", on(ResourceRead, get(resources::list)).merge(on(ResourceCreate, post(resources::create))))
        .route(
            "/resources/{namespace}/{environment}/{type}/{name}",
            on(ResourceRead, get(resources::get))
                .merge(on(ResourceUpdate, put(resources::update)))
                .merge(on(ResourceDelete, delete(resources::delete))),
        )
        .route(
            "/resources/{namespace}/{environment}/{type}/{name}/credentials",
            on(ResourceUse, get(resources::credentials)),
        )
        .route("/resources/{namespace}/{environment}/{type}/{name}/health", on(ResourceRead, get(resources::health)))
        .route(
            "/resources/{namespace}/{environment}/{type}/{name}/transitions",
            on(ResourceRead, get(resources::transitions)),
        )
        .route("/requests", on(RequestRead, get(requests::list)))
        .route("/requests/{id}", on(RequestRead, get(requests::get)))
        .route("/requests/{id}/approve", on(RequestApprove, post(requests::approve)))
        .route("/requests/{id}/reject", on(RequestReject, post(requests::reject)))
        .route("/requests/{id}/cancel", on(RequestCancel, post(requests::cancel)))
        .route("/scaffolds", on(ProjectCreate, post(scaffolds::create)))
        .route("/scaffolds/{id}", on(RequestRead, get(scaffolds::get)))
        .route("/scaffolds/{id}/archive", on(RequestRead, get(scaffolds::archive)))
        .route("/authorize", on(AccessExplain, get(access::authorize)))
        .route("/access/actions", on(AccessExplain, get(access::actions)))
        .route("/access/matrix", on(AccessPolicyRead, get(access::matrix)))
        .route("/access/policies", on(AccessPolicyRead, get(access::list)))
        .route("/access/policies/{name}/check", on(AccessPolicyRead, post(access::check)))
        .route(
            "/access/policies/{name}",
            on(AccessPolicyRead, get(access::get))
                .merge(on(AccessPolicyChange, put(access::put).delete(access::delete))),
        )
        .route("/jobs", on(JobRead, get(jobs::list)))
        .route("/jobs/{id}", on(JobRead, get(jobs::get)))
        .route("/jobs/{id}/cancel", on(JobCancel, post(jobs::cancel)))
        .route("/jobs/{id}/retry", on(JobRetry, post(jobs::retry)))
        .route("/schedules", on(ScheduleRead, get(schedules::list)))
        .route("/schedules/{name}/run", on(ScheduleRun, post(schedules::run)))
        .route("/events", on(EventRead, get(events::events)))
        .route("/webhooks", on(WebhookRead, get(webhooks::list)).merge(on(WebhookChange, post(webhooks::create))))
        .route(
            "/webhooks/{id}",
            on(WebhookRead, get(webhooks::get))
                .merge(on(WebhookChange, put(webhooks::change).delete(webhooks::delete))),
        )
        .route("/webhooks/{id}/rotate", on(WebhookChange, post(webhooks::rotate)))
        .route("/webhooks/{id}/enable", on(WebhookChange, post(webhooks::enable)))
        .route("/webhooks/{id}/test", on(WebhookChange, post(webhooks::test)))
        .route("/webhooks/{id}/deliveries", on(WebhookRead, get(webhooks::deliveries)))
        .route(
            "/service-tokens",
            on(ServiceTokenRead, get(service_tokens::list)).merge(on(ServiceTokenCreate, post(service_tokens::create))),
        )
        .route("/service-tokens/{id}", on(ServiceTokenRevoke, delete(service_tokens::revoke)))
        .route_layer(from_fn_with_state(state.clone(), only_signed_in))
        // Whoever is not signed in yet has to know how.
        .route("/sign-in", get(signing_in::ways))
}

/// Says which action a route is. What is done to the platform itself is asked about here; what is done to something of a
/// team's is asked about by the use case, which finds out whose it is. A route that was answered well without its action
/// having been asked about has a hole in it, and says so instead.
fn on(state: &ServerState, action: Action, route: MethodRouter<ServerState>) -> MethodRouter<ServerState> {
    let state = state.clone();
    route.layer(from_fn(move |request: Request, next: Next| authorized(state.clone(), action, request, next)))
}

async fn authorized(state: ServerState, action: Action, request: Request, next: Next) -> Result<Response, Problem> {
    let caller = request.extensions().get::<SignedIn>().map(|signed_in| signed_in.0.clone());
    let caller = caller.ok_or_else(|| Problem::new(ProblemKind::Unauthenticated, "nobody is signed in"))?;
    let work = async {
        if action.on() == TargetKind::Platform {
            state.platform.authorize(&caller, action, &Target::Platform)?;
        }
        Ok(next.run(request).await)
    };
    let (response, asked) = observed(work).await;
    let response: Response = response.map_err(|refused: Refused| Problem::from(refused))?;
    if response.status().is_success() && !asked.contains(&action) {
        return Err(Problem::internal(&format_args!("nothing asked whether {} may {action}", caller.person)));
    }
    Ok(response)
}

async fn only_signed_in(
    State(state): State<ServerState>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = sign_in(&state, request.headers()).await?;
    let caller = Caller { origin: origin(&state.proxies, &request, &caller.credential), ..caller };
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
