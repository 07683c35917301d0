//! The decision log: what every plugin was asked, what it said and what that took, so that a decision can be explained,
//! reproduced, and asked of another version.
//!
//! A record names component, contract, settings and input by what they are; the texts of settings and input are kept
//! once, by digest, as long as a record needs them. Records are numbered in the order in which they were written, and
//! their times never run backwards in that order, so a span of time is a span of numbers and a reader resumes at the
//! number that it saw last. What a [shadow](DecisionRole::Shadow) said is a record like any other, joined by a
//! [pair](NewDecision::pair) to the answer that counted; the [differences](DecisionLog::differences) are a view on
//! those.
//!
//! Secrets never come here: handles took their place before the plugin was called. Who may read another team's inputs
//! is the platform's to check. The log is bounded by [`Retention`], for each kind on its own.

mod record;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::canonical::CanonicalJson;
use macadam_core::digest::Digest;
use macadam_core::names::{BindingName, PluginName, TeamId};

pub use record::{
    DecisionKind, DecisionOutcome, DecisionRecord, DecisionRole, Difference, DifferenceRecord, NewDecision,
    RecordedCall,
};

use crate::{PageRequest, StoreError};

/// Which decisions to read. What is `None` does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecisionFilter {
    /// Of one kind.
    pub kind: Option<DecisionKind>,
    /// By one plugin, in any version.
    pub plugin: Option<PluginName>,
    /// For one binding.
    pub binding: Option<BindingName>,
    /// By one component.
    pub component: Option<Digest>,
    /// About one team's requests.
    pub team: Option<TeamId>,
    /// About any of these teams' requests: those that somebody may see.
    pub teams: Option<Vec<TeamId>>,
    /// In one role.
    pub role: Option<DecisionRole>,
    /// Recorded at this moment or later.
    pub since: Option<Timestamp>,
    /// Recorded before this moment.
    pub until: Option<Timestamp>,
}

/// How much of one kind of decision is kept. What is `None` is no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Records from before this moment go.
    pub older_than: Option<Timestamp>,
    /// The oldest records go until what is left takes no more than this.
    pub max_bytes: Option<u64>,
}

/// What one step of pruning did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Records removed.
    pub records: u64,
    /// Bytes that they and the texts that nobody needs any more took.
    pub bytes: u64,
    /// Whether there may be more to remove: call again.
    pub more: bool,
}

/// What there is of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct DecisionTotals {
    /// Which kind.
    pub kind: DecisionKind,
    /// Records.
    pub records: u64,
    /// What they take, about as much as on the disk. A text counts once, to the kind that brought it.
    pub bytes: u64,
}

/// The decision log.
#[async_trait]
pub trait DecisionLog: Send + Sync {
    /// Writes a batch in one transaction and says which number each got, in their order. Made for a background writer
    /// that drains a queue: a thousand at once cost little more than one.
    async fn record_decisions(&self, decisions: &[NewDecision], now: Timestamp) -> Result<Vec<u64>, StoreError>;

    /// Decisions in the order in which they were recorded.
    async fn decisions(
        &self,
        filter: &DecisionFilter,
        page: PageRequest<u64>,
    ) -> Result<Vec<DecisionRecord>, StoreError>;

    /// The same with settings and input: all that is needed to ask again. A page is as large as its inputs.
    async fn recorded_calls(
        &self,
        filter: &DecisionFilter,
        page: PageRequest<u64>,
    ) -> Result<Vec<RecordedCall>, StoreError>;

    /// One decision.
    async fn decision(&self, seq: u64) -> Result<Option<DecisionRecord>, StoreError>;

    /// The input or the settings that a record names by this digest.
    async fn decision_text(&self, digest: &Digest) -> Result<Option<CanonicalJson>, StoreError>;

    /// Where shadows of a binding said something else than the answer that counted, in the order of the shadows'
    /// records.
    async fn differences(
        &self,
        binding: &BindingName,
        page: PageRequest<u64>,
    ) -> Result<Vec<DifferenceRecord>, StoreError>;

    /// Removes what is beyond the bounds of a kind, the oldest first, in a step short enough that others who write
    /// hardly wait; call again as long as there is [more](Pruned::more).
    async fn prune_decisions(&self, kind: DecisionKind, keep: &Retention) -> Result<Pruned, StoreError>;

    /// What there is of each kind that was ever recorded.
    async fn decision_totals(&self) -> Result<Vec<DecisionTotals>, StoreError>;
}
