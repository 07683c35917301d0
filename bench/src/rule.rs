//! The rule that is decided by, as native functions: an approval when the environment is production, when the cost is
//! above a threshold, or when one of four tags is missing or not like `^[a-z][a-z0-9-]{2,63}$`.
//!
//! It is the rule of the guests `bench-policy` and `stock-policy`. The native ones read the same context as a JSON
//! document, and the same settings, since that is what a native policy behind any other door would have to do.

use std::borrow::Cow;
use std::collections::BTreeMap;

use anyhow::Context as _;
use macadam_core::request::{EnvironmentClass, PolicyContext};
use macadam_core::verdict::{ApprovalNeed, Verdict};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

/// The settings that everybody is given.
pub(crate) const SETTINGS: &str = r#"{"tags":["owner","service","cost-center","data-class"],"threshold":"500"}"#;

/// The rule over general JSON values.
pub(crate) fn by_value(document: &str, settings: &str) -> anyhow::Result<Verdict> {
    let context: Value = serde_json::from_str(document)?;
    let settings: Value = serde_json::from_str(settings)?;
    let threshold: Decimal = settings.get("threshold").and_then(Value::as_str).unwrap_or("500").parse()?;
    let mut keys = settings.get("tags").and_then(Value::as_array).context("tags")?.iter().filter_map(Value::as_str);
    let request = context.get("request").context("request")?;
    let tags = request.get("tags").context("tags")?;
    let monthly = context.get("cost").and_then(|cost| cost.get("monthly")).and_then(Value::as_str);
    let why = if request.pointer("/environment/class").and_then(Value::as_str) == Some("production") {
        "production"
    } else if monthly.is_none_or(|monthly| is_above(monthly, threshold)) {
        "cost"
    } else if keys.any(|key| !tags.get(key).and_then(Value::as_str).is_some_and(is_tag_value)) {
        "tags"
    } else if request.pointer("/spec/replicas").and_then(Value::as_u64).is_some_and(|replicas| replicas > 1_000) {
        "replicas"
    } else {
        return Ok(Verdict::Allow);
    };
    approval(why)
}

/// The rule over structs that hold just what it reads.
pub(crate) fn by_struct(document: &str, settings: &str) -> anyhow::Result<Verdict> {
    let context: Context<'_> = serde_json::from_str(document)?;
    let settings: Settings<'_> = serde_json::from_str(settings)?;
    let Context { request, cost } = context;
    let tag = |key: &str| request.tags.get(key).is_some_and(|value| is_tag_value(value));
    decide(request.environment.class, cost.as_ref().map(|cost| cost.monthly), tag, request.spec.replicas, &settings)
}

/// The rule over the domain's types, as a server has them.
pub(crate) fn by_domain(context: &PolicyContext, settings: &str) -> anyhow::Result<Verdict> {
    let settings: Settings<'_> = serde_json::from_str(settings)?;
    let spec: Spec = serde_json::from_str(context.request.spec.get())?;
    let tag = |key: &str| context.request.tags.get(key).is_some_and(|value| is_tag_value(value));
    let monthly = context.cost.as_ref().map(|cost| cost.monthly);
    decide(context.request.environment.class, monthly, tag, spec.replicas, &settings)
}

#[derive(Deserialize)]
struct Context<'a> {
    #[serde(borrow)]
    request: Request<'a>,
    cost: Option<Cost>,
}

#[derive(Deserialize)]
struct Request<'a> {
    environment: Environment,
    spec: Spec,
    #[serde(borrow)]
    tags: BTreeMap<&'a str, Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Environment {
    class: EnvironmentClass,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    replicas: u32,
}

#[derive(Deserialize)]
struct Cost {
    monthly: Decimal,
}

#[derive(Deserialize)]
struct Settings<'a> {
    threshold: Decimal,
    #[serde(borrow)]
    tags: [&'a str; 4],
}

fn decide(
    class: EnvironmentClass,
    monthly: Option<Decimal>,
    is_good: impl Fn(&str) -> bool,
    replicas: u32,
    settings: &Settings<'_>,
) -> anyhow::Result<Verdict> {
    let why = if class == EnvironmentClass::Production {
        "production"
    } else if monthly.is_none_or(|monthly| monthly > settings.threshold) {
        "cost"
    } else if settings.tags.iter().any(|key| !is_good(key)) {
        "tags"
    } else if replicas > 1_000 {
        "replicas"
    } else {
        return Ok(Verdict::Allow);
    };
    approval(why)
}

fn approval(why: &str) -> anyhow::Result<Verdict> {
    Ok(Verdict::RequireApproval(ApprovalNeed { reason: why.to_owned(), groups: vec!["platform".parse()?], count: 1 }))
}

fn is_above(monthly: &str, threshold: Decimal) -> bool {
    monthly.parse::<Decimal>().is_ok_and(|monthly| monthly > threshold)
}

fn is_tag_value(text: &str) -> bool {
    let mut bytes = text.bytes();
    (3..=64).contains(&text.len())
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
