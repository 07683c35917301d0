//! Why a word on a job does not count: a worker's, or a person's.

use macadam_core::lifecycle::JobState;
use macadam_core::names::{PersonId, ResourceKey};

use super::JobPhase;
use crate::{JobId, StoreError};

/// Why a worker's word on a job does not count.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Another worker has the job by now, or it has ended.
    #[error("the lease on job {job} is lost; drop the work, whoever has the job now goes on with it")]
    LeaseLost {
        /// The job.
        job: JobId,
    },
    /// Somebody has taken it back meanwhile.
    #[error("job {job} was cancelled by {by}; undo what was done")]
    Cancelled {
        /// The job.
        job: JobId,
        /// Who.
        by: PersonId,
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

/// Why a person cannot cancel or retry a job like that; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum InterveneError {
    /// There is no such job.
    #[error("there is no job {0}")]
    NotFound(
        /// The id that was given.
        JobId,
    ),
    /// It has ended.
    #[error("the job is {state} and cannot be cancelled any more")]
    Ended {
        /// How.
        state: JobState,
    },
    /// A removal that has begun has no way back.
    #[error("the removal of {key} has begun and cannot be taken back; wait for its end")]
    RemovalHasBegun {
        /// What is being removed.
        key: ResourceKey,
    },
    /// It has failed and is being undone already.
    #[error("the work has failed and is being undone already; wait for its end")]
    UndoneAlready,
    /// Only what is dead is tried again.
    #[error("the job is {state}; only a dead one is tried again")]
    NotDead {
        /// Where it stands.
        state: JobState,
    },
    /// Something else was done to the resource since.
    #[error("{key} was changed or removed since the job died, so what it left is no more; look at {key} again")]
    Overtaken {
        /// The resource.
        key: ResourceKey,
    },
    /// Something else is being done to the resource now.
    #[error("another request on {key} is under way; wait for it, or cancel it")]
    Busy {
        /// The resource.
        key: ResourceKey,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
