//! The runner: looks every second what is due, claims it, does it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use macadam_core::names::ScheduleName;
use macadam_store::{DueSchedule, RunEnd, RunOutcome, ScheduleError, ScheduleRecord};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Task, TaskError, Timing, tasks};
use crate::Platform;
use crate::leased::{Renewal, leased, worker_name};
use crate::platform::random_number;

/// How often the schedules are looked at: what is to be prompt is done within about this.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is looked at whether a clock that was ahead has put a run off.
const LOOK_FAR: Duration = Duration::from_secs(60);

/// How long a host holds a schedule without a word; after a crash, this is how long others wait to take it over.
const LEASE: Duration = Duration::from_secs(30);

/// A task that this host knows.
struct Known {
    name: ScheduleName,
    timing: Timing,
    task: Box<dyn Task>,
}

/// The names of what this process is at.
#[derive(Clone, Default)]
struct AtWork(Arc<Mutex<BTreeSet<ScheduleName>>>);

impl AtWork {
    fn begin(&self, name: &ScheduleName) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone())
    }

    fn end(&self, name: &ScheduleName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// Does what is due until the host stops.
pub(crate) async fn run(platform: Platform, stop: CancellationToken, running: TaskTracker) {
    let known: Vec<Arc<Known>> = tasks().into_iter().filter_map(|task| know(&platform, task)).map(Arc::new).collect();
    let (worker, at_work, mut told) = (Arc::<str>::from(worker_name()), AtWork::default(), false);
    let mut looked_far: Option<Instant> = None;
    while !stop.is_cancelled() {
        if !told {
            told = tell(&platform, &known).await;
        }
        match platform.store().schedules().await {
            Ok(records) if told => {
                let now = Timestamp::now();
                if looked_far.is_none_or(|looked| looked.elapsed() >= LOOK_FAR) {
                    bring_forward(&platform, &records, &known, now).await;
                    looked_far = Some(Instant::now());
                }
                for known in known.iter().filter(|known| is_free(&records, &known.name, now)) {
                    if at_work.begin(&known.name) {
                        let (platform, known) = (platform.clone(), Arc::clone(known));
                        let (worker, at_work, stop) = (Arc::clone(&worker), at_work.clone(), stop.clone());
                        running.spawn(async move {
                            run_if_due(&platform, &known, &worker, &stop).await;
                            at_work.end(&known.name);
                        });
                    }
                }
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the schedules cannot be read"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => {}
        }
    }
}

fn know(platform: &Platform, task: Box<dyn Task>) -> Option<Known> {
    let name = ScheduleName::new(task.name()).inspect_err(|error| tracing::error!(%error, "a task has no good name"));
    let name = name.ok()?;
    let timing = platform.settings().schedules.get(&name).cloned().unwrap_or_else(|| task.timing(platform));
    Some(Known { name, timing, task })
}

/// Makes every schedule known, so that it is listed before it has ever run.
async fn tell(platform: &Platform, known: &[Arc<Known>]) -> bool {
    for Known { name, timing, .. } in known.iter().map(AsRef::as_ref) {
        let first = timing.first(Timestamp::now(), random_number());
        if let Err(error) = platform.store().know_schedule(name, &timing.to_string(), first).await {
            tracing::error!(%error, %name, "a schedule cannot be made known");
            return false;
        }
    }
    true
}

/// Brings forward what is later than it can be: the clock of some host was ahead when it said so, and was set back. Life
/// times would not end and nothing would be removed until all clocks are there.
async fn bring_forward(platform: &Platform, records: &[ScheduleRecord], known: &[Arc<Known>], now: Timestamp) {
    for Known { name, timing, .. } in known.iter().map(AsRef::as_ref) {
        let latest = timing.latest(now);
        if !is_put_off(records, name, timing, latest) {
            continue;
        }
        match platform.store().bring_forward(name, latest, timing.first(now, random_number())).await {
            Ok(true) => tracing::warn!(%name, "its next run is brought forward; a clock that was ahead had told it"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, %name, "a run that was put off cannot be brought forward"),
        }
    }
}

/// Whether a schedule's next run is later than it can be. What a host with another configuration has told may be.
fn is_put_off(records: &[ScheduleRecord], name: &ScheduleName, timing: &Timing, latest: Timestamp) -> bool {
    let of_name = records.iter().find(|record| record.name == *name);
    of_name.is_some_and(|record| record.next_run_at > latest && record.timing == timing.to_string())
}

/// Whether a schedule's time has come and no host has it. Claiming it decides; looking costs nothing.
fn is_free(records: &[ScheduleRecord], name: &ScheduleName, now: Timestamp) -> bool {
    let of_name = records.iter().find(|record| record.name == *name);
    of_name.is_some_and(|record| record.next_run_at <= now && record.lease_until.is_none_or(|until| until <= now))
}

async fn run_if_due(platform: &Platform, known: &Known, worker: &str, stop: &CancellationToken) {
    let now = Timestamp::now();
    match known.task.is_due(platform, now).await {
        Ok(true) => {}
        Ok(false) => return,
        // The run will say so, with a backoff.
        Err(error) => tracing::debug!(%error, name = %known.name, "whether it is due is not known"),
    }
    match platform.store().claim_schedule(&known.name, worker, now, lease_until(now)).await {
        Ok(Some(due)) => run_claimed(platform, known, &due, stop).await,
        Ok(None) => {}
        Err(error) => tracing::error!(%error, name = %known.name, "a schedule cannot be claimed"),
    }
}

async fn run_claimed(platform: &Platform, known: &Known, due: &DueSchedule, stop: &CancellationToken) {
    let begin = Instant::now();
    let Some(ended) = hold_and_run(platform, known, due, stop).await else {
        tracing::warn!(name = %known.name, "another host has taken the schedule over");
        return platform.counted().run(known.name.as_str(), RunOutcome::Lost, begin.elapsed());
    };
    let (now, random) = (Timestamp::now(), random_number());
    let (outcome, note, next_run_at) = match ended {
        Ended::Done(note) => (RunOutcome::Succeeded, note, known.timing.next(now, random)),
        Ended::Failed(error) => {
            tracing::error!(%error, name = %known.name, "what is done by the clock failed");
            (RunOutcome::Failed, error.to_string(), known.timing.after_failure(due.failures, now, random))
        }
        // Another host goes on with it at once.
        Ended::Stopped => (RunOutcome::Lost, "its host was stopped".to_owned(), now),
    };
    platform.counted().run(known.name.as_str(), outcome, begin.elapsed());
    if let Err(error) = platform.store().end_run(&due.lease, &RunEnd { outcome, note: &note, next_run_at }, now).await {
        tracing::warn!(%error, name = %known.name, "a run's outcome was not kept");
    }
}

/// How a run ended whose lease was held to the end.
enum Ended {
    Done(String),
    Failed(TaskError),
    Stopped,
}

/// Runs a task while its lease is held. `None` when another host has it by now: what is left of the run is dropped.
async fn hold_and_run(
    platform: &Platform,
    known: &Known,
    due: &DueSchedule,
    stop: &CancellationToken,
) -> Option<Ended> {
    let renew = || async {
        match platform.store().hold_schedule(&due.lease, lease_until(Timestamp::now())).await {
            Ok(()) => Renewal::Held,
            Err(ScheduleError::LeaseLost(_)) => Renewal::Lost,
            Err(error) => {
                tracing::warn!(%error, "a schedule's lease was not renewed");
                Renewal::Held
            }
        }
    };
    tokio::select! {
        ended = leased(LEASE, known.task.run(platform, Timestamp::now()), renew) => {
            ended.map(|done| done.map_or_else(Ended::Failed, Ended::Done))
        }
        () = stop.cancelled() => Some(Ended::Stopped),
    }
}

fn lease_until(now: Timestamp) -> Timestamp {
    let lease = SignedDuration::try_from(LEASE).unwrap_or(SignedDuration::from_secs(30));
    now.checked_add(lease).unwrap_or(Timestamp::MAX)
}
