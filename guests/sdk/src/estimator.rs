//! Estimators: what a request will cost.

pub use crate::bindings::exports::macadam::plugin::cost_estimator::{CostEstimate, Line};
use crate::plugin::read_settings;
use crate::{Error, Plugin, Request};

/// Prices requests: a pure function of the request and the settings.
pub trait CostEstimator: Plugin {
    /// Prices one request. The host multiplies and adds up; a price that is not known is left out, never zero.
    ///
    /// # Errors
    /// Whatever keeps the estimator from an answer; the cost is then unknown.
    fn estimate(request: &Request, settings: &Self::Settings) -> Result<CostEstimate, Error>;
}

pub(crate) fn estimate<P: CostEstimator>(settings: &str) -> Result<CostEstimate, Error> {
    P::estimate(&Request::at_hand(), &read_settings::<P>(settings)?)
}
