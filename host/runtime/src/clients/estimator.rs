//! Calling cost estimators.

use std::sync::Arc;

use macadam_core::estimate::Estimate;
use macadam_core::request::Request;

use crate::call::{Call, Lanes, Measured, Scope, run};
use crate::clients::Exports;
use crate::clients::v0_1::{self, bindings::exports::macadam::plugin::cost_estimator};
use crate::errors::LoadError;
use crate::plugin::LoadedPlugin;

/// A loaded estimator.
#[derive(Clone)]
pub struct EstimatorClient {
    plugin: Arc<LoadedPlugin>,
    lanes: Arc<Lanes>,
    exports: Exports<cost_estimator::GuestIndices>,
}

impl EstimatorClient {
    /// Looks up an estimator's functions.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when it does not export them.
    pub fn new(plugin: Arc<LoadedPlugin>, lanes: Arc<Lanes>) -> Result<Self, LoadError> {
        let exports = Exports::look_up(&plugin, cost_estimator::GuestIndices::new)?;
        Ok(Self { plugin, lanes, exports })
    }

    /// The plugin behind it.
    #[must_use]
    pub fn plugin(&self) -> &Arc<LoadedPlugin> {
        &self.plugin
    }

    /// Prices one request.
    pub async fn estimate(&self, request: Arc<Request>, settings: Arc<str>) -> Call<Estimate> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::NONE, move |store, entered| {
            Box::pin(async move {
                let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                let tags = v0_1::tags(&request);
                let answer = guest.call_estimate(store, v0_1::request(&request, &tags), &settings).await?;
                Ok(answer.map_err(v0_1::plugin_error).and_then(v0_1::estimate))
            })
        })
        .await
    }
}

impl Measured for Estimate {
    fn bytes(&self) -> u64 {
        self.lines.iter().map(|line| (line.name.len() + line.unit.len()) as u64).sum()
    }
}
