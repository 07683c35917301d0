//! Reading: what exists, what becomes of a request, and the credentials of what one owns.

use std::collections::BTreeMap;

use jiff::Timestamp;
use macadam_core::lifecycle::ResourceState;
use macadam_core::names::ResourceKey;
use macadam_core::plan::{Health, OutputValue};
use macadam_core::request::Action;
use macadam_runtime::capabilities::secrets::SecretVault as _;
use macadam_store::{
    NewAuditEntry, PageRequest, RequestFilter, RequestId, RequestRecord, ResourceFilter, ResourceId, ResourceRecord,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::provisioning::ProvisionError;
use crate::provisioning::validate::kept;
use crate::{Caller, Platform, Role};

/// A resource as people see it: secret outputs are only named.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Resource)]
pub struct ResourceView {
    /// Where it is.
    #[serde(flatten)]
    pub key: ResourceKey,
    /// Its id.
    pub id: ResourceId,
    /// Whose it is.
    pub team: String,
    /// Where it stands.
    pub state: ResourceState,
    /// Its specification.
    pub spec: Value,
    /// Its labels.
    pub tags: BTreeMap<String, String>,
    /// What it costs a month.
    pub monthly_cost: String,
    /// Its provider.
    pub provider: String,
    /// What the provider made, by name; a secret shows as `{"secret": true}`.
    pub outputs: BTreeMap<String, Value>,
    /// How often it was created or changed.
    pub revision: u64,
    /// The request under way.
    pub open_request: Option<RequestId>,
    /// When it was first asked for.
    pub created_at: Timestamp,
    /// When it became ready.
    pub ready_at: Option<Timestamp>,
    /// When it will be removed.
    pub expires_at: Option<Timestamp>,
}

/// Everything a resource's owner needs to use it. Shown on request only, and each time is audited.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Credentials {
    /// Every output by name, secrets opened.
    pub outputs: BTreeMap<String, String>,
}

impl ResourceView {
    fn of(record: &ResourceRecord) -> Self {
        let output = |value: &OutputValue| match value {
            OutputValue::Text(text) => json!(text),
            OutputValue::Secret(_) => json!({"secret": true}),
        };
        Self {
            key: record.key.clone(),
            id: record.id,
            team: record.team.to_string(),
            state: record.state,
            spec: serde_json::from_str(record.desired.spec.get()).unwrap_or_default(),
            tags: record.desired.tags.clone(),
            monthly_cost: record.monthly.to_string(),
            provider: record.desired.provider.plugin.to_string(),
            outputs: record.outputs.iter().map(|each| (each.name.clone(), output(&each.value))).collect(),
            revision: record.revision,
            open_request: record.open_request,
            created_at: record.created_at,
            ready_at: record.ready_at,
            expires_at: record.expires_at,
        }
    }
}

impl Platform {
    pub(crate) async fn visible_resource(
        &self,
        caller: &Caller,
        key: &ResourceKey,
    ) -> Result<ResourceRecord, ProvisionError> {
        let found = self.store().live_resource(key).await?;
        let visible = found.filter(|record| caller.may_see(&record.team));
        visible.ok_or_else(|| ProvisionError::NotFound(format!("resource {key}")))
    }

    /// One live resource.
    ///
    /// # Errors
    /// [`ProvisionError::NotFound`] also for one that belongs to others.
    pub async fn resource(&self, caller: &Caller, key: &ResourceKey) -> Result<ResourceView, ProvisionError> {
        Ok(ResourceView::of(&self.visible_resource(caller, key).await?))
    }

    /// The resources that the caller may see.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resources(
        &self,
        caller: &Caller,
        mut filter: ResourceFilter,
        page: PageRequest<ResourceId>,
    ) -> Result<Vec<ResourceView>, ProvisionError> {
        if !caller.is(Role::Admin) && !caller.is(Role::Approver) {
            filter.team = Some(caller.team.clone());
        }
        Ok(self.store().list_resources(&filter, page).await?.iter().map(ResourceView::of).collect())
    }

    /// The requests that the caller may see, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn requests(
        &self,
        caller: &Caller,
        mut filter: RequestFilter,
        page: PageRequest<RequestId>,
    ) -> Result<Vec<RequestRecord>, ProvisionError> {
        if !caller.is(Role::Admin) && !caller.is(Role::Approver) {
            filter.team = Some(caller.team.clone());
        }
        Ok(self.store().list_requests(&filter, page).await?)
    }

    /// Has the provider that made a resource look at it. Nothing is changed.
    ///
    /// # Errors
    /// [`ProvisionError::Unavailable`] when the provider can see nothing now.
    pub async fn health(&self, caller: &Caller, key: &ResourceKey) -> Result<Health, ProvisionError> {
        let record = self.visible_resource(caller, key).await?;
        let environment = self.environment_of(key).await?;
        let provider = self.plugins().pinned(&record.desired.provider).await?;
        let resource = kept(&record, &environment, Action::Create);
        Ok(provider.face.client.check_health(resource, provider.settings.clone()).await.outcome?)
    }

    /// The outputs of a resource of one's own team, secrets opened. Audited before anything is shown.
    ///
    /// # Errors
    /// Refused for everybody outside of the team, admins included: seeing is not using.
    pub async fn credentials(
        &self,
        caller: &Caller,
        key: &ResourceKey,
        now: Timestamp,
    ) -> Result<Credentials, ProvisionError> {
        let record = self.visible_resource(caller, key).await?;
        if record.team != caller.team {
            let message = format!("the credentials of {key} are for members of team {}", record.team);
            return Err(ProvisionError::Forbidden(message));
        }
        let entry = NewAuditEntry {
            actor: Some(caller.person.clone()),
            action: "resource.credentials-read".to_owned(),
            subject: format!("resources/{key}"),
            data: json!({"resource": record.id}),
        };
        self.store().append_audit(&entry, now).await?;
        let scope = record.id.to_string();
        let mut outputs = BTreeMap::new();
        for output in record.outputs {
            let value = match output.value {
                OutputValue::Text(text) => text,
                OutputValue::Secret(handle) => {
                    let opened = self.parts.vault.open(&scope, &handle).await;
                    opened.map_err(|error| ProvisionError::Internal(error.to_string()))?
                }
            };
            outputs.insert(output.name, value);
        }
        Ok(Credentials { outputs })
    }
}
