//! Tests of plugins, run natively: what a host would hand in, and a stand-in for what a host would do.
//!
//! Contexts, requests and resources are built from sensible defaults by saying what matters:
//!
//! ```
//! use macadam_sdk::testing;
//! let context = testing::context().production().monthly("120").tag("owner", "payments").build();
//! ```
//!
//! [`evaluate`], [`estimate`], [`generate`] and [`Work`] call a plugin the way a host does, settings and states as JSON
//! text, so a test also covers how they are read. [`Host`] records what a provider does and answers what a test wants.

mod asked;
mod context;
mod host;
mod request;

pub use asked::GivenContext;
pub use context::{ContextBuilder, context};
pub(crate) use host::imports;
pub use host::{Host, refused};
pub use request::{RequestBuilder, request};

use crate::bindings::exports::macadam::plugin::provider as wit;
use crate::{
    Answers, ApprovalPolicy, ChangePlan, CostEstimate, CostEstimator, Error, Health, ManagedResource, Output, Plugin,
    Project, Provider, ResourceRequest, TemplateGenerator, Verdict, Violation,
};

/// What a plugin says to settings before they are used.
///
/// # Errors
/// Everything that is wrong with them.
pub fn validate_settings<P: Plugin>(settings: &str) -> Result<(), Vec<Violation>> {
    let violations = crate::plugin::settings_violations::<P>(settings);
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

/// Asks a policy.
///
/// # Errors
/// What the policy answers instead of a verdict.
pub fn evaluate<P: ApprovalPolicy>(context: &GivenContext, settings: &str) -> Result<Verdict, Error> {
    asked::asking_policy(context, || crate::policy::evaluate::<P>(settings))
}

/// Asks an estimator.
///
/// # Errors
/// What the estimator answers instead of an estimate.
pub fn estimate<P: CostEstimator>(request: &ResourceRequest, settings: &str) -> Result<CostEstimate, Error> {
    asked::asking_estimator(request, || crate::estimator::estimate::<P>(settings))
}

/// Asks a generator; parameters are a JSON object.
///
/// # Errors
/// What the generator answers instead of a project.
pub fn generate<P: TemplateGenerator>(parameters: &str, features: &[&str], settings: &str) -> Result<Project, Error> {
    let features = features.iter().map(|&name| name.to_owned()).collect();
    crate::generator::generate::<P>(&Answers { parameters: parameters.to_owned(), features }, settings)
}

/// Asks a provider what a change would do.
///
/// # Errors
/// What the provider answers instead of a plan.
pub fn plan<P: Provider>(
    desired: Option<ManagedResource>,
    current: Option<ManagedResource>,
    settings: &str,
) -> Result<ChangePlan, Error> {
    crate::provider::plan::<P>(desired, current, settings)
}

/// Asks a provider whether it likes a resource.
///
/// # Errors
/// What the provider has against it.
pub fn validate<P: Provider>(desired: ManagedResource, settings: &str) -> Result<(), Error> {
    crate::provider::validate::<P>(desired, settings)
}

/// Asks a provider how a resource is.
///
/// # Errors
/// What the provider answers instead.
pub fn check_health<P: Provider>(current: &ManagedResource, settings: &str) -> Result<Health, Error> {
    crate::provider::check_health::<P>(current, settings)
}

/// A provider's work, step by step, as a host does it: what a step returns is kept and handed to the next.
#[derive(Debug, Clone, Default)]
pub struct Work {
    attempt: u32,
    state: Option<String>,
}

/// The most steps that a test's work may take; more is a loop.
const MAX_STEPS: u32 = 100;

impl Work {
    /// Work that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a resource, all steps.
    ///
    /// # Errors
    /// What the first step that fails answers.
    pub fn provision<P: Provider>(&mut self, desired: &ManagedResource, settings: &str) -> Result<Vec<Output>, Error> {
        self.run_all(|work| work.provision_step::<P>(desired, settings))
    }

    /// Removes a resource, all steps.
    ///
    /// # Errors
    /// What the first step that fails answers.
    pub fn deprovision<P: Provider>(&mut self, current: &ManagedResource, settings: &str) -> Result<(), Error> {
        self.run_all(|work| work.deprovision_step::<P>(current, settings)).map(|_| ())
    }

    /// One step of making a resource; the outputs when it was the last. A host that crashes before it has stored the
    /// state is a clone of the work from before the step.
    ///
    /// # Errors
    /// What the step answers.
    pub fn provision_step<P: Provider>(
        &mut self,
        desired: &ManagedResource,
        settings: &str,
    ) -> Result<Option<Vec<Output>>, Error> {
        let step = self.next_step();
        crate::provider::provision::<P>(desired.clone(), step, settings).map(|progress| self.note(progress))
    }

    /// One step of removing a resource; something when it was the last.
    ///
    /// # Errors
    /// What the step answers.
    pub fn deprovision_step<P: Provider>(
        &mut self,
        current: &ManagedResource,
        settings: &str,
    ) -> Result<Option<Vec<Output>>, Error> {
        let step = self.next_step();
        crate::provider::deprovision::<P>(current, step, settings).map(|progress| self.note(progress))
    }

    fn next_step(&mut self) -> wit::Step {
        self.attempt += 1;
        wit::Step { idempotency_key: "work-1".to_owned(), attempt: self.attempt, state: self.state.clone() }
    }

    fn note(&mut self, progress: wit::Progress) -> Option<Vec<Output>> {
        match progress {
            wit::Progress::Done(outputs) => Some(outputs),
            wit::Progress::InProgress(continuation) => {
                self.state = Some(continuation.state);
                None
            }
        }
    }

    fn run_all(
        &mut self,
        mut step: impl FnMut(&mut Self) -> Result<Option<Vec<Output>>, Error>,
    ) -> Result<Vec<Output>, Error> {
        while self.attempt < MAX_STEPS {
            if let Some(outputs) = step(self)? {
                return Ok(outputs);
            }
        }
        Err(Error::failed(format!("the work is not done after {MAX_STEPS} steps")))
    }
}
