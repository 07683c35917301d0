//! A policy that asks the host as its settings say, `{"act": "ask-forever"}`; without an act it asks everything once
//! and tells what it heard. It is built without the SDK, on the standard allocator.
#![allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated from the contract")]

mod bindings {
    wit_bindgen::generate!({ path: "../../../../wit/v0.2", world: "approval-policy-plugin" });
}

use bindings::exports::macadam::plugin::approval_policy::{Guest as Policy, Verdict};
use bindings::exports::macadam::plugin::plugin::{Guest as Plugin, Info};
use bindings::macadam::plugin::types::{PluginError, Violation};
use bindings::macadam::plugin::{context, request};

struct Asker;

/// What the settings may say.
#[derive(Debug, serde::Deserialize)]
struct Settings {
    #[serde(default)]
    act: Act,
    /// For `code`: the code of the violation.
    #[serde(default)]
    code: String,
}

#[derive(Debug, Clone, Copy, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    /// Asks everything once, and warns with what it heard.
    #[default]
    Tell,
    /// Asks for all tags for ever, and forgets them.
    AskForever,
    /// Asks for the specification for ever, and keeps all of it.
    Hoard,
    /// Asks for a tag with a key as long as memory permits.
    HugeKey,
    /// Denies with the code that the settings say.
    Code,
    /// Fails, with violations that have that code.
    InvalidCode,
    /// Asks for the request when its settings are looked at.
    Early,
}

fn read(settings: &str) -> Result<Settings, String> {
    serde_json::from_str(settings).map_err(|error| error.to_string())
}

fn violation(message: String, code: Option<String>) -> Vec<Violation> {
    vec![Violation { path: String::new(), message, code }]
}

impl Plugin for Asker {
    fn describe() -> Info {
        let settings_schema = r#"{"type": "object"}"#.to_owned();
        Info { summary: "A policy that misuses what it may ask.".to_owned(), settings_schema }
    }

    fn validate_settings(settings: String) -> Result<(), Vec<Violation>> {
        let settings = read(&settings).map_err(|error| violation(error, None))?;
        match settings.act {
            Act::Early => Err(violation(request::name(), None)),
            _ => Ok(()),
        }
    }
}

impl Policy for Asker {
    fn evaluate(settings: String) -> Result<Verdict, PluginError> {
        let settings = read(&settings).map_err(PluginError::Failed)?;
        let code = Some(settings.code);
        match settings.act {
            Act::Tell | Act::Early => Ok(Verdict::Warn(heard())),
            Act::AskForever => loop {
                std::hint::black_box(request::tags());
            },
            Act::Hoard => {
                let mut kept = Vec::new();
                loop {
                    kept.push(request::spec());
                    std::hint::black_box(&kept);
                }
            }
            Act::HugeKey => {
                let key = "k".repeat(8 * 1024 * 1024);
                Ok(Verdict::Warn(vec![format!("{:?}", request::tag(&key))]))
            }
            Act::Code => Ok(Verdict::Deny(violation("no".to_owned(), code))),
            Act::InvalidCode => Err(PluginError::Invalid(violation("no".to_owned(), code))),
        }
    }
}

/// Everything that can be asked, each answer a line.
fn heard() -> Vec<String> {
    let tag = |key: &str| format!("tag {key} {:?}", request::tag(key));
    let environment = request::environment();
    let cost = context::cost().map(|cost| (cost.currency, cost.monthly, cost.lower_bound));
    let lines: Vec<_> = context::cost_lines().into_iter().map(|line| (line.name, line.monthly)).collect();
    let team = context::team();
    let limits = (team.currency, team.monthly_budget, team.committed, team.resources, team.max_resources);
    let usage = |resource_type: &str| {
        let usage = context::type_usage(resource_type);
        format!("usage {resource_type} {} {:?}", usage.used, usage.max)
    };
    let actor = context::actor();
    vec![
        format!("action {:?}", request::action()),
        format!("type {}", request::resource_type()),
        format!("name {}", request::name()),
        format!("environment {} {:?} {:?}", environment.name, environment.class, environment.region),
        format!("class {:?}", request::environment_class()),
        format!("spec {}", request::spec()),
        tag("owner"),
        tag("nobody"),
        format!("tags {:?}", request::tags()),
        format!("cost {cost:?}"),
        format!("lines {lines:?}"),
        format!("team {} {:?} {limits:?}", team.name, team.cost_center),
        usage("postgres-database"),
        usage("local-directory"),
        usage("No Type!"),
        format!("actor {} {} {:?}", actor.person, actor.team, actor.roles),
        format!("now {}", context::now()),
    ]
}

bindings::export!(Asker with_types_in bindings);
