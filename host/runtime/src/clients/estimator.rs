//! Calling cost estimators.

use std::sync::Arc;

use macadam_core::estimate::Estimate;
use macadam_core::request::Request;

use crate::call::{Call, Lanes, Measured, Scope, run};
use crate::clients::{Served, v0_1, v0_2};
use crate::errors::LoadError;
use crate::plugin::LoadedPlugin;

/// A loaded estimator.
#[derive(Clone)]
pub struct EstimatorClient {
    plugin: Arc<LoadedPlugin>,
    lanes: Arc<Lanes>,
    exports: Served<v0_1::exports::cost_estimator::GuestIndices, v0_2::exports::cost_estimator::GuestIndices>,
}

impl EstimatorClient {
    /// Looks up an estimator's functions.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when it does not export them.
    pub fn new(plugin: Arc<LoadedPlugin>, lanes: Arc<Lanes>) -> Result<Self, LoadError> {
        let first = v0_1::exports::cost_estimator::GuestIndices::new;
        let exports = Served::look_up(&plugin, first, v0_2::exports::cost_estimator::GuestIndices::new)?;
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
                match &exports {
                    Served::V0_1(exports) => {
                        let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                        let tags = v0_1::tags(&request);
                        let answer = guest.call_estimate(store, v0_1::request(&request, &tags), &settings).await?;
                        Ok(answer.map_err(v0_1::plugin_error).and_then(v0_1::estimate))
                    }
                    Served::V0_2(exports) => {
                        let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                        store.data_mut().asked = v0_2::Asked::Estimate(request);
                        let answer = guest.call_estimate(store, &settings).await?;
                        Ok(answer.map_err(v0_2::plugin_error).and_then(v0_2::estimate))
                    }
                }
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
