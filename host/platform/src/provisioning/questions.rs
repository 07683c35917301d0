//! What plugins are asked about a request, by kind.

use std::sync::Arc;

use macadam_core::estimate::Estimate;
use macadam_core::plan::Plan;
use macadam_core::request::Request;
use macadam_core::verdict::Verdict;
use macadam_runtime::Call;
use macadam_runtime::clients::{EstimatorClient, PolicyClient, PolicyInput};

use crate::decisions::{Asked, PlanQuestion};
use crate::plugins::ask::Question;
use crate::plugins::{Provider, Version};

/// May it go ahead?
#[derive(Debug, Clone)]
pub(super) struct Judge(pub(super) Arc<PolicyInput>);

impl Question<PolicyClient> for Judge {
    type Answer = Verdict;

    async fn put(&self, version: &Version<PolicyClient>) -> Call<Verdict> {
        version.face.evaluate(Arc::clone(&self.0), Arc::clone(&version.settings)).await
    }

    fn asked(&self, _: &Version<PolicyClient>) -> Asked {
        Asked::Policy(Arc::clone(&self.0))
    }
}

/// What does it cost?
#[derive(Debug, Clone)]
pub(super) struct Price(pub(super) Arc<Request>);

impl Question<EstimatorClient> for Price {
    type Answer = Estimate;

    async fn put(&self, version: &Version<EstimatorClient>) -> Call<Estimate> {
        version.face.estimate(Arc::clone(&self.0), Arc::clone(&version.settings)).await
    }

    fn asked(&self, _: &Version<EstimatorClient>) -> Asked {
        Asked::Estimate(Arc::clone(&self.0))
    }
}

impl Question<Provider> for PlanQuestion {
    type Answer = Plan;

    async fn put(&self, version: &Version<Provider>) -> Call<Plan> {
        let (desired, current) = (self.desired.clone(), self.current.clone());
        version.face.client.plan(desired, current, Arc::clone(&version.settings)).await
    }

    fn asked(&self, _: &Version<Provider>) -> Asked {
        Asked::Plan(self.clone())
    }
}
