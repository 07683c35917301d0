//! Jobs: the work on a request, in short steps that any worker can take up where another one stopped.
//!
//! A worker [claims](Jobs::claim) a job for a while, does one step, and stores what came of it; the job is then free
//! again until its time. That a step was begun is stored before the worker hears of it, so a step that was interrupted
//! is known, and taken again with the state it had. A claim carries a [`Lease`] whose fence no later claim shares: a
//! worker that was thought dead and wakes up is told [`JobError::LeaseLost`], whatever it wants to store.
//!
//! People may take a job back. Before its provider may have been called it ends at once; afterwards the wish is kept with
//! the job, and the next worker undoes what was done. What could be neither finished nor undone is *dead*: it stays with
//! its reason until an administrator has mended the cause and has it tried again.
//!
//! Each claim leaves a record of what it came to ([`AttemptRecord`]).

mod error;
mod read;
mod record;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_core::plan::Output;
use macadam_core::retry::ErrorClass;

pub use error::{InterveneError, JobError};
pub(crate) use read::{Full, short, to_attempt, to_cancellation, to_job};
pub use record::{AttemptOutcome, AttemptRecord, Cancellation, ClaimedJob, JobFilter, JobLimits, JobRecord, JobTotals};

use crate::{ByPerson, Decision, JobId, PageRequest, Sealed, StoreError};

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
    /// Every phase.
    pub const ALL: [Self; 3] = [Self::Provision, Self::Undo, Self::Deprovision];

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

/// How a job ends.
#[derive(Debug, Clone)]
pub enum JobEnd {
    /// The work is done. Not while undoing: that ends in what made it necessary.
    Done {
        /// What the provider made for the requester; empty after a removal.
        outputs: Vec<Output>,
    },
    /// The work failed, or was taken back, and nothing is left of it: the resource is what it was before.
    Failed {
        /// Why, for the requester.
        error: String,
    },
    /// The work failed half-way and could not be undone: the job is dead. A resource that was being created or deleted
    /// stays `deleting`, keeps its name and its share of the quota, and can be deleted again.
    Abandoned {
        /// Why, for the requester and for whoever mends it.
        error: String,
        /// What kind of failure it was.
        class: ErrorClass,
    },
}

/// A try that came to nothing and is followed by another one.
#[derive(Debug, Clone, Copy)]
pub struct Setback<'a> {
    /// What kind of failure it was.
    pub class: ErrorClass,
    /// What happened.
    pub error: &'a str,
    /// When the next try is.
    pub run_after: Timestamp,
}

/// What became of a job that somebody took back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// Nothing had been done; it has ended.
    AtOnce,
    /// What was done is undone now; it ends when that is.
    Undoing,
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

/// The queue of jobs. Everything that takes a [`Lease`] is refused with [`JobError::LeaseLost`] once it is not the
/// latest on its job.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Gives a worker the next job, leased until a moment: one that waits and whose time has come, or one whose lease
    /// has run out. Teams with the fewest jobs at work go first, then those that were served longest ago, then the
    /// longest wait. A team or a provider that has as many jobs at work as it may is passed over.
    async fn claim(
        &self,
        worker: &str,
        limits: &JobLimits,
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
    async fn retry_later(&self, lease: &Lease, setback: &Setback<'_>, now: Timestamp) -> Result<(), JobError>;

    /// Gives up providing and frees the job for undoing what was done, at once and from the first step. The class is
    /// that of the failure; there is none when the job was taken back.
    async fn begin_undo(
        &self,
        lease: &Lease,
        error: &str,
        class: Option<ErrorClass>,
        now: Timestamp,
    ) -> Result<(), JobError>;

    /// Ends a job, its request, and its resource's wait. Providing that is done but was taken back meanwhile does not
    /// end: [`JobError::Cancelled`] says that it is to be undone.
    async fn finish(&self, lease: &Lease, end: &JobEnd, now: Timestamp) -> Result<Finished, JobError>;

    /// Replaces the decision of a request whose job finds, before it has [begun](Jobs::begin_work), that what was
    /// approved is not what would be done. Approvals given so far are forgotten. The reservation stays as it was.
    async fn redecide(&self, lease: &Lease, decision: &Decision, now: Timestamp) -> Result<Redecided, JobError>;

    /// One job.
    async fn job(&self, id: JobId) -> Result<Option<JobRecord>, StoreError>;

    /// Jobs, the newest first.
    async fn list_jobs(&self, filter: &JobFilter, page: PageRequest<JobId>) -> Result<Vec<JobRecord>, StoreError>;

    /// The last attempts of a job, at most so many, in order.
    async fn attempts(&self, id: JobId, limit: u32) -> Result<Vec<AttemptRecord>, StoreError>;

    /// Takes a job back. Again is no error while it is being undone for that reason.
    ///
    /// # Errors
    /// [`InterveneError`] says why it cannot be taken back any more; nothing was changed.
    async fn cancel_job(&self, id: JobId, by: ByPerson<'_>, now: Timestamp) -> Result<Cancelled, InterveneError>;

    /// Has a dead job tried again, from the last step that was kept; its request is queued once more.
    ///
    /// # Errors
    /// [`InterveneError`] says why it is not; nothing was changed.
    async fn retry_job(&self, id: JobId, by: ByPerson<'_>, now: Timestamp) -> Result<(), InterveneError>;

    /// How much there is to do.
    async fn job_totals(&self, now: Timestamp) -> Result<JobTotals, StoreError>;

    /// Removes records of attempts that ended before a moment, at most so many, and says how many. Jobs that are open or
    /// dead keep theirs.
    async fn forget_attempts(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// When there will next be something to claim: `now` when there is already, `None` when nothing is under way.
    async fn next_wakeup(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError>;
}
