//! The audit log: who did what, and where its chains end.

use axum::Json as JsonBody;
use axum::extract::State;
use jiff::Timestamp;
use macadam_core::audit::{HeadsKey, SignedHeads, Stream};
use macadam_core::names::PersonId;
use macadam_core::violation::Violation;
use macadam_store::{AuditEntry, AuditFilter, PageRequest};
use serde::{Deserialize, Serialize};

use crate::ServerState;
use crate::api::{Page, SignedIn};
use crate::extract::{Params, limit};
use crate::problem::Problem;

/// In which order.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Order {
    #[default]
    Oldest,
    Newest,
}

/// Which entries.
#[derive(Debug, Deserialize)]
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
    order: Order,
    after: Option<u64>,
    limit: Option<u32>,
}

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

pub(super) async fn heads(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
) -> Result<JsonBody<SignedHeads>, Problem> {
    Ok(JsonBody(state.platform.audit_heads(&caller, Timestamp::now()).await?))
}

/// The key that heads are checked with.
#[derive(Debug, Serialize)]
pub(super) struct Key {
    key: HeadsKey,
}

pub(super) async fn key(State(state): State<ServerState>, SignedIn(_): SignedIn) -> Result<JsonBody<Key>, Problem> {
    Ok(JsonBody(Key { key: state.platform.audit_key().await? }))
}
