//! What a guest asks of the request at hand, answered out of what the call keeps: each function copies what it is asked
//! for into the guest and nothing else. None can wait, so none is async.

use std::sync::Arc;

use macadam_core::names::ResourceType;
use macadam_core::request::{Action, EnvironmentClass, PolicyContext, Request};
use wasmtime::Result;

use super::bindings::macadam::plugin::context::{self, Line, Requester, Standing, Total, Usage};
use super::bindings::macadam::plugin::request::{self, RequestedAction, TargetClass, TargetEnvironment};
use crate::call::CallState;
use crate::call::failure::Stop;
use crate::clients::PolicyInput;

/// What a guest is asked, and may ask about in turn.
#[derive(Default)]
pub(crate) enum Asked {
    /// Nothing that has a request: the plugin describes itself, or looks at settings.
    #[default]
    Nothing,
    /// A policy decides.
    Policy(Arc<PolicyInput>),
    /// An estimator prices.
    Estimate(Arc<Request>),
}

impl CallState {
    fn asked_request(&self) -> Result<&Request> {
        match &self.asked {
            Asked::Policy(input) => Ok(&input.context.request),
            Asked::Estimate(request) => Ok(request),
            Asked::Nothing => Err(Stop::NothingAsked("request").into()),
        }
    }

    fn asked_context(&self) -> Result<(&PolicyContext, &crate::clients::Texts)> {
        match &self.asked {
            Asked::Policy(input) => Ok((&input.context, &input.texts)),
            Asked::Estimate(_) | Asked::Nothing => Err(Stop::NothingAsked("context").into()),
        }
    }
}

const fn class(class: EnvironmentClass) -> TargetClass {
    match class {
        EnvironmentClass::Development => TargetClass::Development,
        EnvironmentClass::Staging => TargetClass::Staging,
        EnvironmentClass::Production => TargetClass::Production,
    }
}

impl request::Host for CallState {
    fn action(&mut self) -> Result<RequestedAction> {
        Ok(match self.asked_request()?.action {
            Action::Create => RequestedAction::Create,
            Action::Update => RequestedAction::Update,
            Action::Delete => RequestedAction::Delete,
            Action::Scaffold => RequestedAction::Scaffold,
        })
    }

    fn resource_type(&mut self) -> Result<String> {
        Ok(self.asked_request()?.resource_type.clone())
    }

    fn name(&mut self) -> Result<String> {
        Ok(self.asked_request()?.name.clone())
    }

    fn environment(&mut self) -> Result<TargetEnvironment> {
        let environment = &self.asked_request()?.environment;
        Ok(TargetEnvironment {
            name: environment.name.as_str().to_owned(),
            class: class(environment.class),
            region: environment.region.clone(),
        })
    }

    fn environment_class(&mut self) -> Result<TargetClass> {
        Ok(class(self.asked_request()?.environment.class))
    }

    fn spec(&mut self) -> Result<String> {
        Ok(self.asked_request()?.spec.get().to_owned())
    }

    fn tag(&mut self, key: String) -> Result<Option<String>> {
        Ok(self.asked_request()?.tags.get(&key).cloned())
    }

    fn tags(&mut self) -> Result<Vec<(String, String)>> {
        Ok(self.asked_request()?.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl context::Host for CallState {
    fn cost(&mut self) -> Result<Option<Total>> {
        let (context, texts) = self.asked_context()?;
        Ok(context.cost.as_ref().map(|cost| Total {
            currency: cost.currency.as_str().to_owned(),
            monthly: texts.monthly.clone(),
            lower_bound: cost.lower_bound,
        }))
    }

    fn cost_lines(&mut self) -> Result<Vec<Line>> {
        let (context, texts) = self.asked_context()?;
        let names = context.cost.iter().flat_map(|cost| &cost.lines).map(|line| line.name.clone());
        Ok(names.zip(&texts.lines).map(|(name, monthly)| Line { name, monthly: monthly.clone() }).collect())
    }

    fn team(&mut self) -> Result<Standing> {
        let (context, texts) = self.asked_context()?;
        let (team, usage) = (&context.standing.team, &context.standing.usage);
        Ok(Standing {
            name: team.name.as_str().to_owned(),
            cost_center: team.cost_center.clone(),
            currency: team.currency.as_str().to_owned(),
            monthly_budget: texts.budget.clone(),
            committed: texts.committed.clone(),
            resources: usage.resources(),
            max_resources: team.limits.max_resources,
        })
    }

    fn type_usage(&mut self, resource_type: String) -> Result<Usage> {
        let standing = &self.asked_context()?.0.standing;
        // What is no type's name is nothing that anybody has.
        let Ok(resource_type) = ResourceType::new(resource_type) else { return Ok(Usage { used: 0, max: None }) };
        let used = standing.usage.by_type.get(&resource_type).copied().unwrap_or(0);
        Ok(Usage { used, max: standing.team.limits.max_per_type.get(&resource_type).copied() })
    }

    fn actor(&mut self) -> Result<Requester> {
        let actor = &self.asked_context()?.0.actor;
        Ok(Requester {
            person: actor.person.as_str().to_owned(),
            team: actor.team.as_str().to_owned(),
            roles: actor.roles.clone(),
        })
    }

    fn now(&mut self) -> Result<String> {
        Ok(self.asked_context()?.1.now.clone())
    }
}
