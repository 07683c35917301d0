//! What a provider says it makes, will do, has done, and sees.

use std::fmt;

use crate::names::{Namespace, ResourceType};
use crate::request::Request;

/// What a provider makes.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ResourceDescription {
    /// The type that requests name.
    #[serde(rename = "type")]
    pub resource_type: ResourceType,
    /// One line for people who choose.
    pub title: String,
    /// JSON Schema 2020-12 of a request's `spec`.
    pub spec_schema: serde_json::Value,
    /// What a requester gets.
    pub outputs: Vec<OutputDescription>,
}

/// One thing that a requester gets.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct OutputDescription {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Whether it is sealed.
    pub secret: bool,
}

/// A resource as its provider sees it.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct ProviderResource {
    /// Stable and unique, for systems with one flat namespace.
    pub id: String,
    /// The owning team's namespace.
    pub namespace: Namespace,
    /// What was asked for.
    pub request: Request,
}

/// What will happen if a request goes ahead.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Plan {
    /// In order.
    pub steps: Vec<PlanStep>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct PlanStep {
    /// What kind of change.
    pub effect: Effect,
    /// What is affected.
    pub target: String,
    /// What about it.
    pub detail: String,
}

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Made anew.
    Create,
    /// Changed in place.
    Change,
    /// Removed and made anew; data is lost.
    Replace,
    /// Removed.
    Remove,
    /// Left as it is.
    Keep,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::Keep => "keep",
        })
    }
}

/// Where a provider's work stands when a step is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The same for every attempt at this work.
    pub idempotency_key: String,
    /// Counts from one.
    pub attempt: u32,
    /// What the last finished step returned.
    pub state: Option<String>,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// All is done.
    Done(Vec<Output>),
    /// Call again with this state.
    InProgress {
        /// JSON text, sealed before it is stored.
        state: String,
        /// Not before this many milliseconds.
        poll_after_ms: u32,
        /// For the requester.
        note: String,
    },
}

/// One thing that a provider made for the requester.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub value: OutputValue,
}

/// An output's value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputValue {
    /// Shown to whoever may see the resource.
    Text(String),
    /// A handle; the secret itself is sealed.
    Secret(String),
}

/// What a provider sees when it looks at a resource.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "health", content = "detail", rename_all = "kebab-case")]
pub enum Health {
    /// Works.
    Healthy,
    /// Works, but not as it should.
    Degraded(String),
    /// Does not work or is not there.
    Unhealthy(String),
}
