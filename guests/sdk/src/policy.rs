//! Policies: rules on requests.

pub use crate::bindings::exports::macadam::plugin::approval_policy::{Approval, Verdict};
use crate::plugin::read_settings;
use crate::{Context, Error, Plugin, Violation};

/// Decides whether a request may go ahead: a pure function of the context and the settings.
pub trait ApprovalPolicy: Plugin {
    /// Decides one request. An error counts as a denial unless the administrator has said otherwise.
    ///
    /// # Errors
    /// Whatever keeps the policy from an answer.
    fn evaluate(context: &Context, settings: &Self::Settings) -> Result<Verdict, Error>;
}

pub(crate) fn evaluate<P: ApprovalPolicy>(settings: &str) -> Result<Verdict, Error> {
    P::evaluate(&Context::at_hand(), &read_settings::<P>(settings)?)
}

impl Verdict {
    /// Asks for the approval of so many people of these groups; no group means any approver.
    pub fn require_approval<G: Into<String>>(
        reason: impl Into<String>,
        groups: impl IntoIterator<Item = G>,
        count: u32,
    ) -> Self {
        let groups = groups.into_iter().map(Into::into).collect();
        Self::RequireApproval(Approval { reason: reason.into(), groups, count })
    }

    /// Denies for one reason.
    #[must_use]
    pub fn deny(violation: Violation) -> Self {
        Self::Deny(vec![violation])
    }

    /// Denies when there is a violation, warns when there is only a warning, and else allows.
    #[must_use]
    pub fn from_findings(violations: Vec<Violation>, warnings: Vec<String>) -> Self {
        match (violations.is_empty(), warnings.is_empty()) {
            (false, _) => Self::Deny(violations),
            (true, false) => Self::Warn(warnings),
            (true, true) => Self::Allow,
        }
    }
}
