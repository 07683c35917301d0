//! From the contract's types to the domain's: what a guest answered is checked here, once.
//!
//! No version of the contract has changed these types yet but for the violation, so this one file is compiled against the
//! bindings of each.

use std::time::Duration;

use macadam_core::estimate::Estimate;
use macadam_core::money::{Currency, parse_decimal};
use macadam_core::names::{GroupName, ResourceType, TemplateId};
use macadam_core::plan::{
    Effect, Health, Output, OutputDescription, OutputValue, Plan, PlanStep, Progress, ResourceDescription,
};
use macadam_core::project::{Answers, Feature, FileMode, GeneratedFile, Template};
use macadam_core::verdict::{ApprovalNeed, Verdict};

use super::bindings::exports::macadam::plugin::{
    approval_policy as policy, cost_estimator as estimator, plugin, provider, template_generator as generator,
};
use super::bindings::macadam::plugin::types;
use super::violations;
use crate::call::failure::invalid;
use crate::clients::{Generated, PluginInfo};
use crate::errors::{CallFailure, PluginError};

type Checked<T> = Result<T, CallFailure>;

pub(crate) fn plugin_error(error: types::PluginError) -> CallFailure {
    CallFailure::Plugin(match error {
        types::PluginError::Invalid(given) => match violations(given) {
            Ok(violations) => PluginError::Invalid(violations),
            Err(failure) => return failure,
        },
        types::PluginError::Unavailable(types::Unavailability { message, retry_after_ms }) => {
            PluginError::Unavailable { message, retry_after: retry_after_ms.map(|ms| Duration::from_millis(ms.into())) }
        }
        types::PluginError::Failed(message) => PluginError::Failed(message),
    })
}

fn json(what: &str, text: &str) -> Checked<serde_json::Value> {
    serde_json::from_str(text).map_err(|error| invalid(format!("{what} is not JSON: {error}")))
}

pub(crate) fn info(given: plugin::Info) -> Checked<PluginInfo> {
    let settings_schema = json("the settings schema", &given.settings_schema)?;
    Ok(PluginInfo { summary: given.summary, settings_schema })
}

pub(crate) fn verdict(given: policy::Verdict) -> Checked<Verdict> {
    Ok(match given {
        policy::Verdict::Allow => Verdict::Allow,
        policy::Verdict::Warn(warnings) => Verdict::Warn { warnings },
        policy::Verdict::Deny(given) => Verdict::Deny { violations: violations(given)? },
        policy::Verdict::RequireApproval(policy::Approval { reason, groups, count }) => {
            let groups = groups.into_iter().map(GroupName::new).collect::<Result<Vec<_>, _>>();
            let groups = groups.map_err(|error| invalid(error.to_string()))?;
            Verdict::RequireApproval(ApprovalNeed { reason, groups, count: count.max(1) })
        }
    })
}

pub(crate) fn estimate(given: estimator::CostEstimate) -> Checked<Estimate> {
    let currency: Currency = given.currency.parse().map_err(|error| invalid(format!("{error}")))?;
    let decimal = |text: &str| parse_decimal(text).map_err(|error| invalid(format!("{text:?} is no price: {error}")));
    let mut lines = Vec::with_capacity(given.lines.len());
    for estimator::Line { name, unit, quantity, unit_price } in given.lines {
        let unit_price = unit_price.as_deref().map(decimal).transpose()?;
        lines.push((name, unit, decimal(&quantity)?, unit_price));
    }
    Estimate::add_up(currency, lines).map_err(|error| invalid(error.to_string()))
}

pub(crate) fn resource_description(given: provider::ResourceDescription) -> Checked<ResourceDescription> {
    let outputs = given.outputs.into_iter().map(|output| OutputDescription {
        name: output.name,
        description: output.description,
        secret: output.secret,
    });
    Ok(ResourceDescription {
        resource_type: ResourceType::new(given.resource_type).map_err(|error| invalid(error.to_string()))?,
        title: given.title,
        spec_schema: json("the schema of the specification", &given.spec_schema)?,
        outputs: outputs.collect(),
    })
}

pub(crate) fn plan(given: provider::ChangePlan) -> Plan {
    let step = |step: provider::PlanStep| PlanStep {
        effect: match step.effect {
            provider::Effect::Create => Effect::Create,
            provider::Effect::Change => Effect::Change,
            provider::Effect::Replace => Effect::Replace,
            provider::Effect::Remove => Effect::Remove,
            provider::Effect::Keep => Effect::Keep,
        },
        target: step.target,
        detail: step.detail,
    };
    Plan { steps: given.steps.into_iter().map(step).collect() }
}

pub(crate) fn progress(given: provider::Progress) -> Checked<Progress> {
    let output = |output: provider::Output| Output {
        name: output.name,
        value: match output.value {
            provider::OutputValue::Text(text) => OutputValue::Text(text),
            provider::OutputValue::Secret(handle) => OutputValue::Secret(handle),
        },
    };
    Ok(match given {
        provider::Progress::Done(outputs) => Progress::Done(outputs.into_iter().map(output).collect()),
        provider::Progress::InProgress(provider::Continuation { state, poll_after_ms, note }) => {
            json("the state of a step", &state)?;
            Progress::InProgress { state, poll_after_ms, note }
        }
    })
}

pub(crate) fn health(given: provider::Health) -> Health {
    match given {
        provider::Health::Healthy => Health::Healthy,
        provider::Health::Degraded(detail) => Health::Degraded(detail),
        provider::Health::Unhealthy(detail) => Health::Unhealthy(detail),
    }
}

pub(crate) fn template(given: generator::Template) -> Checked<Template> {
    let id = |text: String| TemplateId::new(text).map_err(|error| invalid(error.to_string()));
    let features =
        given.features.into_iter().map(|f| Feature { name: f.name, title: f.title, default: f.default }).collect();
    let version = given.version.parse();
    Ok(Template {
        id: id(given.id)?,
        version: version.map_err(|error| invalid(format!("{:?} is no version: {error}", given.version)))?,
        title: given.title,
        description: given.description,
        category: given.category,
        language: given.language,
        framework: given.framework,
        features,
        parameters: json("the schema of the parameters", &given.parameters)?,
        deprecated_by: given.deprecated_by.map(id).transpose()?,
    })
}

pub(crate) fn project(given: generator::Project) -> Generated {
    let file = |file: generator::File| GeneratedFile {
        path: file.path,
        mode: match file.mode {
            generator::Mode::Regular => FileMode::Regular,
            generator::Mode::Executable => FileMode::Executable,
        },
        bytes: file.bytes,
    };
    Generated { files: given.files.into_iter().map(file).collect(), warnings: given.warnings }
}

pub(crate) fn answers(given: generator::AnswersResult) -> Checked<Answers> {
    Ok(Answers { parameters: json("the parameters", &given.parameters)?, features: given.features })
}
