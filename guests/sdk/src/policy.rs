//! Policies: rules on requests.

pub use crate::bindings::exports::macadam::plugin::approval_policy::{
    Approval, Context, Cost, CostLine, Team, TypeUsage, Verdict,
};
use crate::plugin::read_settings;
use crate::{Decimal, Error, Plugin, Violation, decimal};

/// Decides whether a request may go ahead: a pure function of the context and the settings.
pub trait ApprovalPolicy: Plugin {
    /// Decides one request. An error counts as a denial unless the administrator has said otherwise.
    ///
    /// # Errors
    /// Whatever keeps the policy from an answer.
    fn evaluate(context: &Context, settings: &Self::Settings) -> Result<Verdict, Error>;
}

pub(crate) fn evaluate<P: ApprovalPolicy>(context: &Context, settings: &str) -> Result<Verdict, Error> {
    P::evaluate(context, &read_settings::<P>(settings)?)
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

    /// Denies for one reason, at a place in the request's document.
    pub fn deny(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Deny(vec![Violation::new(path, message)])
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

impl Cost {
    /// The monthly cost, exactly.
    ///
    /// # Errors
    /// [`Error::Failed`] when the host broke the contract.
    pub fn monthly_exact(&self) -> Result<Decimal, Error> {
        decimal::from_host(&self.monthly, "monthly cost")
    }
}

impl Team {
    /// The monthly cost of what the team has now, exactly.
    ///
    /// # Errors
    /// [`Error::Failed`] when the host broke the contract.
    pub fn committed_exact(&self) -> Result<Decimal, Error> {
        decimal::from_host(&self.committed, "committed cost")
    }

    /// The most the team may commit a month, exactly.
    ///
    /// # Errors
    /// [`Error::Failed`] when the host broke the contract.
    pub fn monthly_budget_exact(&self) -> Result<Option<Decimal>, Error> {
        self.monthly_budget.as_deref().map(|budget| decimal::from_host(budget, "monthly budget")).transpose()
    }
}
