//! Version 0.2 of the contract: policies and estimators ask for what they decide on, and violations have codes.
//!
//! Nothing of a request is lowered before it is asked for: [`ask`] answers `request` and `context` out of what the call
//! keeps while it runs. The rest is as in version 0.1, and the turns that did not change are shared with it.

mod ask;
pub(crate) mod bindings;
#[path = "../unchanged/from_host.rs"]
#[allow(clippy::duplicate_mod, reason = "one source for what is alike in both versions, each with its own types")]
mod from_host;
#[path = "../unchanged/into_host.rs"]
#[allow(clippy::duplicate_mod, reason = "one source for what is alike in both versions, each with its own types")]
mod into_host;

use macadam_core::violation::{CODE_MAX, Violation, is_code};

pub(crate) use ask::Asked;
pub(crate) use bindings::exports::macadam::plugin as exports;
// Guests are handed one, and ask for one.
use bindings::macadam::plugin::types::EnvironmentParam as Environment;
pub(crate) use from_host::{managed, step, tags};
pub(crate) use into_host::{
    answers, estimate, health, info, plan, plugin_error, progress, project, resource_description, template, verdict,
};

use crate::call::failure::invalid;
use crate::errors::CallFailure;

/// Takes violations whose codes are codes.
pub(crate) fn violations(
    given: Vec<bindings::macadam::plugin::types::Violation>,
) -> Result<Vec<Violation>, CallFailure> {
    let checked = |violation: bindings::macadam::plugin::types::Violation| match violation.code {
        Some(code) if !is_code(&code) => {
            let shown: String = code.chars().take(CODE_MAX).collect();
            Err(invalid(format!(
                "{shown:?} is no code of a violation; write words of a-z and 0-9 joined by `-` or `/`, \
                 at most {CODE_MAX} bytes, such as `tag-missing`"
            )))
        }
        code => Ok(Violation { path: violation.path, message: violation.message, code }),
    };
    given.into_iter().map(checked).collect()
}
