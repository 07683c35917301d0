//! Asks for an approval before anything is made, changed or removed in production.
//!
//! The gate looks at the environment's class, never at its name: an environment that is called `dev` and is production
//! is production.

use macadam_sdk::words::{ActionWord, ClassWord};
use macadam_sdk::{ApprovalPolicy, Context, Error, Plugin, Verdict, export_policy};

/// The policy.
pub struct ProductionGate;

/// What an administrator decides.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    classes: Vec<ClassWord>,
    actions: Vec<ActionWord>,
    groups: Vec<String>,
    count: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            classes: vec![ClassWord::Production],
            actions: vec![ActionWord::Create, ActionWord::Update, ActionWord::Delete],
            groups: Vec::new(),
            count: 1,
        }
    }
}

impl Plugin for ProductionGate {
    type Settings = Settings;
    const SUMMARY: &'static str = "Asks for an approval before anything is made, changed or removed in production.";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

impl ApprovalPolicy for ProductionGate {
    fn evaluate(context: &Context, settings: &Settings) -> Result<Verdict, Error> {
        let request = context.request();
        let (action, class) = (ActionWord::from(request.action()), ClassWord::from(request.environment_class()));
        if !settings.classes.contains(&class) || !settings.actions.contains(&action) {
            return Ok(Verdict::Allow);
        }
        let environment = request.environment().name;
        let reason = format!("{environment} is a {class} environment, and {action} there needs an approval");
        Ok(Verdict::require_approval(reason, settings.groups.iter().map(String::as_str), settings.count))
    }
}

export_policy!(ProductionGate);

#[cfg(test)]
mod tests;
