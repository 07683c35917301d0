//! Version 0.1 of the contract: the generated bindings, and the turns from and into the domain's types.
//!
//! Inputs are lowered straight from borrowed text into the guest, a policy's whole context with each call. Answers are
//! owned, checked, and turned into the domain's types; what does not fit them is an `InvalidOutput`.

pub(crate) mod bindings;
mod context;
#[path = "../unchanged/from_host.rs"]
mod from_host;
#[path = "../unchanged/into_host.rs"]
mod into_host;

use macadam_core::violation::Violation;

pub(crate) use bindings::exports::macadam::plugin as exports;
use bindings::macadam::plugin::types::Environment;
pub(crate) use context::ContextParts;
pub(crate) use from_host::{managed, request, step, tags};
pub(crate) use into_host::{
    answers, estimate, health, info, plan, plugin_error, progress, project, resource_description, template, verdict,
};

use crate::errors::CallFailure;

/// This version knows no codes, so nothing can be wrong with a violation.
#[allow(clippy::unnecessary_wraps, reason = "later versions have something to check")]
pub(crate) fn violations(
    given: Vec<bindings::macadam::plugin::types::Violation>,
) -> Result<Vec<Violation>, CallFailure> {
    Ok(given.into_iter().map(|violation| Violation::new(violation.path, violation.message)).collect())
}
