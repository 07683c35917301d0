//! What is done by the clock: ending what has expired, and forgetting what is old.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{Task, TaskError, Timing};
use crate::Platform;
use crate::blobs::{SWEEP_GRACE, Swept};
use crate::idempotency::KEPT_FOR;

/// Records that are removed in one transaction.
const BATCH: u32 = 500;

/// Life times that are over, and requests that nobody approved.
pub(super) struct Expiry;

#[async_trait]
impl Task for Expiry {
    fn name(&self) -> &'static str {
        "expiry"
    }

    fn timing(&self, _: &Platform) -> Timing {
        Timing::WhenDue(Duration::from_secs(1))
    }

    async fn is_due(&self, platform: &Platform, now: Timestamp) -> Result<bool, TaskError> {
        platform.store().anything_expired(now).await.map_err(|error| TaskError::of(&error))
    }

    async fn run(&self, platform: &Platform, _: Timestamp) -> Result<String, TaskError> {
        let mut all = 0;
        // There may be more than are ended at a time.
        loop {
            match platform.expire(Timestamp::now()).await.map_err(|error| TaskError::of(&error))? {
                0 => return Ok(format!("{all} ended")),
                ended => all += ended,
            }
        }
    }
}

/// Idempotency keys that no client comes back with.
pub(super) struct IdempotencyKeys;

#[async_trait]
impl Task for IdempotencyKeys {
    fn name(&self) -> &'static str {
        "idempotency-keys"
    }

    fn timing(&self, _: &Platform) -> Timing {
        Timing::Every(Duration::from_secs(60 * 60))
    }

    async fn run(&self, platform: &Platform, now: Timestamp) -> Result<String, TaskError> {
        let promised = now.checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN);
        let forgotten = platform.store().forget_idempotency_keys(promised).await.map_err(|error| TaskError::of(&error));
        Ok(format!("{} keys forgotten", forgotten?))
    }
}

/// Decisions that are beyond what is kept of the log.
pub(super) struct DecisionLog;

#[async_trait]
impl Task for DecisionLog {
    fn name(&self) -> &'static str {
        "decision-log"
    }

    fn timing(&self, _: &Platform) -> Timing {
        Timing::Every(Duration::from_secs(10 * 60))
    }

    async fn run(&self, platform: &Platform, now: Timestamp) -> Result<String, TaskError> {
        let removed = platform.recorder().retention().prune(platform.store(), now).await;
        Ok(format!("{} decisions removed", removed.map_err(|error| TaskError::of(&error))?))
    }
}

/// What attempts at jobs came to, long ago.
pub(super) struct JobHistory;

#[async_trait]
impl Task for JobHistory {
    fn name(&self) -> &'static str {
        "job-history"
    }

    fn timing(&self, _: &Platform) -> Timing {
        Timing::Every(Duration::from_secs(60 * 60))
    }

    async fn run(&self, platform: &Platform, now: Timestamp) -> Result<String, TaskError> {
        let before = ago(now, platform.settings().job_history);
        let mut all = 0;
        loop {
            let gone = platform.store().forget_attempts(before, BATCH).await.map_err(|error| TaskError::of(&error))?;
            all += gone;
            if gone < u64::from(BATCH) {
                return Ok(format!("{all} attempts removed"));
            }
        }
    }
}

/// Events that are older than they are kept, whoever has read them.
pub(super) struct Events;

#[async_trait]
impl Task for Events {
    fn name(&self) -> &'static str {
        "events"
    }

    fn timing(&self, _: &Platform) -> Timing {
        Timing::Every(Duration::from_secs(10 * 60))
    }

    async fn run(&self, platform: &Platform, now: Timestamp) -> Result<String, TaskError> {
        let removed = platform.store().prune_events(ago(now, platform.feed().kept())).await;
        Ok(format!("{} events removed", removed.map_err(|error| TaskError::of(&error))?))
    }
}

/// What attempts at telling webhooks came to, some time ago.
pub(super) struct WebhookHistory;

#[async_trait]
impl Task for WebhookHistory {
    fn name(&self) -> &'static str {
        "webhook-history"
    }

    fn timing(&self, _: &Platform) -> Timing {
        Timing::Every(Duration::from_secs(10 * 60))
    }

    async fn run(&self, platform: &Platform, now: Timestamp) -> Result<String, TaskError> {
        let removed = platform.store().prune_deliveries(ago(now, platform.courier().settings().history)).await;
        Ok(format!("{} attempts removed", removed.map_err(|error| TaskError::of(&error))?))
    }
}

/// Blobs that nothing names any more.
pub(super) struct Blobs;

#[async_trait]
impl Task for Blobs {
    fn name(&self) -> &'static str {
        "blobs"
    }

    fn timing(&self, _: &Platform) -> Timing {
        Timing::Every(Duration::from_secs(6 * 60 * 60))
    }

    async fn run(&self, platform: &Platform, now: Timestamp) -> Result<String, TaskError> {
        let Swept { removed, bytes, .. } =
            platform.sweep_blobs(now, SWEEP_GRACE).await.map_err(|error| TaskError::of(&error))?;
        Ok(format!("{removed} blobs of {bytes} bytes removed"))
    }
}

/// What is sealed under a key that was replaced, and once in each process what a version before kept unsealed.
#[derive(Default)]
pub(super) struct MasterKey {
    has_looked: AtomicBool,
}

#[async_trait]
impl Task for MasterKey {
    fn name(&self) -> &'static str {
        "master-key"
    }

    fn timing(&self, _: &Platform) -> Timing {
        Timing::WhenDue(Duration::from_secs(5))
    }

    async fn is_due(&self, platform: &Platform, _: Timestamp) -> Result<bool, TaskError> {
        Ok(platform.parts.vault.sealer().rotates() || !self.has_looked.load(Ordering::Relaxed))
    }

    async fn run(&self, platform: &Platform, now: Timestamp) -> Result<String, TaskError> {
        let rotation = platform.rotate_sealing_keys(now).await.map_err(|error| TaskError::of(&error))?;
        self.has_looked.store(true, Ordering::Relaxed);
        if rotation.stuck().is_empty() { Ok(rotation.to_string()) } else { Err(TaskError::of(&rotation)) }
    }
}

/// The moment that is so long ago; before all of them, if there is none.
fn ago(now: Timestamp, age: Duration) -> Timestamp {
    now.checked_sub(SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MIN)
}
