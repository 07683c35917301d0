//! Asking any plugin about itself and its settings.

use std::sync::Arc;

use macadam_core::violation::Violation;

use crate::call::{Call, Lanes, Measured, Scope, failure, run};
use crate::clients::{Served, in_its_contract, v0_1, v0_2};
use crate::errors::LoadError;
use crate::plugin::LoadedPlugin;

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginInfo {
    /// One line.
    pub summary: String,
    /// JSON Schema 2020-12 of its settings.
    pub settings_schema: serde_json::Value,
}

/// The part that every kind has.
#[derive(Clone)]
pub struct PluginClient {
    plugin: Arc<LoadedPlugin>,
    lanes: Arc<Lanes>,
    exports: Served<v0_1::exports::plugin::GuestIndices, v0_2::exports::plugin::GuestIndices>,
}

impl PluginClient {
    /// Looks up the functions.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when the component does not export them.
    pub fn new(plugin: Arc<LoadedPlugin>, lanes: Arc<Lanes>) -> Result<Self, LoadError> {
        let first = v0_1::exports::plugin::GuestIndices::new;
        let exports = Served::look_up(&plugin, first, v0_2::exports::plugin::GuestIndices::new)?;
        Ok(Self { plugin, lanes, exports })
    }

    /// Asks what the plugin is.
    pub async fn describe(&self) -> Call<PluginInfo> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::NONE, move |store, entered| {
            Box::pin(async move {
                in_its_contract!(exports, contract, exports => {
                    let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                    Ok(contract::info(guest.call_describe(store).await?))
                })
            })
        })
        .await
    }

    /// Asks what is wrong with settings; an empty list is good.
    pub async fn validate_settings(&self, settings: Arc<str>) -> Call<Vec<Violation>> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::NONE, move |store, entered| {
            Box::pin(async move {
                in_its_contract!(exports, contract, exports => {
                    let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                    let answer = guest.call_validate_settings(store, &settings).await?;
                    Ok(answer.err().map_or(Ok(Vec::new()), contract::violations))
                })
            })
        })
        .await
    }
}

impl Measured for PluginInfo {
    fn bytes(&self) -> u64 {
        self.summary.len() as u64
    }
}

impl Measured for Violation {
    fn bytes(&self) -> u64 {
        failure::bytes_of(std::slice::from_ref(self))
    }
}
