//! Version 0.1 of the contract: the generated bindings, and the turns from and into the domain's types.
//!
//! Inputs are lowered straight from borrowed text into the guest. Answers are owned, checked, and turned into the
//! domain's types; what does not fit them is an `InvalidOutput`.

pub(crate) mod bindings;
mod from_host;
mod into_host;

pub(crate) use from_host::{ContextParts, managed, request, step, tags};
pub(crate) use into_host::{
    answers, estimate, health, info, plan, plugin_error, progress, project, resource_description, template, verdict,
    violations,
};
