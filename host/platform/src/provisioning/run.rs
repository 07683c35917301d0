//! The workers: they claim jobs and do one step at a time, in the server's own process.
//!
//! A worker that dies, with its process or without, leaves a lease that runs out; whoever claims the job next goes on
//! from the last state that was kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use macadam_store::{AttemptOutcome, ClaimedJob, JobError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::leased::{Renewal, leased, worker_name};
use crate::{Platform, schedule};

/// How long workers sleep at most: what another process queued is seen within this.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// How long they sleep at least. A job that is due and was not given to them is another host's just now, or its team or
/// provider has as much at work as it may: asking again at once would only keep the database busy.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);

/// The running workers.
pub struct Workers {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Workers {
    /// Starts them.
    #[must_use]
    pub fn start(platform: Platform) -> Self {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(work(platform.clone(), stop.clone(), tasks.clone()));
        tasks.spawn(schedule::run(platform.clone(), stop.clone(), tasks.clone()));
        tasks.spawn(tidy(platform, stop.clone()));
        Self { stop, tasks }
    }

    /// Claims nothing more, and waits until the steps under way are done.
    pub async fn drain(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn work(platform: Platform, stop: CancellationToken, tasks: TaskTracker) {
    let places = Arc::new(Semaphore::new(platform.settings().workers));
    let worker = worker_name();
    while !stop.is_cancelled() {
        let woken = platform.work.notified();
        let Some(place) = free_place(&places, &stop).await else { return };
        let now = Timestamp::now();
        match platform.store().claim(&worker, &platform.settings().job_limits, now, lease_until(&platform, now)).await {
            Ok(Some(job)) => {
                let platform = platform.clone();
                tasks.spawn(async move {
                    run_step(&platform, &job).await;
                    drop(place);
                    platform.work.notify_waiters();
                });
            }
            Ok(None) => {
                drop(place);
                let sleep = next_wakeup(&platform, now).await;
                tokio::select! {
                    () = woken => {}
                    () = tokio::time::sleep(sleep) => {}
                    () = stop.cancelled() => {}
                }
            }
            Err(error) => {
                tracing::error!(%error, "jobs cannot be claimed");
                tokio::time::sleep(LONGEST_SLEEP).await;
            }
        }
    }
}

/// A place for another step, as soon as there is one. There is none once the host stops: the end of a step would otherwise
/// make room for one more, which nobody waits for long enough.
async fn free_place(places: &Arc<Semaphore>, stop: &CancellationToken) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        place = Arc::clone(places).acquire_owned() => place.ok(),
    }
}

async fn run_step(platform: &Platform, job: &ClaimedJob) {
    let begin = Instant::now();
    // That the lease is lost, or given up with the outcome just now, the step says: what it does meanwhile has to be known.
    let renew = || async {
        match platform.store().heartbeat(&job.lease, lease_until(platform, Timestamp::now())).await {
            Ok(()) | Err(JobError::LeaseLost { .. }) => {}
            Err(error) => tracing::warn!(%error, "a job's lease was not renewed"),
        }
        Renewal::Held
    };
    let Some(done) = leased(platform.settings().lease, platform.step(job, Timestamp::now()), renew).await else {
        return;
    };
    let outcome = done.as_ref().map_or(AttemptOutcome::Lost, |outcome| *outcome);
    platform.counted().attempt(job.phase, outcome, begin.elapsed());
    match done {
        Ok(_) => {}
        Err(JobError::LeaseLost { job }) => tracing::warn!(%job, "another worker has taken the job over"),
        Err(error) => tracing::error!(%error, job = %job.lease.job(), "a step's outcome was not kept"),
    }
}

async fn next_wakeup(platform: &Platform, now: Timestamp) -> Duration {
    sleep_until(platform.store().next_wakeup(now).await.unwrap_or_default(), now)
}

fn sleep_until(next: Option<Timestamp>, now: Timestamp) -> Duration {
    let until = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or_default();
    next.map_or(LONGEST_SLEEP, until).clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
}

/// Unloads what no table uses any more. Every process has plugins of its own, so this is no schedule.
async fn tidy(platform: Platform, stop: CancellationToken) {
    while !stop.is_cancelled() {
        platform.plugins().tidy();
        tokio::select! {
            () = tokio::time::sleep(LONGEST_SLEEP) => {}
            () = stop.cancelled() => {}
        }
    }
}

fn lease_until(platform: &Platform, now: Timestamp) -> Timestamp {
    let lease = SignedDuration::try_from(platform.settings().lease).unwrap_or(SignedDuration::from_secs(60));
    now.checked_add(lease).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_stops_takes_no_other_job_when_a_step_ends() {
        let (places, stop) = (Arc::new(Semaphore::new(1)), CancellationToken::new());
        let at_work = free_place(&places, &stop).await;
        assert!(at_work.is_some());
        let waiting = tokio::spawn({
            let (places, stop) = (Arc::clone(&places), stop.clone());
            async move { free_place(&places, &stop).await.is_some() }
        });
        tokio::task::yield_now().await;
        stop.cancel();
        drop(at_work);
        assert!(!waiting.await.unwrap(), "the place of the step that ended stays free");
        assert!(free_place(&places, &stop).await.is_none());
    }

    #[test]
    fn workers_that_got_nothing_never_ask_again_at_once_and_never_sleep_through_what_others_queue() {
        let now = Timestamp::UNIX_EPOCH;
        let sleep = |milliseconds: i64| sleep_until(Some(now + SignedDuration::from_millis(milliseconds)), now);
        for due in [-5_000, 0, 1] {
            assert_eq!(sleep(due), SHORTEST_SLEEP, "what is due is held up by others");
        }
        assert_eq!(sleep(400), Duration::from_millis(400));
        assert_eq!((sleep(90_000), sleep_until(None, now)), (LONGEST_SLEEP, LONGEST_SLEEP));
    }
}
