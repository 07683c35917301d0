//! Resources: what exists, is being made, or was. They change only through requests and jobs, so this trait reads.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::estimate::Estimate;
use macadam_core::lifecycle::ResourceState;
use macadam_core::money::Money;
use macadam_core::names::{EnvironmentName, Namespace, PluginRef, ResourceKey, ResourceType, TeamId};
use macadam_core::plan::Output;
use macadam_core::selector::Selector;
use serde_json::value::RawValue;

use crate::row::Columns;
use crate::{RequestId, ResourceId, StoreError, SubmitError};

/// What a resource is to be: what was asked for with every default filled in, and who makes it.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Desired {
    /// The specification, kept as it was written.
    pub spec: Box<RawValue>,
    /// Labels.
    pub tags: BTreeMap<String, String>,
    /// How long it lives once it is ready; `None` is for ever.
    pub ttl_seconds: Option<u64>,
    /// What it costs; `None` when no estimator knows.
    pub estimate: Option<Estimate>,
    /// The provider that makes it and that will change and remove it.
    pub provider: ProviderPin,
}

/// Whether there is an environment, and which live resource has a name in it, in one row whatever there is.
pub(crate) const WHO_HAS: &str =
    "SELECT there.id, there.state, (SELECT name FROM environments WHERE name = $2) AS environment
    FROM (SELECT 1) AS always LEFT JOIN resources there
        ON there.namespace = $1 AND there.environment = $2 AND there.type = $3 AND there.name = $4
           AND there.state NOT IN ('deleted', 'failed')";

/// Makes sure, from what [`WHO_HAS`] found, that a name can be given.
pub(crate) fn is_free(row: &impl Columns, key: &ResourceKey) -> Result<(), SubmitError> {
    if row.text_opt("environment")?.is_none() {
        return Err(SubmitError::UnknownEnvironment(key.environment.clone()));
    }
    match row.parsed_opt("id")? {
        Some(resource) => Err(SubmitError::Exists { key: key.clone(), resource, state: row.word("state")? }),
        None => Ok(()),
    }
}

/// A provider held at the version that made a resource.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProviderPin {
    /// Its name and version.
    pub plugin: PluginRef,
    /// The component itself.
    pub digest: Digest,
    /// The version of its settings, as the caller tells them apart.
    pub settings: String,
}

/// A resource as it is kept.
#[derive(Debug, Clone)]
pub struct ResourceRecord {
    /// Its id, the same over its whole life.
    pub id: ResourceId,
    /// Where it is; unique among live ones.
    pub key: ResourceKey,
    /// Whose quota and budget it uses.
    pub team: TeamId,
    /// Where it stands.
    pub state: ResourceState,
    /// What it is, or is to be while it is being created. An update's wish stays with its request until it is done.
    pub desired: Desired,
    /// What it costs a month; zero until it is ready.
    pub monthly: Money,
    /// What it will cost once its open request is done, which already counts against the budget.
    pub pending_monthly: Option<Money>,
    /// What its provider made for the requester.
    pub outputs: Vec<Output>,
    /// How often it was created or changed; a request to change it names the revision it was made for.
    pub revision: u64,
    /// The one request that is under way.
    pub open_request: Option<RequestId>,
    /// When it was first asked for.
    pub created_at: Timestamp,
    /// When anything of this last changed.
    pub updated_at: Timestamp,
    /// When it last became ready through a request.
    pub ready_at: Option<Timestamp>,
    /// When it is to be removed.
    pub expires_at: Option<Timestamp>,
}

/// One change of a resource's state.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct ResourceTransition {
    /// Which resource.
    pub resource: ResourceId,
    /// When.
    pub at: Timestamp,
    /// The state it left; `None` when it was first asked for.
    pub from: Option<ResourceState>,
    /// The state it came to.
    pub to: ResourceState,
    /// The request that did it.
    pub request: RequestId,
}

/// Which resources to list. What is `None` does not narrow.
#[derive(Debug, Clone, Default)]
pub struct ResourceFilter {
    /// Of one namespace.
    pub namespace: Option<Namespace>,
    /// In one environment.
    pub environment: Option<EnvironmentName>,
    /// Of one type.
    pub resource_type: Option<ResourceType>,
    /// Of one team.
    pub team: Option<TeamId>,
    /// Of any of these teams: those whose things somebody may see.
    pub teams: Option<Vec<TeamId>>,
    /// In one state.
    pub state: Option<ResourceState>,
    /// With such tags.
    pub selector: Selector,
    /// Also those that are deleted or failed.
    pub include_gone: bool,
}

/// Some records of many. Another page follows when it is full; it starts after its last record's id.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<Id> {
    /// At most this many.
    pub limit: u32,
    /// The last id of the page before.
    pub after: Option<Id>,
}

impl<Id> PageRequest<Id> {
    /// The first so many.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }

    /// The so many that follow an id.
    #[must_use]
    pub const fn after(id: Id, limit: u32) -> Self {
        Self { limit, after: Some(id) }
    }
}

/// The resources.
#[async_trait]
pub trait Resources: Send + Sync {
    /// One resource, whatever its state.
    async fn resource(&self, id: ResourceId) -> Result<Option<ResourceRecord>, StoreError>;

    /// The live resource of a name.
    async fn live_resource(&self, key: &ResourceKey) -> Result<Option<ResourceRecord>, StoreError>;

    /// Resources in the order in which they were first asked for.
    async fn list_resources(
        &self,
        filter: &ResourceFilter,
        page: PageRequest<ResourceId>,
    ) -> Result<Vec<ResourceRecord>, StoreError>;

    /// Ready resources whose time is up and on which nothing is under way, the longest overdue first.
    async fn due_for_expiry(&self, now: Timestamp, limit: u32) -> Result<Vec<ResourceRecord>, StoreError>;

    /// Every state that a resource went through, in order.
    async fn transitions(&self, id: ResourceId) -> Result<Vec<ResourceTransition>, StoreError>;

    /// Every provider that a live resource or an unfinished request is pinned to: neither unloaded nor collected.
    async fn pinned_providers(&self) -> Result<Vec<ProviderPin>, StoreError>;
}
