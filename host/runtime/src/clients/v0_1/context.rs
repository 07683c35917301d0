//! The whole context of a policy, as this version hands it over with each call.

use super::bindings::exports::macadam::plugin::approval_policy as policy;
use super::bindings::macadam::plugin::types;
use super::{request, tags};
use crate::clients::PolicyInput;

/// The lists of a policy's context, which the borrowed context points into.
pub(crate) struct ContextParts<'a> {
    input: &'a PolicyInput,
    tags: Vec<(&'a str, &'a str)>,
    roles: Vec<&'a str>,
    lines: Vec<policy::CostLine<'a>>,
    types: Vec<policy::TypeUsage<'a>>,
}

impl<'a> ContextParts<'a> {
    pub(crate) fn new(input: &'a PolicyInput) -> Self {
        let context = &input.context;
        let names = context.cost.iter().flat_map(|cost| cost.lines.iter().map(|line| line.name.as_str()));
        let lines = names.zip(&input.texts.lines);
        Self {
            input,
            tags: tags(&context.request),
            roles: context.actor.roles.iter().map(String::as_str).collect(),
            lines: lines.map(|(name, monthly)| policy::CostLine { name, monthly: monthly.as_deref() }).collect(),
            types: type_usage(input),
        }
    }

    pub(crate) fn context(&'a self) -> policy::Context<'a> {
        let (context, texts) = (&self.input.context, &self.input.texts);
        let (team, usage) = (&context.standing.team, &context.standing.usage);
        policy::Context {
            request: request(&context.request, &self.tags),
            cost: context.cost.as_ref().map(|cost| policy::Cost {
                currency: cost.currency.as_str(),
                hourly: &texts.hourly,
                monthly: &texts.monthly,
                lower_bound: cost.lower_bound,
                lines: &self.lines,
            }),
            team: policy::Team {
                name: team.name.as_str(),
                cost_center: team.cost_center.as_deref(),
                currency: team.currency.as_str(),
                monthly_budget: texts.budget.as_deref(),
                committed: &texts.committed,
                resources: usage.resources(),
                max_resources: team.limits.max_resources,
                types: &self.types,
            },
            actor: types::Actor {
                person: context.actor.person.as_str(),
                team: context.actor.team.as_str(),
                roles: &self.roles,
            },
            now: &texts.now,
            attributes: "{}",
        }
    }
}

/// Each type that the team uses or that is limited, once.
fn type_usage(input: &PolicyInput) -> Vec<policy::TypeUsage<'_>> {
    let (limits, used) = (&input.context.standing.team.limits.max_per_type, &input.context.standing.usage.by_type);
    let unused = limits.keys().filter(|limited| !used.contains_key(*limited)).map(|limited| (limited, 0));
    used.iter()
        .map(|(used, count)| (used, *count))
        .chain(unused)
        .map(|(name, used)| policy::TypeUsage { resource_type: name.as_str(), used, max: limits.get(name).copied() })
        .collect()
}
