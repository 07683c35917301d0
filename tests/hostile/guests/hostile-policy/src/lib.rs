//! A policy that misbehaves as its settings say, `{"act": "loop"}`; without an act it allows. It is built without the
//! SDK, on the standard allocator, so it is also what a guest of somebody who knows nothing of Macadam looks like.
#![allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated from the contract")]

mod bindings {
    wit_bindgen::generate!({ path: "../../../../wit/v0.1", world: "approval-policy-plugin" });
}

mod acts;

use bindings::exports::macadam::plugin::approval_policy::{Context, Guest as Policy, Verdict};
use bindings::exports::macadam::plugin::plugin::{Guest as Plugin, Info};
use bindings::macadam::plugin::types::{PluginError, Violation};

struct Hostile;

/// What the settings may say.
#[derive(Debug, serde::Deserialize)]
struct Settings {
    #[serde(default)]
    act: Act,
    /// For `slow`: about how many million units of fuel to burn.
    #[serde(default)]
    spin: u64,
    /// Behaves everywhere but in the environment of this name.
    #[serde(default)]
    only_in: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    /// Behaves.
    #[default]
    Allow,
    /// Never comes back.
    Loop,
    /// Never comes back, and calls the host all the time.
    LogLoop,
    /// Writes a million lines, then allows.
    LogFlood,
    /// Takes memory, and uses it, until it ends in a trap.
    Memory,
    /// Takes memory until it is refused, then allows.
    MemoryQuiet,
    /// Copies 8 MB from here to there for ever: much work in few instructions.
    MemoryCopy,
    /// Calls itself until the stack is full.
    Recurse,
    /// Ends in `unreachable`.
    Trap,
    /// Panics with a text that nobody may see.
    PanicSecret,
    /// Answers with as much text as memory permits.
    HugeOutput,
    /// Answers with a text that is not UTF-8.
    InvalidOutput,
    /// Asks for the approval of a group that cannot be.
    BadGroups,
    /// Burns fuel, then allows.
    Slow,
}

impl Plugin for Hostile {
    fn describe() -> Info {
        let settings_schema = r#"{"type": "object"}"#.to_owned();
        Info { summary: "A policy that misbehaves as its settings say.".to_owned(), settings_schema }
    }

    fn validate_settings(settings: String) -> Result<(), Vec<Violation>> {
        let read = serde_json::from_str::<Settings>(&settings);
        read.map(|_| ()).map_err(|error| vec![Violation { path: String::new(), message: error.to_string() }])
    }
}

impl Policy for Hostile {
    fn evaluate(context: Context, settings: String) -> Result<Verdict, PluginError> {
        let settings: Settings =
            serde_json::from_str(&settings).map_err(|error| PluginError::Failed(error.to_string()))?;
        match settings.only_in {
            Some(name) if name != context.request.environment.name => Ok(Verdict::Allow),
            _ => Ok(acts::perform(settings.act, settings.spin)),
        }
    }
}

bindings::export!(Hostile with_types_in bindings);
