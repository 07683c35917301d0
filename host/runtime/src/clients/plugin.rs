//! Asking any plugin about itself and its settings.

use std::sync::Arc;

use macadam_core::violation::Violation;

use crate::call::{Call, Lanes, Measured, Scope, failure, run};
use crate::clients::Exports;
use crate::clients::v0_1::{self, bindings::exports::macadam::plugin::plugin};
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
    exports: Exports<plugin::GuestIndices>,
}

impl PluginClient {
    /// Looks up the functions.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when the component does not export them.
    pub fn new(plugin: Arc<LoadedPlugin>, lanes: Arc<Lanes>) -> Result<Self, LoadError> {
        let exports = Exports::look_up(&plugin, plugin::GuestIndices::new)?;
        Ok(Self { plugin, lanes, exports })
    }

    /// Asks what the plugin is.
    pub async fn describe(&self) -> Call<PluginInfo> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::NONE, move |store, entered| {
            Box::pin(async move {
                let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                Ok(v0_1::info(guest.call_describe(store).await?))
            })
        })
        .await
    }

    /// Asks what is wrong with settings; an empty list is good.
    pub async fn validate_settings(&self, settings: Arc<str>) -> Call<Vec<Violation>> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::NONE, move |store, entered| {
            Box::pin(async move {
                let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                let answer = guest.call_validate_settings(store, &settings).await?;
                Ok(Ok(answer.err().map(v0_1::violations).unwrap_or_default()))
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
