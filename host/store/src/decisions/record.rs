//! One decision, as it comes in and as it is kept.

use std::fmt;

use jiff::Timestamp;
use macadam_core::canonical::CanonicalJson;
use macadam_core::digest::Digest;
use macadam_core::limits::Usage;
use macadam_core::names::{BindingName, PluginRef, TeamId};

use crate::{PairId, RequestId};

/// What a plugin was asked for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionKind {
    /// A verdict.
    Policy,
    /// A price.
    Estimate,
    /// A project.
    Generate,
    /// What a provider would do.
    Plan,
}

impl DecisionKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Policy, Self::Estimate, Self::Generate, Self::Plan];

    /// The kind's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Estimate => "estimate",
            Self::Generate => "generate",
            Self::Plan => "plan",
        }
    }
}

impl fmt::Display for DecisionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As what the version that answered was asked.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionRole {
    /// The version in force.
    Active,
    /// A candidate that gets some of the requests; its answer counted.
    Canary,
    /// A candidate that was asked beside the one that counted.
    Shadow,
}

impl DecisionRole {
    /// The role's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Canary => "canary",
            Self::Shadow => "shadow",
        }
    }
}

impl fmt::Display for DecisionRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionOutcome {
    /// With an answer.
    Answered(CanonicalJson),
    /// With an error.
    Failed {
        /// Its kind, a word that does not change, such as `out-of-fuel`.
        kind: String,
        /// What it said.
        message: String,
    },
}

/// What a shadow said instead, short enough to be counted and grouped.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = AnswerDifference)]
pub struct Difference {
    /// What the answer that counted was, such as `allow`.
    pub from: String,
    /// What the shadow said, such as `deny: name too long`.
    pub to: String,
}

/// A decision to be recorded.
#[derive(Debug, Clone)]
pub struct NewDecision {
    /// What was asked for.
    pub kind: DecisionKind,
    /// As what the version was asked.
    pub role: DecisionRole,
    /// Whose request it was about.
    pub team: TeamId,
    /// The binding that had it asked.
    pub binding: BindingName,
    /// The plugin and its version.
    pub plugin: PluginRef,
    /// The component itself.
    pub component: Digest,
    /// The contract through which it was called, such as `macadam:plugin@0.1.0`.
    pub contract: String,
    /// The settings that it was given.
    pub settings: CanonicalJson,
    /// The input that it was given.
    pub input: CanonicalJson,
    /// The request, when it was more than a preview.
    pub request: Option<RequestId>,
    /// What it was about, for people, such as a resource's key.
    pub subject: String,
    /// How the call ended.
    pub outcome: DecisionOutcome,
    /// What it used.
    pub usage: Usage,
    /// Given to the answer that counted and to the shadow's on the same call, so that each is found from the other.
    pub pair: Option<PairId>,
    /// For a shadow whose answer is another one: what differs.
    pub difference: Option<Difference>,
}

/// A decision as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Decision)]
pub struct DecisionRecord {
    /// Its number: higher than every earlier one's.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What was asked for.
    pub kind: DecisionKind,
    /// As what the version was asked.
    pub role: DecisionRole,
    /// Whose request it was about.
    pub team: TeamId,
    /// The binding that had it asked.
    pub binding: BindingName,
    /// The plugin and its version.
    pub plugin: PluginRef,
    /// The component itself.
    pub component: Digest,
    /// The contract through which it was called.
    pub contract: String,
    /// The settings that it was given.
    pub settings: Digest,
    /// The input that it was given.
    pub input: Digest,
    /// The request, when it was more than a preview.
    pub request: Option<RequestId>,
    /// What it was about, for people.
    pub subject: String,
    /// How the call ended.
    pub outcome: DecisionOutcome,
    /// What it used.
    pub usage: Usage,
    /// What joins it to the other answers on the same call.
    pub pair: Option<PairId>,
    /// For a shadow whose answer was another one: what differs.
    pub difference: Option<Difference>,
}

/// A decision with everything that is needed to ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCall {
    /// The decision.
    pub decision: DecisionRecord,
    /// The settings.
    pub settings: CanonicalJson,
    /// The input.
    pub input: CanonicalJson,
}

/// A shadow's record whose answer was another one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = ShadowDifference)]
pub struct DifferenceRecord {
    /// The shadow's record.
    pub shadow: u64,
    /// The record of the answer that counted; `None` when it is not written yet, or not kept any more.
    pub active: Option<u64>,
    /// When the shadow's was recorded.
    pub at: Timestamp,
    /// The shadow's version.
    pub plugin: PluginRef,
    /// The shadow's component.
    pub component: Digest,
    /// Whose request it was about.
    pub team: TeamId,
    /// The request, when it was more than a preview.
    pub request: Option<RequestId>,
    /// What it was about, for people.
    pub subject: String,
    /// What differs.
    pub difference: Difference,
}
