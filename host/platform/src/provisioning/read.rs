//! Reading: what exists, what becomes of a request, and the credentials of what one owns.

use std::collections::BTreeMap;

use jiff::Timestamp;
use macadam_core::lifecycle::ResourceState;
use macadam_core::names::{EnvironmentName, ResourceKey};
use macadam_core::plan::{Health, OutputValue};
use macadam_core::request::{Action, Environment, EnvironmentClass};
use macadam_core::standing::Standing;
use macadam_runtime::capabilities::secrets::SecretVault as _;
use macadam_store::{
    HealthRecord, NewAuditEntry, PageRequest, RequestFilter, RequestId, RequestRecord, ResourceFilter, ResourceId,
    ResourceRecord,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::authorization::{Action as May, Target};
use crate::provisioning::ProvisionError;
use crate::provisioning::validate::kept;
use crate::{Caller, Platform};

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
    /// How it was when its provider last looked; `None` while nobody has, or while it is not ready.
    pub health: Option<HealthRecord>,
}

/// Everything a resource's owner needs to use it. Shown on request only, and each time is audited.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Credentials {
    /// Every output by name, secrets opened.
    pub outputs: BTreeMap<String, String>,
}

impl ResourceView {
    fn of(record: &ResourceRecord, health: Option<HealthRecord>) -> Self {
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
            health: health.filter(|_| record.state == ResourceState::Ready),
        }
    }
}

/// Some of many, as far as the caller may see them.
#[derive(Debug)]
pub struct Listed<T, I> {
    /// Those that the caller may see; a page can have fewer than were asked for and still not be the last.
    pub items: Vec<T>,
    /// What the next page starts after; `None` when nothing follows.
    pub next: Option<I>,
}

fn next<T, I>(fetched: &[T], limit: u32, id: impl Fn(&T) -> I) -> Option<I> {
    fetched.last().filter(|_| fetched.len() >= limit as usize).map(id)
}

impl Platform {
    /// The class of each environment.
    async fn classes(&self) -> Result<BTreeMap<EnvironmentName, EnvironmentClass>, ProvisionError> {
        let environments = self.store().environments().await?;
        Ok(environments.into_iter().map(|environment| (environment.name, environment.class)).collect())
    }

    pub(crate) async fn visible_resource(
        &self,
        caller: &Caller,
        key: &ResourceKey,
    ) -> Result<(ResourceRecord, Environment), ProvisionError> {
        self.is_in_scope(caller, May::ResourceRead)?;
        let unknown = || ProvisionError::NotFound(format!("resource {key}"));
        let record = self.store().live_resource(key).await?.ok_or_else(unknown)?;
        let environment = self.environment_of(key).await?;
        let target = Target::resource(&record, environment.class);
        if self.may(caller, May::ResourceRead, &target) { Ok((record, environment)) } else { Err(unknown()) }
    }

    /// The teams that the caller may see, with what they have and may have.
    ///
    /// # Errors
    /// Refused for tokens that are not for this, and when the store fails.
    pub async fn standings(&self, caller: &Caller) -> Result<Vec<Standing>, ProvisionError> {
        self.is_in_scope(caller, May::TeamRead)?;
        let seen = self.teams_for(caller, May::TeamRead).await?;
        let mut standings = Vec::new();
        for team in self.store().teams().await?.into_iter().filter(|team| seen.has(&team.name)) {
            standings.extend(self.store().standing(&team.name).await?);
        }
        Ok(standings)
    }

    /// One live resource.
    ///
    /// # Errors
    /// [`ProvisionError::NotFound`] also for one that belongs to others.
    pub async fn resource(&self, caller: &Caller, key: &ResourceKey) -> Result<ResourceView, ProvisionError> {
        let (record, _) = self.visible_resource(caller, key).await?;
        let health = self.store().health_of(&[record.id]).await?.remove(&record.id);
        Ok(ResourceView::of(&record, health))
    }

    /// The resources that the caller may see.
    ///
    /// # Errors
    /// Refused for tokens that are not for this, and when the store fails.
    pub async fn resources(
        &self,
        caller: &Caller,
        mut filter: ResourceFilter,
        page: PageRequest<ResourceId>,
    ) -> Result<Listed<ResourceView, ResourceId>, ProvisionError> {
        self.is_in_scope(caller, May::ResourceRead)?;
        filter.teams = self.teams_for(caller, May::ResourceRead).await?.into_filter();
        let classes = self.classes().await?;
        let mut listed = self.store().list_resources(&filter, page).await?;
        let next = next(&listed, page.limit, |record| record.id);
        listed.retain(|record| {
            let class = classes.get(&record.key.environment);
            class.is_some_and(|class| self.may(caller, May::ResourceRead, &Target::resource(record, *class)))
        });
        let ids: Vec<_> = listed.iter().map(|record| record.id).collect();
        let mut health = self.store().health_of(&ids).await?;
        let views = listed.iter().map(|record| ResourceView::of(record, health.remove(&record.id)));
        Ok(Listed { items: views.collect(), next })
    }

    /// The requests that the caller may see, the newest first.
    ///
    /// # Errors
    /// Refused for tokens that are not for this, and when the store fails.
    pub async fn requests(
        &self,
        caller: &Caller,
        mut filter: RequestFilter,
        page: PageRequest<RequestId>,
    ) -> Result<Listed<RequestRecord, RequestId>, ProvisionError> {
        self.is_in_scope(caller, May::RequestRead)?;
        filter.teams = self.teams_for(caller, May::RequestRead).await?.into_filter();
        let classes = self.classes().await?;
        let mut items = self.store().list_requests(&filter, page).await?;
        let next = next(&items, page.limit, |record| record.id);
        items.retain(|record| {
            let class = record.subject.key().and_then(|key| classes.get(&key.environment).copied());
            self.may(caller, May::RequestRead, &Target::request(record, class))
        });
        Ok(Listed { items, next })
    }

    /// Has the provider that made a resource look at it. Nothing is changed.
    ///
    /// # Errors
    /// [`ProvisionError::Unavailable`] when the provider can see nothing now.
    pub async fn health(&self, caller: &Caller, key: &ResourceKey) -> Result<Health, ProvisionError> {
        let (record, environment) = self.visible_resource(caller, key).await?;
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
        let (record, environment) = self.visible_resource(caller, key).await?;
        self.authorize(caller, May::ResourceUse, &Target::resource(&record, environment.class))?;
        let entry = NewAuditEntry::new("resource.credentials-read", format!("resources/{key}")).by(caller.by());
        let entry = entry.of_team(&record.team).with(json!({"resource": record.id}));
        self.store().append_audit(&entry, now).await?;
        let scope = record.id.to_string();
        let mut outputs = BTreeMap::new();
        for output in record.outputs {
            let value = match output.value {
                OutputValue::Text(text) => text,
                OutputValue::Secret(handle) => self.parts.vault.open(&scope, &handle).await?,
            };
            outputs.insert(output.name, value);
        }
        Ok(Credentials { outputs })
    }
}
