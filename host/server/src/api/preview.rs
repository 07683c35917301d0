//! Preview: the body of a create, update or delete, with the word that says which.

use std::collections::BTreeMap;

use axum::extract::State;
use jiff::Timestamp;
use macadam_core::names::{EnvironmentName, ResourceKey, ResourceName, ResourceType};
use macadam_core::violation::Violation;
use macadam_platform::provisioning::{Ask, DeleteResource, Preview, UpdateResource};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::ServerState;
use crate::api::SignedIn;
use crate::document::problems::{Conflict, NotFound, Stale};
use crate::extract::{Json, from_value};
use crate::fields::Fields;
use crate::problem::Problem;

/// A wish that is only asked about, told apart by `action`.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "how the two look in the document; `ask` reads them, each with its own errors")]
enum PreviewAsk {
    Create(PreviewCreate),
    Existing(PreviewChange),
}

/// A resource that is only asked about.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "how it looks in the document")]
struct PreviewCreate {
    /// `create`, which it also is when it is left out.
    #[schema(pattern = "^create$", example = "create", nullable = false)]
    action: Option<String>,
    /// Where.
    environment: EnvironmentName,
    /// What.
    r#type: ResourceType,
    /// Its name.
    name: ResourceName,
    /// Its specification; what it leaves out takes the provider's defaults.
    #[serde(default)]
    spec: Value,
    /// Labels.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// How long it lives, in seconds from when it is ready.
    ttl_seconds: Option<u64>,
}

/// An update or a removal that is only asked about. A removal changes nothing else: it has no `spec`, `tags` and
/// `ttl_seconds`.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "how it looks in the document")]
struct PreviewChange {
    /// `update` or `delete`.
    #[schema(pattern = "^(update|delete)$", example = "update")]
    action: String,
    /// `namespace/environment/type/name`.
    #[schema(example = "payments/dev/postgres-database/orders-db")]
    resource: String,
    /// The new specification, whole.
    spec: Option<Value>,
    /// The new labels, whole.
    tags: Option<BTreeMap<String, String>>,
    /// The new life time.
    ttl_seconds: Option<u64>,
    /// The revision that was looked at.
    revision: Option<u64>,
}

/// An update or a removal that is only asked about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Existing {
    /// `namespace/environment/type/name`.
    resource: String,
    #[serde(default)]
    spec: Option<Value>,
    #[serde(default)]
    tags: Option<BTreeMap<String, String>>,
    #[serde(default)]
    ttl_seconds: Option<u64>,
    #[serde(default)]
    revision: Option<u64>,
}

/// What would happen: plan, cost and every verdict. Nothing is changed or recorded.
#[utoipa::path(
    post, path = "/preview", operation_id = "preview.create", tag = "resources",
    request_body(content = PreviewAsk),
    responses(
        (status = 200, description = "What would happen.", body = Preview),
        NotFound,
        Conflict,
        Stale,
    ),
)]
pub(super) async fn preview(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Json(Fields(body)): Json<Fields>,
) -> Result<axum::Json<Preview>, Problem> {
    let preview = state.platform.preview(&caller, ask(body)?, Timestamp::now()).await?;
    Ok(axum::Json(preview))
}

fn ask(mut body: Map<String, Value>) -> Result<Ask, Problem> {
    let action = body.remove("action").unwrap_or_else(|| Value::from("create"));
    match action.as_str() {
        Some("create") => Ok(Ask::Create(from_value(Value::Object(body))?)),
        Some("update") => {
            let Existing { resource, spec, tags, ttl_seconds, revision } = from_value(Value::Object(body))?;
            Ok(Ask::Update(UpdateResource { key: key(&resource)?, spec, tags, ttl_seconds, revision }))
        }
        Some("delete") => {
            let existing: Existing = from_value(Value::Object(body))?;
            let changes = existing.spec.is_some() || existing.tags.is_some() || existing.ttl_seconds.is_some();
            if changes {
                let message = "a removal changes nothing else; leave out spec, tags and ttl_seconds";
                return Err(Problem::invalid(&[Violation::new("", message)]));
            }
            Ok(Ask::Delete(DeleteResource { key: key(&existing.resource)?, revision: existing.revision }))
        }
        _ => {
            let message = "write create, update or delete; left out, it is create";
            Err(Problem::invalid(&[Violation::new("/action", message)]))
        }
    }
}

fn key(text: &str) -> Result<ResourceKey, Problem> {
    text.parse().map_err(|error: macadam_core::names::NameError| {
        Problem::invalid(&[Violation::new("/resource", error.to_string())])
    })
}
