//! The rule that the benchmarks measure, written with the SDK: an approval when the environment is production, when the
//! cost is above a threshold, or when one of four tags is missing or not like `^[a-z][a-z0-9-]{2,63}$`. The crate
//! `stock-policy` is the same rule without the SDK.

use macadam_sdk::{ApprovalPolicy, Context, Decimal, EnvironmentClass, Error, Plugin, Verdict, export_policy};

/// The policy.
pub struct BenchPolicy;

/// What an administrator decides.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default = "default_threshold", deserialize_with = "macadam_sdk::decimal::deserialize")]
    threshold: Decimal,
    #[serde(default = "default_tags")]
    tags: [String; 4],
}

fn default_threshold() -> Decimal {
    Decimal::from(500)
}

fn default_tags() -> [String; 4] {
    ["owner", "service", "cost-center", "data-class"].map(str::to_owned)
}

/// The rest of the request that the rule reads, so that the specification's JSON is part of what is measured.
#[derive(Debug, serde::Deserialize)]
struct Spec {
    #[serde(default)]
    replicas: u32,
}

impl Plugin for BenchPolicy {
    type Settings = Settings;
    const SUMMARY: &'static str = "The rule that benchmarks measure, written with the SDK.";
    const SETTINGS_SCHEMA: &'static str = r#"{
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "threshold": { "type": "string", "format": "decimal" },
            "tags": { "type": "array", "minItems": 4, "maxItems": 4, "items": { "type": "string" } }
        }
    }"#;
}

impl ApprovalPolicy for BenchPolicy {
    fn evaluate(context: &Context, settings: &Settings) -> Result<Verdict, Error> {
        let request = context.request();
        let spec: Spec = request.spec()?;
        let why = if request.environment_class() == EnvironmentClass::Production {
            "production"
        } else if context.cost().is_none_or(|cost| cost.monthly_exact().is_ok_and(|c| c > settings.threshold)) {
            "cost"
        } else if settings.tags.iter().any(|key| !request.tag(key).is_some_and(|value| is_tag_value(&value))) {
            "tags"
        } else if spec.replicas > 1_000 {
            "replicas"
        } else {
            return Ok(Verdict::Allow);
        };
        Ok(Verdict::require_approval(why, ["platform"], 1))
    }
}

fn is_tag_value(text: &str) -> bool {
    let mut bytes = text.bytes();
    (3..=64).contains(&text.len())
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

export_policy!(BenchPolicy);

#[cfg(test)]
mod tests {
    use super::*;
    use macadam_sdk::testing::{ContextBuilder, context, evaluate};

    fn tagged() -> ContextBuilder {
        default_tags().iter().fold(context(), |context, key| context.tag(key, "team-a"))
    }

    #[test]
    fn the_rule_asks_for_production_for_cost_and_for_tags() {
        let asks = |context: ContextBuilder| {
            matches!(evaluate::<BenchPolicy>(&context.build(), "{}"), Ok(Verdict::RequireApproval(_)))
        };
        assert!(!asks(tagged().monthly("500")));
        assert!(asks(tagged().monthly("500").production()));
        assert!(asks(tagged().monthly("500.01")));
        assert!(asks(context().monthly("1").tag("owner", "team-a")));
        let bad_tag = default_tags().iter().fold(context(), |context, key| context.tag(key, "Team A"));
        assert!(asks(bad_tag.monthly("1")), "a value that does not match is as good as none");
    }
}
