//! Why a wish is not granted, by what its owner can do about it.

use std::time::Duration;

use jiff::Timestamp;
use macadam_blobs::BlobError;
use macadam_core::names::EnvironmentName;
use macadam_core::request::Environment;
use macadam_core::violation::{Violation, join};
use macadam_runtime::CallError;
use macadam_runtime::capabilities::secrets::VaultError;
use macadam_store::{InterveneError, RequestId, ReviewError, ScheduleError, StoreError, SubmitError};

use crate::plugins::ActivateError;
use crate::plugins::in_force::Silence;

/// When to ask again for what is among the blobs and cannot be reached.
const BLOBS_AGAIN: Duration = Duration::from_secs(5);

/// Why a use case ends without doing what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The input is wrong; nothing was changed.
    #[error("{}", join(.0))]
    Invalid(Vec<Violation>),
    /// It does not exist, or the caller may not know whether it does.
    #[error("there is no {0}")]
    NotFound(String),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// It does not fit what exists.
    #[error("{0}")]
    Conflict(String),
    /// It was changed since it was looked at.
    #[error("{message}")]
    Stale {
        /// What, and what it was taken for.
        message: String,
        /// The revision it is at.
        current: u64,
    },
    /// It was decided, and the answer is no. The request is recorded.
    #[error("the request is denied: {}", join(violations))]
    Denied {
        /// The record of it.
        request: RequestId,
        /// Why.
        violations: Vec<Violation>,
        /// The whole decision.
        decision: Box<serde_json::Value>,
    },
    /// A plugin that is needed cannot answer now.
    #[error("{message}")]
    Unavailable {
        /// Which, and why.
        message: String,
        /// When a retry has a fair chance.
        retry_after: Option<Duration>,
    },
    /// Something of the host's own is broken.
    #[error("{0}")]
    Internal(String),
}

impl ProvisionError {
    /// One thing that is wrong, at a place of the input.
    pub(crate) fn invalid(path: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation::new(path, message)])
    }

    /// An environment that there is not, with those that there are.
    pub(crate) fn no_environment(path: &str, name: &EnvironmentName, known: &[Environment]) -> Self {
        let known: Vec<_> = known.iter().map(|environment| environment.name.to_string()).collect();
        let known =
            if known.is_empty() { "there are none".to_owned() } else { format!("there are: {}", known.join(", ")) };
        Self::invalid(path, format!("there is no environment {name}; {known}"))
    }
}

impl From<StoreError> for ProvisionError {
    fn from(error: StoreError) -> Self {
        if error.passes() {
            Self::Unavailable { message: error.to_string(), retry_after: None }
        } else {
            Self::Internal(error.to_string())
        }
    }
}

impl From<VaultError> for ProvisionError {
    fn from(error: VaultError) -> Self {
        let message = error.to_string();
        match error {
            VaultError::Unavailable(_) => Self::Unavailable { message, retry_after: None },
            VaultError::Unknown | VaultError::Broken(_) => Self::Internal(message),
        }
    }
}

impl From<std::io::Error> for ProvisionError {
    fn from(error: std::io::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<BlobError> for ProvisionError {
    fn from(error: BlobError) -> Self {
        match error {
            // Where that is, and what it says, is for the log.
            BlobError::Failed { .. } => {
                tracing::error!(%error, "a blob cannot be had");
                let message = "what is kept of projects cannot be reached now".to_owned();
                Self::Unavailable { message, retry_after: Some(BLOBS_AGAIN) }
            }
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for ProvisionError {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<SubmitError> for ProvisionError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Store(error) => error.into(),
            SubmitError::NotFound { resource } => Self::NotFound(format!("live resource {resource}")),
            SubmitError::UnknownEnvironment(_) => Self::invalid("/environment", error.to_string()),
            SubmitError::UnknownTeam(_) => Self::Forbidden(error.to_string()),
            SubmitError::OverQuota(violations) => Self::Invalid(violations),
            SubmitError::Stale { actual, .. } => Self::Stale { message: error.to_string(), current: actual },
            other => Self::Conflict(other.to_string()),
        }
    }
}

impl From<ReviewError> for ProvisionError {
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::Store(error) => error.into(),
            ReviewError::NotFound(id) => Self::NotFound(format!("request {id}")),
            ReviewError::OwnRequest(_) | ReviewError::NotRequester { .. } | ReviewError::NotAnApprover(_) => {
                Self::Forbidden(error.to_string())
            }
            other => Self::Conflict(other.to_string()),
        }
    }
}

impl From<InterveneError> for ProvisionError {
    fn from(error: InterveneError) -> Self {
        match error {
            InterveneError::Store(error) => error.into(),
            InterveneError::NotFound(id) => Self::NotFound(format!("job {id}")),
            other => Self::Conflict(other.to_string()),
        }
    }
}

impl From<ScheduleError> for ProvisionError {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Store(error) => error.into(),
            ScheduleError::NotFound(name) => {
                Self::NotFound(format!("schedule {name}; `macadam schedule list` shows those there are"))
            }
            ScheduleError::LeaseLost(_) => Self::Conflict(error.to_string()),
        }
    }
}

impl From<ActivateError> for ProvisionError {
    fn from(error: ActivateError) -> Self {
        Self::Unavailable { message: error.to_string(), retry_after: None }
    }
}

impl From<CallError> for ProvisionError {
    fn from(error: CallError) -> Self {
        use macadam_runtime::{CallFailure, PluginError};
        match error.failure() {
            CallFailure::Plugin(PluginError::Invalid(violations)) => Self::Invalid(violations.clone()),
            CallFailure::Plugin(PluginError::Unavailable { retry_after, .. }) => {
                Self::Unavailable { message: error.to_string(), retry_after: *retry_after }
            }
            CallFailure::Overloaded { retry_after } => {
                Self::Unavailable { message: error.to_string(), retry_after: Some(*retry_after) }
            }
            _ => Self::Unavailable { message: error.to_string(), retry_after: None },
        }
    }
}

impl From<Silence> for ProvisionError {
    fn from(silence: Silence) -> Self {
        let message = silence.to_string();
        match silence {
            Silence::Failed(error) => error.into(),
            Silence::Quarantined { until, .. } => {
                let retry_after = Duration::try_from(until.duration_since(Timestamp::now())).ok();
                Self::Unavailable { message, retry_after }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_that_is_away_for_now_is_told_as_such_and_one_that_is_broken_is_the_hosts_failure() {
        let away = ProvisionError::from(VaultError::Unavailable("the database does not answer".to_owned()));
        assert!(matches!(away, ProvisionError::Unavailable { .. }), "{away:?}");
        for broken in [VaultError::Unknown, VaultError::Broken("it does not open".to_owned())] {
            let broken = ProvisionError::from(broken);
            assert!(matches!(broken, ProvisionError::Internal(_)), "trying again does not help: {broken:?}");
        }
    }
}
