//! Calling providers.

use std::sync::Arc;

use macadam_core::plan::{Health, Output, OutputValue, Plan, Progress, ProviderResource, ResourceDescription, Step};

use crate::call::{Call, Lanes, Measured, Scope, run};
use crate::clients::{Served, in_its_contract, v0_1, v0_2};
use crate::errors::LoadError;
use crate::plugin::LoadedPlugin;

/// A loaded provider. Every call on a resource is work in that resource's scope, to which its secrets belong.
#[derive(Clone)]
pub struct ProviderClient {
    plugin: Arc<LoadedPlugin>,
    lanes: Arc<Lanes>,
    exports: Served<v0_1::exports::provider::GuestIndices, v0_2::exports::provider::GuestIndices>,
}

impl ProviderClient {
    /// Looks up a provider's functions.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when it does not export them.
    pub fn new(plugin: Arc<LoadedPlugin>, lanes: Arc<Lanes>) -> Result<Self, LoadError> {
        let first = v0_1::exports::provider::GuestIndices::new;
        let exports = Served::look_up(&plugin, first, v0_2::exports::provider::GuestIndices::new)?;
        Ok(Self { plugin, lanes, exports })
    }

    /// The plugin behind it.
    #[must_use]
    pub fn plugin(&self) -> &Arc<LoadedPlugin> {
        &self.plugin
    }

    /// Asks what the provider makes.
    pub async fn describe(&self) -> Call<ResourceDescription> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::NONE, move |store, entered| {
            Box::pin(async move {
                in_its_contract!(exports, contract, exports => {
                    let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                    Ok(contract::resource_description(guest.call_describe_resource(store).await?))
                })
            })
        })
        .await
    }

    /// Asks what a schema cannot say of a specification.
    pub async fn validate(&self, desired: Arc<ProviderResource>, settings: Arc<str>) -> Call<()> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::of(&desired.id), move |store, entered| {
            Box::pin(async move {
                in_its_contract!(exports, contract, exports => {
                    let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                    let tags = contract::tags(&desired.request);
                    let desired = contract::managed(&desired, &tags);
                    let answer = guest.call_validate(store, desired, &settings).await?;
                    Ok(answer.map_err(contract::plugin_error))
                })
            })
        })
        .await
    }

    /// Asks what making, changing or removing would do.
    pub async fn plan(
        &self,
        desired: Option<Arc<ProviderResource>>,
        current: Option<Arc<ProviderResource>>,
        settings: Arc<str>,
    ) -> Call<Plan> {
        let exports = self.exports.clone();
        let scope = desired.as_ref().or(current.as_ref()).map_or(Scope::NONE, |resource| Scope::of(&resource.id));
        run(&self.plugin, &self.lanes, scope, move |store, entered| {
            Box::pin(async move {
                in_its_contract!(exports, contract, exports => {
                    let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                    let desired_tags = desired.as_ref().map(|it| contract::tags(&it.request)).unwrap_or_default();
                    let current_tags = current.as_ref().map(|it| contract::tags(&it.request)).unwrap_or_default();
                    let desired = desired.as_deref().map(|resource| contract::managed(resource, &desired_tags));
                    let current = current.as_deref().map(|resource| contract::managed(resource, &current_tags));
                    let answer = guest.call_plan(store, desired, current, &settings).await?;
                    Ok(answer.map_err(contract::plugin_error).map(contract::plan))
                })
            })
        })
        .await
    }

    /// Makes the resource or brings it to the desired specification, one step.
    pub async fn provision(&self, desired: Arc<ProviderResource>, step: Step, settings: Arc<str>) -> Call<Progress> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::of(&desired.id), move |store, entered| {
            Box::pin(async move {
                in_its_contract!(exports, contract, exports => {
                    let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                    let tags = contract::tags(&desired.request);
                    let desired = contract::managed(&desired, &tags);
                    let answer = guest.call_provision(store, desired, contract::step(&step), &settings).await?;
                    Ok(answer.map_err(contract::plugin_error).and_then(contract::progress))
                })
            })
        })
        .await
    }

    /// Removes the resource, one step.
    pub async fn deprovision(&self, current: Arc<ProviderResource>, step: Step, settings: Arc<str>) -> Call<Progress> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::of(&current.id), move |store, entered| {
            Box::pin(async move {
                in_its_contract!(exports, contract, exports => {
                    let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                    let tags = contract::tags(&current.request);
                    let current = contract::managed(&current, &tags);
                    let answer = guest.call_deprovision(store, current, contract::step(&step), &settings).await?;
                    Ok(answer.map_err(contract::plugin_error).and_then(contract::progress))
                })
            })
        })
        .await
    }

    /// Looks at the resource.
    pub async fn check_health(&self, current: Arc<ProviderResource>, settings: Arc<str>) -> Call<Health> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::of(&current.id), move |store, entered| {
            Box::pin(async move {
                in_its_contract!(exports, contract, exports => {
                    let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                    let tags = contract::tags(&current.request);
                    let current = contract::managed(&current, &tags);
                    let answer = guest.call_check_health(store, current, &settings).await?;
                    Ok(answer.map_err(contract::plugin_error).map(contract::health))
                })
            })
        })
        .await
    }
}

impl Measured for ResourceDescription {
    fn bytes(&self) -> u64 {
        self.title.len() as u64
    }
}

impl Measured for Plan {
    fn bytes(&self) -> u64 {
        self.steps.iter().map(|step| (step.target.len() + step.detail.len()) as u64).sum()
    }
}

impl Measured for Progress {
    fn bytes(&self) -> u64 {
        match self {
            Self::Done(outputs) => outputs.bytes(),
            Self::InProgress { state, note, .. } => (state.len() + note.len()) as u64,
        }
    }
}

impl Measured for Output {
    fn bytes(&self) -> u64 {
        let (OutputValue::Text(value) | OutputValue::Secret(value)) = &self.value;
        (self.name.len() + value.len()) as u64
    }
}

impl Measured for Health {
    fn bytes(&self) -> u64 {
        match self {
            Self::Healthy => 0,
            Self::Degraded(detail) | Self::Unhealthy(detail) => detail.len() as u64,
        }
    }
}
