//! Jobs as workers are given them, and as they are kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use macadam_core::lifecycle::JobState;
use macadam_core::names::{PersonId, PluginName, ResourceKey, TeamId};
use macadam_core::request::Action;
use macadam_core::retry::{Before, ErrorClass};
use macadam_core::trace::TraceParent;

use super::{JobPhase, Lease};
use crate::{JobId, RequestId, RequestRecord, ResourceId, ResourceRecord, Sealed};

/// How many jobs may be at work at once, over all workers. What is not named has what everybody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLimits {
    /// Of one team.
    pub per_team: u32,
    /// Of one provider.
    pub per_provider: u32,
    /// Of these teams instead.
    pub teams: BTreeMap<TeamId, u32>,
    /// Of these providers instead.
    pub providers: BTreeMap<PluginName, u32>,
}

impl JobLimits {
    /// As many as there are workers.
    pub const NONE: Self =
        Self { per_team: u32::MAX, per_provider: u32::MAX, teams: BTreeMap::new(), providers: BTreeMap::new() };

    /// How many of a team may be at work.
    #[must_use]
    pub fn of_team(&self, team: &TeamId) -> u32 {
        self.teams.get(team).copied().unwrap_or(self.per_team)
    }

    /// How many of a provider may be at work.
    #[must_use]
    pub fn of_provider(&self, provider: &PluginName) -> u32 {
        self.providers.get(provider).copied().unwrap_or(self.per_provider)
    }
}

/// That somebody has taken a job back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = JobCancellation)]
pub struct Cancellation {
    /// Who.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
}

/// A job that a worker has just been given, with everything its step needs.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    /// The hold on it.
    pub lease: Lease,
    /// Which work.
    pub phase: JobPhase,
    /// When this work was first taken up, or taken up again after somebody had a dead job tried again.
    pub phase_since: Timestamp,
    /// Which call of this work, counted from one; undoing is other work and counts anew.
    pub attempt: u32,
    /// What came to nothing in a row before: tries that failed, workers that vanished.
    pub before: Before,
    /// Whether the provider may have been called already. Until then the decision can still be made anew.
    pub begun: bool,
    /// Who has taken it back, if anybody: what was done is to be undone.
    pub cancelled: Option<Cancellation>,
    /// The trace of the HTTP request that let it go ahead.
    pub trace: Option<TraceParent>,
    /// What the last finished step returned; `None` at the first.
    pub state: Option<Sealed>,
    /// What went wrong last; while undoing, why.
    pub error: Option<String>,
    /// The request.
    pub request: RequestRecord,
    /// The resource.
    pub resource: ResourceRecord,
}

/// A job as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    /// Its id.
    pub id: JobId,
    /// The request it works on.
    pub request: RequestId,
    /// What the request wants to do.
    pub action: Action,
    /// Who made the request.
    pub requester: PersonId,
    /// The resource.
    pub resource: ResourceId,
    /// The resource's name.
    pub resource_key: ResourceKey,
    /// Whose job it is, for fairness.
    pub team: TeamId,
    /// The plugin that does the work.
    pub provider: PluginName,
    /// Which work.
    pub phase: JobPhase,
    /// Where it stands.
    pub state: JobState,
    /// Calls of this work so far.
    pub attempt: u32,
    /// Tries in a row that came to nothing.
    pub failures: u32,
    /// Since when they do.
    pub failing_since: Option<Timestamp>,
    /// Not before this moment.
    pub run_after: Timestamp,
    /// Who holds it.
    pub worker: Option<String>,
    /// Until when.
    pub lease_until: Option<Timestamp>,
    /// What is happening, for the requester.
    pub note: Option<String>,
    /// What went wrong last.
    pub error: Option<String>,
    /// The class of that.
    pub error_class: Option<ErrorClass>,
    /// Who has taken it back, if anybody.
    pub cancelled: Option<Cancellation>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of this last changed.
    pub updated_at: Timestamp,
}

/// What an attempt came to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schema(as = JobAttemptOutcome)]
pub enum AttemptOutcome {
    /// A step was done, and another follows.
    Progressed,
    /// The work is done.
    Done,
    /// It failed, and is tried again.
    Retried,
    /// It was given up, and what was done is undone.
    Undoing,
    /// Undoing is done: nothing is left of what failed.
    Failed,
    /// It went back to the people who approve.
    Returned,
    /// It was taken back, and nothing is left of it.
    Cancelled,
    /// It could neither be finished nor undone.
    Dead,
    /// The worker vanished.
    Lost,
}

impl AttemptOutcome {
    /// The outcome's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Progressed => "progressed",
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Undoing => "undoing",
            Self::Failed => "failed",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
            Self::Lost => "lost",
        }
    }
}

/// One claim of a job, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = JobAttempt)]
pub struct AttemptRecord {
    /// The claim's fence: its place among all claims of the job.
    pub claim: u64,
    /// At which work.
    pub phase: JobPhase,
    /// Which call of that work.
    pub attempt: u32,
    /// Who had it.
    pub worker: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it goes on.
    pub ended_at: Option<Timestamp>,
    /// What it came to.
    pub outcome: Option<AttemptOutcome>,
    /// The class of what went wrong.
    pub error_class: Option<ErrorClass>,
    /// What there is to say about it.
    pub note: Option<String>,
}

/// Which jobs to list. What is `None` does not narrow.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// In one state.
    pub state: Option<JobState>,
    /// Of one team.
    pub team: Option<TeamId>,
    /// Of any of these teams: those whose things somebody may see.
    pub teams: Option<Vec<TeamId>>,
    /// Of one provider.
    pub provider: Option<PluginName>,
    /// At one kind of work.
    pub phase: Option<JobPhase>,
}

/// How much there is to do, for whoever watches the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobTotals {
    /// Jobs that wait.
    pub queued: u64,
    /// Jobs that a worker has.
    pub running: u64,
    /// Jobs that somebody has to look at.
    pub dead: u64,
    /// Since when the longest-waiting job could run.
    pub oldest: Option<Timestamp>,
}
