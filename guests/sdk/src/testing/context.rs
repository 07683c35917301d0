//! What a policy is asked about, from sensible defaults.

use super::{GivenContext, RequestBuilder, request};
use crate::{Action, Actor, Cost, CostLine, EnvironmentClass, Team, TypeUsage};

/// Starts with [`request`]'s request, made by `ana` of the team `payments`, which has nothing and no limits, at an
/// unknown cost.
#[must_use]
pub fn context() -> ContextBuilder {
    ContextBuilder {
        request: request(),
        cost: None,
        lines: Vec::new(),
        types: Vec::new(),
        team: Team {
            name: "payments".to_owned(),
            cost_center: None,
            currency: "USD".to_owned(),
            monthly_budget: None,
            committed: "0".to_owned(),
            resources: 0,
            max_resources: None,
        },
        actor: Actor { person: "ana".to_owned(), team: "payments".to_owned(), roles: vec!["developer".to_owned()] },
    }
}

/// A context in the making.
#[derive(Debug, Clone)]
pub struct ContextBuilder {
    request: RequestBuilder,
    cost: Option<Cost>,
    lines: Vec<CostLine>,
    team: Team,
    types: Vec<(String, TypeUsage)>,
    actor: Actor,
}

impl ContextBuilder {
    /// Changes the request by the words of its own builder.
    #[must_use]
    pub fn request(mut self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        self.request = change(self.request);
        self
    }

    /// What the request wants to do.
    #[must_use]
    pub fn action(self, action: Action) -> Self {
        self.request(|request| request.action(action))
    }

    /// Where the resource lives.
    #[must_use]
    pub fn environment(self, name: &str, class: EnvironmentClass) -> Self {
        self.request(|request| request.environment(name, class))
    }

    /// In the production environment `prod`.
    #[must_use]
    pub fn production(self) -> Self {
        self.environment("prod", EnvironmentClass::Production)
    }

    /// One more tag.
    #[must_use]
    pub fn tag(self, key: &str, value: &str) -> Self {
        self.request(|request| request.tag(key, value))
    }

    /// A known monthly cost in US dollars.
    #[must_use]
    pub fn monthly(self, amount: &str) -> Self {
        self.cost(amount, "USD", false)
    }

    /// A monthly cost; as a lower bound it has a line without a known price.
    #[must_use]
    pub fn cost(mut self, monthly: &str, currency: &str, lower_bound: bool) -> Self {
        self.lines = vec![CostLine { name: "compute".to_owned(), monthly: Some(monthly.to_owned()) }];
        if lower_bound {
            self.lines.push(CostLine { name: "traffic".to_owned(), monthly: None });
        }
        self.cost = Some(Cost { currency: currency.to_owned(), monthly: monthly.to_owned(), lower_bound });
        self
    }

    /// The team's monthly budget and what it has committed already.
    #[must_use]
    pub fn budget(mut self, budget: &str, committed: &str) -> Self {
        self.team.monthly_budget = Some(budget.to_owned());
        committed.clone_into(&mut self.team.committed);
        self
    }

    /// How many resources the team has, and the most it may have.
    #[must_use]
    pub fn resources(mut self, used: u32, max: Option<u32>) -> Self {
        self.team.resources = used;
        self.team.max_resources = max;
        self
    }

    /// The same for one resource type.
    #[must_use]
    pub fn type_usage(mut self, resource_type: &str, used: u32, max: Option<u32>) -> Self {
        self.types.push((resource_type.to_owned(), TypeUsage { used, max }));
        self
    }

    /// Who asks.
    #[must_use]
    pub fn actor(mut self, person: &str) -> Self {
        person.clone_into(&mut self.actor.person);
        self
    }

    /// The context, at a moment that never changes.
    #[must_use]
    pub fn build(self) -> GivenContext {
        GivenContext {
            request: self.request.build(),
            cost: self.cost,
            lines: self.lines,
            team: self.team,
            types: self.types,
            actor: self.actor,
            now: "2026-03-01T09:30:00Z".to_owned(),
        }
    }
}
