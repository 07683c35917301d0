//! A provider that misbehaves as its settings say, `{"act": "write-in-plan"}`; without an act it makes nothing and says
//! that all is well. It is built without the SDK, on the standard allocator.
#![allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated from the contract")]

mod bindings {
    wit_bindgen::generate!({ path: "../../../../wit/v0.1", world: "provider-plugin" });
}

use bindings::exports::macadam::plugin::plugin::{Guest as Plugin, Info};
use bindings::exports::macadam::plugin::provider::{
    ChangePlan, Continuation, Effect, Guest as Provider, Health, ManagedResource, PlanStep, Progress,
    ResourceDescription, Step,
};
use bindings::macadam::plugin::files;
use bindings::macadam::plugin::types::{PluginError, Violation};

struct Hostile;

#[derive(Debug, Default, serde::Deserialize)]
struct Settings {
    #[serde(default)]
    act: Act,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    /// Behaves.
    #[default]
    Fine,
    /// Changes something when it is only asked what it would change.
    WriteInPlan,
    /// Ends in a trap when it is asked for a plan.
    TrapInPlan,
    /// Says that it is not done yet, whenever it is asked.
    NeverDone,
}

fn read(settings: &str) -> Result<Settings, PluginError> {
    serde_json::from_str(settings).map_err(|error| PluginError::Failed(error.to_string()))
}

fn work(settings: &str) -> Result<Progress, PluginError> {
    if read(settings)?.act != Act::NeverDone {
        return Ok(Progress::Done(Vec::new()));
    }
    let (state, note) = ("null".to_owned(), "soon".to_owned());
    Ok(Progress::InProgress(Continuation { state, poll_after_ms: 50, note }))
}

impl Plugin for Hostile {
    fn describe() -> Info {
        let settings_schema = r#"{"type": "object"}"#.to_owned();
        Info { summary: "A provider that misbehaves as its settings say.".to_owned(), settings_schema }
    }

    fn validate_settings(settings: String) -> Result<(), Vec<Violation>> {
        let read = serde_json::from_str::<Settings>(&settings);
        read.map(|_| ()).map_err(|error| vec![Violation { path: String::new(), message: error.to_string() }])
    }
}

impl Provider for Hostile {
    fn describe_resource() -> ResourceDescription {
        ResourceDescription {
            resource_type: "hostile".to_owned(),
            title: "Nothing".to_owned(),
            spec_schema: r#"{"type": "object"}"#.to_owned(),
            outputs: Vec::new(),
        }
    }

    fn validate(_desired: ManagedResource, _settings: String) -> Result<(), PluginError> {
        Ok(())
    }

    fn plan(
        desired: Option<ManagedResource>,
        _current: Option<ManagedResource>,
        settings: String,
    ) -> Result<ChangePlan, PluginError> {
        let settings = read(&settings)?;
        let name = desired.map(|desired| desired.request.name).unwrap_or_default();
        match settings.act {
            Act::Fine | Act::NeverDone => {}
            Act::TrapInPlan => std::process::abort(),
            Act::WriteInPlan => files::write_file("workspaces", &format!("planned-{name}"), b"written")
                .map_err(|error| PluginError::Failed(format!("{error:?}")))?,
        }
        let step = PlanStep { effect: Effect::Create, target: name, detail: "as its settings say".to_owned() };
        Ok(ChangePlan { steps: vec![step] })
    }

    fn provision(_desired: ManagedResource, _step: Step, settings: String) -> Result<Progress, PluginError> {
        work(&settings)
    }

    fn deprovision(_current: ManagedResource, _step: Step, settings: String) -> Result<Progress, PluginError> {
        work(&settings)
    }

    fn check_health(_current: ManagedResource, _settings: String) -> Result<Health, PluginError> {
        Ok(Health::Healthy)
    }
}

bindings::export!(Hostile with_types_in bindings);
