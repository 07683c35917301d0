//! The audit log: who did what, and where its chains end.

use axum::Json as JsonBody;
use axum::extract::State;
use jiff::Timestamp;
use macadam_core::audit::{HeadsKey, SignedHeads, Stream};
use macadam_core::names::PersonId;
use macadam_core::violation::Violation;
use macadam_store::{AuditEntry, AuditFilter, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ServerState;
use crate::api::{Page, SignedIn};
use crate::extract::{Params, limit};
use crate::problem::Problem;

/// In which order; the oldest first if nothing is said.
#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Order {
    #[default]
    Oldest,
    Newest,
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    stream: Option<Stream>,
    actor: Option<PersonId>,
    /// What the action begins with.
    action: Option<String>,
    subject: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    #[serde(default)]
    #[param(inline)]
    order: Order,
    after: Option<u64>,
    limit: Option<u32>,
}

/// What was done: who, what, to what, from where, and under which decision.
#[utoipa::path(
    get, path = "/audit", operation_id = "audit.list", tag = "audit",
    params(Filter),
    responses(
        (status = 200, description = "A page of entries.", body = Page<AuditEntry, u64>),
    ),
)]
pub(super) async fn list(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Params(filter): Params<Filter>,
) -> Result<JsonBody<Page<AuditEntry, u64>>, Problem> {
    let Filter { stream, actor, action, subject, since, until, order, after, limit: asked } = filter;
    let limit = limit(asked)?;
    for (name, text) in [("action", &action), ("subject", &subject)] {
        if text.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
            let message = "has a control character, which no entry has; leave it out";
            return Err(Problem::invalid(&[Violation::new(name, message)]));
        }
    }
    // Nothing is older than what computers count from, and databases end somewhere before it.
    let [since, until] = [since, until].map(|moment| moment.map(|moment| moment.max(Timestamp::UNIX_EPOCH)));
    let backwards = matches!(order, Order::Newest);
    let filter = AuditFilter { stream, actor, action, subject, since, until, backwards };
    let page = PageRequest { after, limit };
    let entries = state.platform.audit(&caller, filter, page, Timestamp::now()).await?;
    Ok(JsonBody(Page::of(entries, limit, |entry| entry.seq)))
}

/// Where the chains end now, signed.
#[utoipa::path(
    get, path = "/audit/heads", operation_id = "audit.heads", tag = "audit",
    responses(
        (status = 200, description = "The heads.", body = SignedHeads),
    ),
)]
pub(super) async fn heads(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
) -> Result<JsonBody<SignedHeads>, Problem> {
    Ok(JsonBody(state.platform.audit_heads(&caller, Timestamp::now()).await?))
}

/// The key that heads are checked with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditKey)]
pub(super) struct Key {
    key: HeadsKey,
}

/// The public key that heads are checked with.
#[utoipa::path(
    get, path = "/audit/key", operation_id = "audit.key", tag = "audit",
    responses(
        (status = 200, description = "The key.", body = Key),
    ),
)]
pub(super) async fn key(State(state): State<ServerState>, SignedIn(_): SignedIn) -> Result<JsonBody<Key>, Problem> {
    Ok(JsonBody(Key { key: state.platform.audit_key().await? }))
}
