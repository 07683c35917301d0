//! Asks for an approval when a request costs more than a threshold a month.
//!
//! A cost that is not known is not a low cost: it goes to people unless the settings say otherwise. A lower bound that
//! is above the threshold already is as good as a known cost.

use macadam_sdk::{Action, ApprovalPolicy, Context, Cost, Decimal, Error, Plugin, Verdict, Violation, export_policy};

/// The policy.
pub struct CostThreshold;

/// What an administrator decides.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    #[serde(deserialize_with = "macadam_sdk::decimal::deserialize")]
    threshold: Decimal,
    #[serde(default = "usd")]
    currency: String,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default = "one")]
    count: u32,
    #[serde(default)]
    when_unknown: WhenUnknown,
}

#[derive(Debug, Clone, Copy, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WhenUnknown {
    #[default]
    RequireApproval,
    Deny,
    Allow,
}

fn usd() -> String {
    "USD".to_owned()
}

fn one() -> u32 {
    1
}

impl Plugin for CostThreshold {
    type Settings = Settings;
    const SUMMARY: &'static str = "Asks for an approval when a request costs more than a threshold a month.";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

impl ApprovalPolicy for CostThreshold {
    fn evaluate(context: &Context, settings: &Settings) -> Result<Verdict, Error> {
        // What is removed costs nothing any more, and nobody should have to pay on until somebody approves.
        if context.request().action() == Action::Delete {
            return Ok(Verdict::Allow);
        }
        let Some(cost) = context.cost() else {
            return Ok(unknown("the cost of this request is not known", settings));
        };
        if cost.currency != settings.currency {
            let why = format!("the cost is in {} and the threshold in {}", cost.currency, settings.currency);
            return Ok(unknown(&why, settings));
        }
        let monthly = cost.monthly_exact()?;
        if monthly > settings.threshold {
            return Ok(approval(above(&cost, settings), settings));
        }
        if cost.lower_bound {
            let why = format!(
                "the cost is at least {} {} a month, but not all prices are known",
                cost.monthly, cost.currency
            );
            return Ok(unknown(&why, settings));
        }
        Ok(Verdict::Allow)
    }
}

fn above(cost: &Cost, settings: &Settings) -> String {
    let at_least = if cost.lower_bound { "at least " } else { "" };
    let (monthly, currency, threshold) = (&cost.monthly, &cost.currency, settings.threshold);
    format!("{at_least}{monthly} {currency} a month is above the threshold of {threshold} {currency}")
}

fn unknown(why: &str, settings: &Settings) -> Verdict {
    match settings.when_unknown {
        WhenUnknown::RequireApproval => approval(why, settings),
        WhenUnknown::Deny => {
            let why = format!("{why}, and requests of unknown cost are denied");
            Verdict::deny(Violation::new("", why).code("cost-unknown"))
        }
        WhenUnknown::Allow => Verdict::Allow,
    }
}

fn approval(reason: impl Into<String>, settings: &Settings) -> Verdict {
    Verdict::require_approval(reason, settings.groups.iter().map(String::as_str), settings.count)
}

export_policy!(CostThreshold);

#[cfg(test)]
mod tests;
