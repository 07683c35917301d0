//! Jobs: the work on a request, in short steps that any worker can take up where another one stopped.
//!
//! A worker [claims](Jobs::claim) a job for a while, does one step, and stores what came of it; the job is then free
//! again until its time. That a step was begun is stored before the worker hears of it, so a step that was interrupted
//! is known, and taken again with the state it had. A claim carries a [`Lease`] whose fence no later claim shares: a
//! worker that was thought dead and wakes up is told [`JobError::LeaseLost`], whatever it wants to store.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::lifecycle::{JobState, RequestState, ResourceState};
use macadam_core::names::TeamId;
use macadam_core::plan::Output;

use crate::{Decision, JobId, RequestId, RequestRecord, ResourceRecord, Sealed, StoreError};

/// Which work a job is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobPhase {
    /// Make or change the resource.
    Provision,
    /// Remove what a failed provision left.
    Undo,
    /// Remove the resource.
    Deprovision,
}

impl JobPhase {
    /// The phase's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Undo => "undo",
            Self::Deprovision => "deprovision",
        }
    }
}

/// A worker's hold on a job. Only a claim makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    pub(crate) job: JobId,
    pub(crate) fence: u64,
}

impl Lease {
    /// The job.
    #[must_use]
    pub const fn job(&self) -> JobId {
        self.job
    }

    /// The fencing token: higher with each claim of the job. For systems that can check one themselves.
    #[must_use]
    pub const fn fence(&self) -> u64 {
        self.fence
    }
}

/// A job that a worker has just been given, with everything its step needs.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    /// The hold on it.
    pub lease: Lease,
    /// Which work.
    pub phase: JobPhase,
    /// Which call of this work, counted from one; undoing is other work and counts anew.
    pub attempt: u32,
    /// How many claims in a row came to nothing: failed, or their worker vanished.
    pub failures: u32,
    /// Whether the provider may have been called already. Until then the decision can still be made anew.
    pub begun: bool,
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
    /// Whose job it is, for fairness.
    pub team: TeamId,
    /// Which work.
    pub phase: JobPhase,
    /// Where it stands.
    pub state: JobState,
    /// Calls of this work so far.
    pub attempt: u32,
    /// Claims in a row that came to nothing.
    pub failures: u32,
    /// Not before this moment.
    pub run_after: Timestamp,
    /// Until when a worker holds it.
    pub lease_until: Option<Timestamp>,
    /// What is happening, for the requester.
    pub note: Option<String>,
    /// What went wrong last.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of this last changed.
    pub updated_at: Timestamp,
}

/// How a job ends.
#[derive(Debug, Clone)]
pub enum JobEnd {
    /// The work is done. Not while undoing: that ends in what made it necessary.
    Done {
        /// What the provider made for the requester; empty after a removal.
        outputs: Vec<Output>,
    },
    /// The work failed and nothing is left of it: the resource is what it was before.
    Failed {
        /// Why, for the requester.
        error: String,
    },
    /// The work failed half-way and could not be undone. A resource that was being created or deleted stays
    /// `deleting`, keeps its name and its share of the quota, and can be deleted again.
    Abandoned {
        /// Why, for the requester.
        error: String,
    },
}

/// What became of a request when its job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// Where the request stands.
    pub request: RequestState,
    /// Where the resource stands.
    pub resource: ResourceState,
}

/// What came of deciding a request anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redecided {
    /// It waits for approvals again; the job has ended.
    ReturnedToPending,
    /// The new decision asks for nobody; the worker keeps the job and goes on.
    GoesOn,
}

/// Why a worker's word on a job does not count.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Another worker has the job by now, or it has ended.
    #[error("the lease on job {job} is lost; drop the work, whoever has the job now goes on with it")]
    LeaseLost {
        /// The job.
        job: JobId,
    },
    /// It makes no sense at what the job is at.
    #[error("job {job} is at {}: {reason}", phase.as_str())]
    WrongPhase {
        /// The job.
        job: JobId,
        /// What it is at.
        phase: JobPhase,
        /// What cannot be done then.
        reason: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The queue of jobs. Everything that takes a [`Lease`] is refused with [`JobError::LeaseLost`] once it is not the
/// latest on its job.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Gives a worker the next job, leased until a moment: one that waits and whose time has come, or one whose lease
    /// has run out. Teams with the fewest jobs at work go first, then the longest wait.
    async fn claim(
        &self,
        worker: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<ClaimedJob>, StoreError>;

    /// Says that the provider will now be called for the first time, so that nobody decides anew over a half-made
    /// resource. Again is no error.
    async fn begin_work(&self, lease: &Lease, now: Timestamp) -> Result<(), JobError>;

    /// Holds a job for longer.
    async fn heartbeat(&self, lease: &Lease, lease_until: Timestamp) -> Result<(), JobError>;

    /// Stores what a finished step returned, and frees the job until its next step's time.
    async fn save_step(
        &self,
        lease: &Lease,
        state: &Sealed,
        run_after: Timestamp,
        note: &str,
        now: Timestamp,
    ) -> Result<(), JobError>;

    /// Frees a job whose step failed but may work later, with the state that the step was given.
    async fn retry_later(
        &self,
        lease: &Lease,
        error: &str,
        run_after: Timestamp,
        now: Timestamp,
    ) -> Result<(), JobError>;

    /// Gives up providing and frees the job for undoing what was done, at once and from the first step.
    async fn begin_undo(&self, lease: &Lease, error: &str, now: Timestamp) -> Result<(), JobError>;

    /// Ends a job, its request, and its resource's wait.
    async fn finish(&self, lease: &Lease, end: &JobEnd, now: Timestamp) -> Result<Finished, JobError>;

    /// Replaces the decision of a request whose job finds, before it has [begun](Jobs::begin_work), that what was
    /// approved is not what would be done. Approvals given so far are forgotten. The reservation stays as it was.
    async fn redecide(&self, lease: &Lease, decision: &Decision, now: Timestamp) -> Result<Redecided, JobError>;

    /// One job.
    async fn job(&self, id: JobId) -> Result<Option<JobRecord>, StoreError>;

    /// When there will next be something to claim: `now` when there is already, `None` when nothing is under way.
    async fn next_wakeup(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError>;
}
