//! What people can ask for. Nothing here says for which team: that is the caller's.

use std::collections::BTreeMap;

use macadam_core::names::{EnvironmentName, ResourceKey, ResourceName, ResourceType};
use serde_json::Value;

/// A wish concerning a resource.
#[derive(Debug, Clone)]
pub enum Ask {
    /// Make one.
    Create(CreateResource),
    /// Change one.
    Update(UpdateResource),
    /// Remove one.
    Delete(DeleteResource),
}

/// A wish for a resource that does not exist.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateResource {
    /// Where.
    pub environment: EnvironmentName,
    /// What.
    #[serde(rename = "type")]
    pub resource_type: ResourceType,
    /// Its name.
    pub name: ResourceName,
    /// Its specification; what it leaves out takes the provider's defaults.
    #[serde(default = "empty")]
    pub spec: Value,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// How long it lives, in seconds from when it is ready; the environment's default when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
}

/// A wish to change one that exists. What is left out stays as it is.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct UpdateResource {
    /// Which.
    pub key: ResourceKey,
    /// The new specification, whole.
    pub spec: Option<Value>,
    /// The new labels, whole.
    pub tags: Option<BTreeMap<String, String>>,
    /// The new life time, counted from when the change is done.
    pub ttl_seconds: Option<u64>,
    /// The revision that was looked at; the change is refused when there has been another since.
    pub revision: Option<u64>,
}

/// A wish to remove one.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct DeleteResource {
    /// Which.
    pub key: ResourceKey,
    /// The revision that was looked at.
    pub revision: Option<u64>,
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}
