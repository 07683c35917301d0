//! The rule of `bench-policy` for contract 0.1, on plain `wit-bindgen` with the SDK's allocator and decimals: what
//! differs from `bench-policy` is the contract and nothing else, so it shows what a contract costs, and what a plugin
//! of the one does beside a plugin of the other.
#![allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated from the contract")]

mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/v0.1", world: "approval-policy-plugin" });
}

use bindings::exports::macadam::plugin::approval_policy::{Approval, Context, Guest as Policy, Verdict};
use bindings::exports::macadam::plugin::plugin::{Guest as Plugin, Info};
use bindings::macadam::plugin::types::{EnvironmentClass, PluginError, Violation};
use macadam_sdk::Decimal;

struct BenchPolicy;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
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

#[derive(Debug, serde::Deserialize)]
struct Spec {
    #[serde(default)]
    replicas: u32,
}

impl Plugin for BenchPolicy {
    fn describe() -> Info {
        let settings_schema = r#"{"type": "object"}"#.to_owned();
        Info { summary: "The rule that benchmarks measure, for contract 0.1.".to_owned(), settings_schema }
    }

    fn validate_settings(settings: String) -> Result<(), Vec<Violation>> {
        let read = serde_json::from_str::<Settings>(&settings);
        read.map(|_| ()).map_err(|error| vec![Violation { path: String::new(), message: error.to_string() }])
    }
}

impl Policy for BenchPolicy {
    fn evaluate(context: Context, settings: String) -> Result<Verdict, PluginError> {
        let invalid = |path: &str, error: serde_json::Error| {
            PluginError::Invalid(vec![Violation { path: path.to_owned(), message: error.to_string() }])
        };
        let settings: Settings = serde_json::from_str(&settings).map_err(|error| invalid("/settings", error))?;
        let spec: Spec = serde_json::from_str(&context.request.spec).map_err(|error| invalid("/spec", error))?;
        let monthly = context.cost.as_ref().and_then(|cost| macadam_sdk::decimal::exact(&cost.monthly));
        let tag =
            |key: &str| context.request.tags.iter().find(|(have, _)| have == key).map(|(_, value)| value.as_str());
        let why = if context.request.environment.class == EnvironmentClass::Production {
            "production"
        } else if monthly.is_none_or(|monthly| monthly > settings.threshold) {
            "cost"
        } else if settings.tags.iter().any(|key| !tag(key).is_some_and(is_tag_value)) {
            "tags"
        } else if spec.replicas > 1_000 {
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

bindings::export!(BenchPolicy with_types_in bindings);

/// The mark of guests with the SDK's allocator.
#[cfg(target_arch = "wasm32")]
#[used]
#[unsafe(link_section = "macadam-sdk")]
static SDK: [u8; macadam_sdk::export::SDK_VERSION.len()] = macadam_sdk::export::SDK_VERSION;
