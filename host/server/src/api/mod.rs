//! The routes under `/api/v1`: each handler reads what came in, calls one use case, and writes what came out.

mod access;
mod audit;
mod bindings;
mod catalog;
mod decisions;
mod events;
mod jobs;
pub(crate) mod made_again;
mod namespaces;
mod paths;
mod preview;
mod publish;
mod requests;
mod resources;
mod scaffolds;
mod schedules;
mod service_tokens;
mod signing_in;
mod tools;
mod webhooks;

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use jiff::Timestamp;
use macadam_platform::Caller;
use macadam_platform::authorization::{Action, Refused, Target, TargetKind, observed};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::ServerState;
use crate::bodies::hold_body;
use crate::compress::{ShowsSecrets, shows_secrets};
use crate::conditional::{answer_what_is_new, refuse_conditions, takes_if_match};
use crate::deadline::answer_in_time;
use crate::document::{keyed, problems, tagged};
use crate::idempotency::answer_once;
use crate::observe::note_person;
use crate::origin::{origin, peer};
use crate::problem::{Problem, ProblemKind};

pub(crate) use events::Streams;
pub(crate) use publish::SIGNATURE;

/// Handlers of one path with their descriptions, as `routes!` makes them.
type Routes = UtoipaMethodRouter<ServerState>;

/// Every route, all but one behind the sign-in. `routes!` takes path, method and description from the handler's own, so
/// there is no route that the document does not have. Without a state they are only described.
pub(crate) fn routes(state: Option<&ServerState>) -> OpenApiRouter<ServerState> {
    let signed_in = actions(state);
    let signed_in = match state {
        Some(state) => signed_in.route_layer(from_fn_with_state(state.clone(), only_signed_in)),
        None => signed_in,
    };
    // Whoever is not signed in yet has to know how.
    signed_in.routes(routes!(signing_in::ways))
}

/// The table: which action each route is.
fn actions(state: Option<&ServerState>) -> OpenApiRouter<ServerState> {
    use Action::*;
    let on = |action, routes| on(state, action, routes);
    OpenApiRouter::new()
        .routes(on(CatalogRead, routes!(catalog::whoami)))
        .routes(on(TeamRead, routes!(catalog::teams)))
        .routes(on(CatalogRead, routes!(catalog::environments)))
        .routes(on(CatalogRead, routes!(catalog::resource_types)))
        .routes(on(CatalogRead, routes!(catalog::plugins)))
        .routes(on(PluginPublish, routes!(publish::publish)))
        .routes(on(CatalogRead, routes!(publish::versions)))
        .routes(on(PluginDeprecate, routes!(publish::deprecate_plugin, publish::undeprecate_plugin)))
        .routes(on(PluginDeprecate, routes!(publish::deprecate_version, publish::undeprecate_version)))
        .routes(on(PluginYank, routes!(publish::yank, publish::unyank)))
        .routes(on(BindingRead, routes!(bindings::list)))
        .routes(on(BindingRead, routes!(bindings::diff)))
        .routes(on(BindingChange, routes!(bindings::apply)))
        .routes(on(BindingRead, routes!(bindings::get)))
        .routes(on(BindingChange, routes!(bindings::put, bindings::delete)))
        .routes(on(BindingRead, routes!(bindings::history)))
        .routes(on(DecisionCompare, routes!(bindings::differences)))
        .routes(on(BindingChange, routes!(bindings::rollback)))
        .routes(on(CatalogRead, routes!(catalog::templates)))
        .routes(on(CatalogRead, routes!(namespaces::list)))
        .routes(on(NamespaceChange, routes!(namespaces::put)))
        .routes(on(NamespaceChange, routes!(namespaces::trust)))
        .routes(on(NamespaceChange, routes!(namespaces::revoke)))
        .routes(on(DecisionRead, routes!(decisions::list)))
        .routes(on(DecisionRead, routes!(decisions::get)))
        .routes(on(DecisionReplay, routes!(decisions::replay)))
        .routes(on(ResourcePreview, routes!(preview::preview)))
        .routes(on(ResourceRead, routes!(resources::list)))
        .routes(on(ResourceCreate, routes!(resources::create)))
        .routes(on(ResourceRead, routes!(resources::get)))
        .routes(on(ResourceUpdate, routes!(resources::update)))
        .routes(on(ResourceDelete, routes!(resources::delete)))
        .routes(on(ResourceUse, routes!(resources::credentials)))
        .routes(on(ResourceRead, routes!(resources::health)))
        .routes(on(ResourceRead, routes!(resources::transitions)))
        .routes(on(RequestRead, routes!(requests::list)))
        .routes(on(RequestRead, routes!(requests::get)))
        .routes(on(RequestApprove, routes!(requests::approve)))
        .routes(on(RequestReject, routes!(requests::reject)))
        .routes(on(RequestCancel, routes!(requests::cancel)))
        .routes(on(ProjectCreate, routes!(scaffolds::create)))
        .routes(on(RequestRead, routes!(scaffolds::get)))
        .routes(on(RequestRead, routes!(scaffolds::archive)))
        .routes(on(AccessExplain, routes!(access::authorize)))
        .routes(on(AccessExplain, routes!(access::actions)))
        .routes(on(AccessPolicyRead, routes!(access::matrix)))
        .routes(on(AccessPolicyRead, routes!(access::list)))
        .routes(on(AccessPolicyRead, routes!(access::check)))
        .routes(on(AccessPolicyRead, routes!(access::get)))
        .routes(on(AccessPolicyChange, routes!(access::put, access::delete)))
        .routes(on(JobRead, routes!(jobs::list)))
        .routes(on(JobRead, routes!(jobs::get)))
        .routes(on(JobCancel, routes!(jobs::cancel)))
        .routes(on(JobRetry, routes!(jobs::retry)))
        .routes(on(ScheduleRead, routes!(schedules::list)))
        .routes(on(ScheduleRun, routes!(schedules::run)))
        .routes(on(EventRead, routes!(events::events)))
        .routes(on(WebhookRead, routes!(webhooks::list)))
        .routes(on(WebhookChange, routes!(webhooks::create)))
        .routes(on(WebhookRead, routes!(webhooks::get)))
        .routes(on(WebhookChange, routes!(webhooks::change, webhooks::delete)))
        .routes(on(WebhookChange, routes!(webhooks::rotate)))
        .routes(on(WebhookChange, routes!(webhooks::enable)))
        .routes(on(WebhookChange, routes!(webhooks::test)))
        .routes(on(WebhookRead, routes!(webhooks::deliveries)))
        .routes(on(AuditRead, routes!(audit::list)))
        .routes(on(AuditRead, routes!(audit::heads)))
        .routes(on(CatalogRead, routes!(audit::key)))
        .routes(on(CatalogRead, routes!(tools::manifest)))
        .routes(on(CatalogRead, routes!(tools::config)))
        .routes(on(CatalogRead, routes!(tools::download)))
        .routes(on(ServiceTokenRead, routes!(service_tokens::list)))
        .routes(on(ServiceTokenCreate, routes!(service_tokens::create)))
        .routes(on(ServiceTokenRevoke, routes!(service_tokens::revoke)))
}

/// Says which action some routes of one path are. What is done to the platform itself is asked about here; what is done to
/// something of a team's is asked about by the use case, which finds out whose it is. A route that was answered well
/// without its action having been asked about has a hole in it, and says so instead. The document has the action, too.
fn on(state: Option<&ServerState>, action: Action, routes: Routes) -> Routes {
    let (schemas, mut paths, mut router) = routes;
    paths.paths.values_mut().for_each(keyed::describe);
    if !shows_secrets(action) {
        paths.paths.values_mut().for_each(tagged::describe);
    }
    let conditional =
        paths.paths.values_mut().flat_map(problems::operations).any(|operation| takes_if_match(operation));
    for operation in paths.paths.values_mut().flat_map(problems::operations) {
        operation.extensions = Some(ExtensionsBuilder::new().add("x-macadam-action", action.as_str()).build());
    }
    if let Some(state) = state.cloned() {
        let (asking, sending) = (state.clone(), state.clone());
        let authorized = from_fn(move |request: Request, next: Next| authorized(asking.clone(), action, request, next));
        // Outside of the question who may: an answer that is given again was asked about the first time.
        let once = from_fn(move |request: Request, next: Next| answer_once(state.clone(), action, request, next));
        router = router.layer(authorized).layer(from_fn(answer_what_is_new)).layer(once).layer(from_fn(answer_in_time));
        // Outside of everything that reads a body, and of what ends a handler that takes too long.
        let held = from_fn(move |request: Request, next: Next| hold_body(sending.clone(), action, request, next));
        router = router.layer(held);
        if !conditional {
            router = router.layer(from_fn(refuse_conditions));
        }
    }
    (schemas, paths, router)
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
    let mut response: Response = response.map_err(|refused: Refused| Problem::from(refused))?;
    if response.status().is_success() && !asked.contains(&action) {
        return Err(Problem::internal(&format_args!("nothing asked whether {} may {action}", caller.person)));
    }
    ShowsSecrets::mark(action, &mut response);
    Ok(response)
}

async fn only_signed_in(
    State(state): State<ServerState>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = enter(&state, request.headers(), peer(&request)).await?;
    let standing = state.rate_limits.admit(&caller, Instant::now())?;
    let caller = Caller { origin: origin(&state.proxies, &request, &caller.credential), ..caller };
    note_person(&caller);
    request.extensions_mut().insert(SignedIn(caller));
    let mut response = next.run(request).await;
    response.headers_mut().extend(standing);
    Ok(response)
}

/// Whose token a request carries; a failure counts against the address that it came from.
pub(crate) async fn enter(state: &ServerState, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<Caller, Problem> {
    let address = peer.map(|peer| state.proxies.client(peer, headers));
    sign_in(state, headers).await.map_err(|problem| match problem.kind() {
        ProblemKind::Unauthenticated => state.rate_limits.failed(problem, address, Instant::now()),
        _ => problem,
    })
}

/// Whose token a request carries.
async fn sign_in(state: &ServerState, headers: &HeaderMap) -> Result<Caller, Problem> {
    let token = bearer(headers)?;
    let caller = state.authenticator.caller(&state.platform, token, Timestamp::now()).await;
    Ok(caller.inspect_err(|why| tracing::debug!(%why, "nobody is let in"))?)
}

/// The token that a request carries.
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
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
    Ok(token.trim())
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
