//! Denies requests that go over a team's quota or budget, and warns before.
//!
//! The limits are the team's own, kept by the host: resources in all, resources of each type, and the monthly budget.
//! What the host reports as used does not count the request at hand. The host also reserves quota and budget in the
//! transaction that accepts a request; this policy is what tells people about it in time.

use macadam_sdk::{
    Action, ApprovalPolicy, Context, Decimal, Error, Plugin, Team, TypeUsage, Verdict, Violation, export_policy,
};

/// The policy.
pub struct TeamQuota;

/// What an administrator decides.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    warn_at_percent: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { warn_at_percent: 80 }
    }
}

impl Plugin for TeamQuota {
    type Settings = Settings;
    const SUMMARY: &'static str = "Denies requests that go over a team's quota or budget, and warns before.";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

impl ApprovalPolicy for TeamQuota {
    fn evaluate(context: &Context, settings: &Settings) -> Result<Verdict, Error> {
        // A new resource counts against both limits. A change does not make another one, and what it adds to the cost
        // is not known here: its estimate is the resource's whole cost. Removing and scaffolding use up nothing.
        if context.request().action() != Action::Create {
            return Ok(Verdict::Allow);
        }
        let mut findings = Findings { warn_at: Decimal::from(settings.warn_at_percent), ..Findings::default() };
        let (team, resource_type) = (context.team(), context.request().resource_type());
        findings.count_resources(&team, &resource_type, context.type_usage(&resource_type));
        findings.add_up_cost(&team, context)?;
        Ok(Verdict::from_findings(findings.violations, findings.warnings))
    }
}

#[derive(Default)]
struct Findings {
    warn_at: Decimal,
    violations: Vec<Violation>,
    warnings: Vec<String>,
}

/// A limit as its findings call it.
struct Limit<'a> {
    /// The code of what goes over it.
    code: &'static str,
    /// Such as `quota of resources`.
    name: &'a str,
    unit: &'a str,
    max: Decimal,
}

impl Findings {
    fn count_resources(&mut self, team: &Team, resource_type: &str, usage: TypeUsage) {
        let after = |used: u32| Decimal::from(u64::from(used) + 1);
        if let Some(max) = team.max_resources {
            let limit = Limit { code: "quota-of-resources", name: "quota of resources", unit: "", max: max.into() };
            self.compare(team, &limit, after(team.resources));
        }
        if let Some(max) = usage.max {
            let name = format!("quota of {resource_type}");
            let limit = Limit { code: "quota-of-type", name: &name, unit: "", max: max.into() };
            self.compare(team, &limit, after(usage.used));
        }
    }

    fn add_up_cost(&mut self, team: &Team, context: &Context) -> Result<(), Error> {
        let Some(budget) = team.monthly_budget_exact()? else { return Ok(()) };
        let unit = format!(" {}", team.currency);
        let limit = Limit { code: "over-budget", name: "monthly budget", unit: &unit, max: budget };
        let Some(cost) = context.cost().filter(|cost| cost.currency == team.currency) else {
            self.warnings
                .push(format!("the cost is not known in {}, so the monthly budget was not checked", team.currency));
            return Ok(());
        };
        let after = team.committed_exact()?.checked_add(cost.monthly_exact()?);
        let after = after.ok_or_else(|| Error::failed("the team's cost has too many digits to be added up"))?;
        self.compare(team, &limit, after);
        if cost.lower_bound && after <= budget {
            self.warnings.push("not all prices are known, so the monthly budget may be exceeded".to_owned());
        }
        Ok(())
    }

    fn compare(&mut self, team: &Team, limit: &Limit<'_>, after: Decimal) {
        let Limit { code, name, unit, max } = limit;
        let team = &team.name;
        if after > *max {
            let message = format!("team {team} would be at {after}{unit}, over its {name} of {max}{unit}");
            self.violations.push(Violation::new("", message).code(*code));
        } else if after.saturating_mul(Decimal::ONE_HUNDRED) >= max.saturating_mul(self.warn_at) {
            self.warnings.push(format!("team {team} will be at {after}{unit} of its {name} of {max}{unit}"));
        }
    }
}

export_policy!(TeamQuota);

#[cfg(test)]
mod tests;
