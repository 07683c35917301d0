//! The rule that the benchmarks measure, as somebody writes it who does not know the SDK: plain `wit-bindgen`, the
//! standard allocator, and JSON read into a general value. The crate `bench-policy` is the same rule on the SDK.
#![allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated from the contract")]

mod bindings {
    wit_bindgen::generate!({ path: "../../../../wit/v0.1", world: "approval-policy-plugin" });
}

use bindings::exports::macadam::plugin::approval_policy::{Approval, Context, Guest as Policy, Verdict};
use bindings::exports::macadam::plugin::plugin::{Guest as Plugin, Info};
use bindings::macadam::plugin::types::{EnvironmentClass, PluginError, Violation};
use serde_json::Value;

const TAGS: [&str; 4] = ["owner", "service", "cost-center", "data-class"];
const THRESHOLD: f64 = 500.0;

struct StockPolicy;

impl Plugin for StockPolicy {
    fn describe() -> Info {
        let settings_schema = r#"{"type": "object"}"#.to_owned();
        Info { summary: "The rule that benchmarks measure, without the SDK.".to_owned(), settings_schema }
    }

    fn validate_settings(settings: String) -> Result<(), Vec<Violation>> {
        let read = serde_json::from_str::<Value>(&settings);
        read.map(|_| ()).map_err(|error| vec![Violation { path: String::new(), message: error.to_string() }])
    }
}

impl Policy for StockPolicy {
    fn evaluate(context: Context, settings: String) -> Result<Verdict, PluginError> {
        let failed = |error: serde_json::Error| PluginError::Failed(error.to_string());
        let settings: Value = serde_json::from_str(&settings).map_err(failed)?;
        let spec: Value = serde_json::from_str(&context.request.spec).map_err(failed)?;
        let text = settings.get("threshold").and_then(Value::as_str);
        let threshold = text.and_then(|text| text.parse().ok()).unwrap_or(THRESHOLD);
        let monthly = context.cost.as_ref().and_then(|cost| cost.monthly.parse::<f64>().ok());
        let tag =
            |key: &str| context.request.tags.iter().find(|(have, _)| have == key).map(|(_, value)| value.as_str());

        let why = if context.request.environment.class == EnvironmentClass::Production {
            "production"
        } else if monthly.is_none_or(|monthly| monthly > threshold) {
            "cost"
        } else if TAGS.iter().any(|key| !tag(key).is_some_and(is_tag_value)) {
            "tags"
        } else if spec.get("replicas").and_then(Value::as_u64).is_some_and(|replicas| replicas > 1_000) {
            "replicas"
        } else {
            return Ok(Verdict::Allow);
        };
        let groups = vec!["platform".to_owned()];
        Ok(Verdict::RequireApproval(Approval { reason: why.to_owned(), groups, count: 1 }))
    }
}

fn is_tag_value(text: &str) -> bool {
    let mut bytes = text.bytes();
    (3..=64).contains(&text.len())
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

bindings::export!(StockPolicy with_types_in bindings);
