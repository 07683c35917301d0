//! What is refused about plugins, as problem documents.

use macadam_core::violation::Violation;
use macadam_platform::authorization::AccessError;
use macadam_platform::decisions::ReplayError;
use macadam_platform::plugins::{
    ActivateError, ApplyError, BindingError, GovernError, IndexError, NoticeError, PackagesError, PublishError,
    TrustError,
};
use macadam_store::{AccessPolicyError, BindingError as NotKept, NamespaceError};
use serde_json::json;

use crate::problem::{Problem, ProblemKind};

impl From<GovernError> for Problem {
    fn from(error: GovernError) -> Self {
        match error {
            GovernError::Refused(refused) => refused.into(),
            GovernError::Binding(error) => error.into(),
            GovernError::Apply(ApplyError::Invalid(violations)) => Self::invalid(&violations),
            GovernError::Apply(ApplyError::Binding(error)) => error.into(),
            GovernError::Publish(error) => error.into(),
            GovernError::Packages(error) => error.into(),
            GovernError::Notice(error) => notice(&error),
            GovernError::Store(error) => error.into(),
            GovernError::Key(error) => Self::invalid(&[Violation::new("/public_key", error.to_string())]),
            GovernError::Envelope(_) => Self::new(ProblemKind::Invalid, error.to_string()),
            GovernError::Namespace(error) => error.into(),
        }
    }
}

impl From<BindingError> for Problem {
    fn from(error: BindingError) -> Self {
        let detail = error.to_string();
        match error {
            BindingError::Invalid(violations) => Self::invalid(&violations),
            BindingError::Unknown(_) => Self::new(ProblemKind::NotFound, detail),
            BindingError::NotKept(NotKept::Conflict { current, .. }) => {
                Self::new(ProblemKind::Conflict, detail).with("current", json!(current))
            }
            BindingError::NotKept(NotKept::Stale { current, .. }) => {
                Self::new(ProblemKind::Conflict, detail).with("current", json!(current))
            }
            BindingError::NotKept(NotKept::Repeated(_)) | BindingError::NothingBefore(_) => {
                Self::new(ProblemKind::Conflict, detail)
            }
            BindingError::NotActive { .. } => Self::new(ProblemKind::Invalid, detail),
            BindingError::OutOfReach(_) => Self::new(ProblemKind::Unavailable, detail),
            BindingError::NotKept(NotKept::Store(error)) => error.into(),
            BindingError::Unreadable { .. } => Self::internal(&detail),
        }
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let detail = error.to_string();
        match error {
            PublishError::Package(_) => Self::new(ProblemKind::Invalid, detail),
            PublishError::Plugin(error) => {
                out_of_reach(error).unwrap_or_else(|_| Self::new(ProblemKind::Invalid, detail))
            }
            PublishError::CutOff(error) => Self::internal(&error),
        }
    }
}

/// What passes by itself, when that is why a version cannot be asked: nothing is wrong with what was sent.
pub(crate) fn out_of_reach(error: ActivateError) -> Result<Problem, ActivateError> {
    match error {
        ActivateError::Trust(TrustError::Store(error)) => Ok(error.into()),
        ActivateError::Packages(error) if error.passes() => Ok(error.into()),
        other => Err(other),
    }
}

/// What is wrong with a version that is to be tried, by the field of the wish.
fn candidate(error: ActivateError, detail: String) -> Problem {
    match error {
        ActivateError::Query(error) => Problem::invalid(&[Violation::new("/plugin", error.to_string())]),
        ActivateError::Packages(error) if error.is_unknown() => {
            Problem::invalid(&[Violation::new("/plugin", error.to_string())])
        }
        ActivateError::Settings { violations, .. } => {
            let below = |violation: Violation| Violation { path: format!("/settings{}", violation.path), ..violation };
            Problem::invalid(&violations.into_iter().map(below).collect::<Vec<_>>())
        }
        _ => Problem::new(ProblemKind::Invalid, detail),
    }
}

impl From<PackagesError> for Problem {
    fn from(error: PackagesError) -> Self {
        if error.is_out_of_reach() {
            tracing::error!(%error, "the packages cannot be reached");
            return Self::new(ProblemKind::Unavailable, "the packages cannot be reached now; try again");
        }
        match error {
            PackagesError::Registry(error) => error.into(),
            PackagesError::Store(error) => error.into(),
            PackagesError::Busy { .. } => Self::new(ProblemKind::Unavailable, error.to_string()),
            PackagesError::Blob { .. } | PackagesError::Unreadable { .. } | PackagesError::CutOff(_) => {
                Self::internal(&error)
            }
        }
    }
}

/// What is wrong with a deprecation, by its field.
fn notice(error: &NoticeError) -> Problem {
    Problem::invalid(&[Violation::new(format!("/{}", error.field()), error.to_string())])
}

impl From<IndexError> for Problem {
    fn from(error: IndexError) -> Self {
        let detail = error.to_string();
        match error {
            IndexError::VersionTaken { .. } => Self::new(ProblemKind::Conflict, detail),
            IndexError::UnknownPlugin { .. } | IndexError::NoSuchVersion { .. } => {
                Self::new(ProblemKind::NotFound, detail)
            }
            IndexError::Notice(error) => notice(&error),
            _ => Self::internal(&detail),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        let detail = error.to_string();
        match error {
            ReplayError::Refused(refused) => refused.into(),
            ReplayError::Candidate(error) => out_of_reach(error).unwrap_or_else(|error| candidate(error, detail)),
            ReplayError::Store(error) => error.into(),
            ReplayError::Trace(error) => error.into(),
        }
    }
}

impl From<NamespaceError> for Problem {
    fn from(error: NamespaceError) -> Self {
        let detail = error.to_string();
        match error {
            NamespaceError::NotFound(_) | NamespaceError::NoSuchKey { .. } => Self::new(ProblemKind::NotFound, detail),
            NamespaceError::UnknownTeam(_) => Self::invalid(&[Violation::new("/team", detail)]),
            NamespaceError::Owned { .. } | NamespaceError::KeyExists { .. } | NamespaceError::KeyRevoked { .. } => {
                Self::new(ProblemKind::Conflict, detail)
            }
            NamespaceError::Store(error) => error.into(),
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        let detail = error.to_string();
        match error {
            AccessError::Refused(refused) => refused.into(),
            AccessError::Text(_) | AccessError::LocksOut { .. } => Self::invalid(&[Violation::new("/text", detail)]),
            AccessError::BuiltIn(_) => Self::invalid(&[Violation::new("", detail)]),
            AccessError::Unknown(_) => Self::new(ProblemKind::NotFound, detail),
            AccessError::Closed(_) => Self::new(ProblemKind::Conflict, detail),
            AccessError::NotKept(AccessPolicyError::Store(error)) | AccessError::Store(error) => error.into(),
            AccessError::NotKept(AccessPolicyError::Conflict { current, .. }) => {
                Self::new(ProblemKind::Conflict, detail).with("current", json!(current))
            }
            AccessError::NotKept(AccessPolicyError::Stale) => Self::new(ProblemKind::Conflict, detail),
        }
    }
}
