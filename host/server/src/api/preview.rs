//! Preview: the body of a create, update or delete, with the word that says which.

use axum::extract::State;
use jiff::Timestamp;
use macadam_core::names::ResourceKey;
use macadam_core::violation::Violation;
use macadam_platform::provisioning::{Ask, DeleteResource, Preview, UpdateResource};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::ServerState;
use crate::api::SignedIn;
use crate::extract::{Json, from_value};
use crate::problem::Problem;

/// An update or a removal that is only asked about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Existing {
    /// `namespace/environment/type/name`.
    resource: String,
    #[serde(default)]
    spec: Option<Value>,
    #[serde(default)]
    tags: Option<std::collections::BTreeMap<String, String>>,
    #[serde(default)]
    ttl_seconds: Option<u64>,
    #[serde(default)]
    revision: Option<u64>,
}

pub(super) async fn preview(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Json(body): Json<Map<String, Value>>,
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
