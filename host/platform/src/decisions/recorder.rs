//! The writer in the background.
//!
//! A request hands its entries over and goes on. The writer takes what gathers within a moment in one transaction, so the
//! log costs a request a send, and does not keep the database from the next request after each. When the writer is far
//! behind, requests wait for it: an entry is never dropped for want of room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use macadam_store::{DecisionKind, NewDecision, Retention, Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// How many messages may wait.
const QUEUE: usize = 1_024;

/// How many entries one transaction has at most, about.
const BATCH: usize = 1_000;

/// How long entries gather: many requests' under load, and not so long that anybody misses them.
const GATHERING: Duration = Duration::from_millis(20);

/// How long to wait between tries to write.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];

/// How much of each kind of decision is kept.
#[derive(Debug, Clone, Copy)]
pub struct DecisionRetention {
    /// For how long.
    pub age: Duration,
    /// How many bytes.
    pub bytes: u64,
}

impl Default for DecisionRetention {
    /// Ninety days and a gibibyte: a quarter's traffic to try a version on.
    fn default() -> Self {
        Self { age: Duration::from_secs(90 * 24 * 60 * 60), bytes: 1 << 30 }
    }
}

impl DecisionRetention {
    /// Removes what is beyond it, and says how many decisions that was.
    pub(crate) async fn prune(self, store: &dyn Store, now: Timestamp) -> Result<u64, StoreError> {
        let age = SignedDuration::try_from(self.age).unwrap_or(SignedDuration::MAX);
        let bounds = Retention { older_than: now.checked_sub(age).ok(), max_bytes: Some(self.bytes) };
        let mut removed = 0;
        for kind in DecisionKind::ALL {
            loop {
                let pruned = store.prune_decisions(kind, &bounds).await?;
                removed += pruned.records;
                if !pruned.more {
                    break;
                }
            }
        }
        Ok(removed)
    }
}

enum Message {
    Record(Vec<NewDecision>),
    Flush(oneshot::Sender<()>),
}

/// Hands entries to the writer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Message>,
    retention: DecisionRetention,
    lost: Lost,
}

/// How many decisions were given up.
#[derive(Debug, Clone, Default)]
struct Lost(Arc<AtomicU64>);

impl Lost {
    fn add(&self, decisions: usize) {
        self.0.fetch_add(decisions as u64, Ordering::Relaxed);
    }
}

impl Recorder {
    /// Starts the writer on the current runtime. It ends when the last recorder is dropped.
    #[must_use]
    pub fn start(store: Arc<dyn Store>, retention: DecisionRetention) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        let lost = Lost::default();
        tokio::spawn(write_all(store, messages, lost.clone()));
        Self { queue, retention, lost }
    }

    /// How many decisions were made and could not be recorded, since the host started.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.0.load(Ordering::Relaxed)
    }

    /// How much of each kind of decision is kept.
    #[must_use]
    pub fn retention(&self) -> DecisionRetention {
        self.retention
    }

    /// Hands entries over.
    pub async fn record(&self, decisions: Vec<NewDecision>) {
        let count = decisions.len();
        if count > 0 && self.queue.send(Message::Record(decisions)).await.is_err() {
            self.lost.add(count);
            tracing::error!(decisions = count, "decisions are not recorded: the writer has ended");
        }
    }

    /// Waits until everything that was handed over is written.
    pub async fn flush(&self) {
        let (tell, told) = oneshot::channel();
        if self.queue.send(Message::Flush(tell)).await.is_ok() {
            let _ = told.await;
        }
    }
}

async fn write_all(store: Arc<dyn Store>, mut messages: mpsc::Receiver<Message>, lost: Lost) {
    while let Some(message) = messages.recv().await {
        write(store.as_ref(), message, &mut messages, &lost).await;
    }
}

/// Writes what gathers, and then tells those who wait for that.
async fn write(store: &dyn Store, first: Message, messages: &mut mpsc::Receiver<Message>, lost: &Lost) {
    let (mut batch, mut waiting) = (Vec::new(), Vec::new());
    let until = Instant::now() + GATHERING;
    let mut next = Some(first);
    while let Some(message) = next {
        match message {
            Message::Record(decisions) => batch.extend(decisions),
            Message::Flush(tell) => waiting.push(tell),
        }
        next = match (batch.len() < BATCH, waiting.is_empty()) {
            (false, _) => None,
            // Who waits gets what is there.
            (true, false) => messages.try_recv().ok(),
            (true, true) => timeout_at(until, messages.recv()).await.ok().flatten(),
        };
    }
    if !batch.is_empty() {
        record(store, &batch, lost).await;
    }
    for tell in waiting {
        let _ = tell.send(());
    }
}

/// Writes a batch, again and again while the store fails. Meanwhile the queue fills and requests wait, which the same
/// store would not take anyway.
async fn record(store: &dyn Store, batch: &[NewDecision], lost: &Lost) {
    for wait in PAUSES {
        let Err(error) = store.record_decisions(batch, Timestamp::now()).await else { return };
        tracing::warn!(%error, decisions = batch.len(), "decisions could not be recorded; trying again");
        tokio::time::sleep(wait).await;
    }
    if let Err(error) = store.record_decisions(batch, Timestamp::now()).await {
        lost.add(batch.len());
        tracing::error!(%error, decisions = batch.len(), "decisions could not be recorded and are lost");
    }
}
