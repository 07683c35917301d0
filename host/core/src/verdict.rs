//! What policies answer, and how the answers of several combine.

use crate::names::{GroupName, PluginRef};
use crate::violation::Violation;

/// A policy's answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Go ahead.
    Allow,
    /// Go ahead, but tell the requester.
    Warn {
        /// What to tell.
        warnings: Vec<String>,
    },
    /// Go ahead only after other people have approved.
    RequireApproval(ApprovalNeed),
    /// Do not go ahead.
    Deny {
        /// What is wrong.
        violations: Vec<Violation>,
    },
}

/// An approval that a policy asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ApprovalNeed {
    /// Why.
    pub reason: String,
    /// Whose members may approve; empty means any approver.
    pub groups: Vec<GroupName>,
    /// How many different people.
    pub count: u32,
}

/// What counts when a plugin ends in an error instead of an answer, or is not asked because it failed too often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// The request is denied: a guardrail that is down holds.
    #[default]
    Deny,
    /// The request waits for a person.
    RequireApproval,
    /// The version that was in force before answers; without one, the request is denied.
    LastGood,
}

/// One policy's answer, with who gave it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct PolicyVerdict {
    /// Which version answered.
    pub plugin: PluginRef,
    /// What it answered.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Why the answer is the setting for errors instead of the policy's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the verdicts together mean.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The request goes ahead.
    Allowed {
        /// What the requester should know.
        warnings: Vec<String>,
    },
    /// The request waits until every need is met.
    ApprovalRequired {
        /// Each asked for by one policy, each met on its own.
        needs: Vec<ApprovalNeed>,
        /// What the requester should know.
        warnings: Vec<String>,
    },
    /// The request is refused.
    Denied {
        /// What is wrong.
        violations: Vec<Violation>,
    },
}

impl Outcome {
    /// The outcome's word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Allowed { .. } => "allowed",
            Self::ApprovalRequired { .. } => "approval-required",
            Self::Denied { .. } => "denied",
        }
    }
}

/// What counts when no policy applies to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenNoPolicyApplies {
    /// Denied: what nobody has thought of is not allowed.
    #[default]
    Deny,
    /// Allowed.
    Allow,
}

/// Combines verdicts: deny outranks require-approval, which outranks warn, which outranks allow. The order in which
/// the verdicts came makes no difference to the outcome's kind; needs and messages keep it.
#[must_use]
pub fn combine(verdicts: &[PolicyVerdict], when_none: WhenNoPolicyApplies) -> Outcome {
    if verdicts.is_empty() && when_none == WhenNoPolicyApplies::Deny {
        let message = "no policy applies to this request, and this host denies what no policy has decided; \
                       ask an administrator to bind one";
        return Outcome::Denied { violations: vec![Violation::new("", message)] };
    }
    let (mut violations, mut needs, mut warnings, mut denied) = (Vec::new(), Vec::new(), Vec::new(), false);
    for PolicyVerdict { verdict, .. } in verdicts {
        match verdict {
            Verdict::Allow => {}
            Verdict::Warn { warnings: more } => warnings.extend(more.iter().cloned()),
            Verdict::RequireApproval(need) => needs.push(need.clone()),
            Verdict::Deny { violations: more } => {
                denied = true;
                violations.extend(more.iter().cloned());
            }
        }
    }
    match (denied, needs.is_empty()) {
        (true, _) => Outcome::Denied { violations },
        (false, false) => Outcome::ApprovalRequired { needs, warnings },
        (false, true) => Outcome::Allowed { warnings },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn given(verdict: Verdict) -> PolicyVerdict {
        let plugin = PluginRef { name: "a/b".parse().unwrap(), version: "1.0.0".parse().unwrap() };
        PolicyVerdict { plugin, verdict, error: None }
    }

    fn need() -> ApprovalNeed {
        ApprovalNeed { reason: "production".into(), groups: vec![], count: 1 }
    }

    fn any_verdict() -> impl Strategy<Value = (u8, Verdict)> {
        prop_oneof![
            Just((0, Verdict::Allow)),
            Just((1, Verdict::Warn { warnings: vec!["w".into()] })),
            Just((2, Verdict::RequireApproval(need()))),
            Just((3, Verdict::Deny { violations: vec![Violation::new("/a", "b")] })),
        ]
    }

    fn rank(outcome: &Outcome) -> u8 {
        match outcome {
            Outcome::Allowed { warnings } => u8::from(!warnings.is_empty()),
            Outcome::ApprovalRequired { .. } => 2,
            Outcome::Denied { .. } => 3,
        }
    }

    #[test]
    fn when_no_policy_applies_the_request_is_denied_unless_the_host_says_otherwise() {
        assert!(matches!(combine(&[], WhenNoPolicyApplies::Deny), Outcome::Denied { .. }));
        assert!(matches!(combine(&[], WhenNoPolicyApplies::Allow), Outcome::Allowed { .. }));
    }

    #[test]
    fn a_denial_without_violations_still_denies() {
        let outcome = combine(&[given(Verdict::Deny { violations: vec![] })], WhenNoPolicyApplies::Allow);
        assert!(matches!(outcome, Outcome::Denied { .. }), "an empty list must not turn a denial into an allowance");
    }

    #[test]
    fn every_need_is_kept_even_when_two_are_alike() {
        let outcome = combine(
            &[given(Verdict::RequireApproval(need())), given(Verdict::RequireApproval(need()))],
            WhenNoPolicyApplies::Deny,
        );
        assert!(matches!(outcome, Outcome::ApprovalRequired { needs, .. } if needs.len() == 2));
    }

    proptest! {
        #[test]
        fn the_strictest_verdict_wins_in_any_order(verdicts in proptest::collection::vec(any_verdict(), 1..8)) {
            let strictest = verdicts.iter().map(|(rank, _)| *rank).max().unwrap();
            let mut given: Vec<_> = verdicts.into_iter().map(|(_, v)| given(v)).collect();
            prop_assert_eq!(rank(&combine(&given, WhenNoPolicyApplies::Deny)), strictest);
            given.reverse();
            prop_assert_eq!(rank(&combine(&given, WhenNoPolicyApplies::Deny)), strictest);
        }
    }
}
