//! The feed: the one reader of the outbox in a process, which everybody who follows events listens to.
//!
//! It is woken by this process's own commits, and looks by itself now and then for those of others on the same database.
//! What is older than events are kept is not its to remove: one host does that for all, by the clock
//! ([`crate::schedule`]).

use std::sync::Arc;
use std::time::Duration;

use macadam_store::{OutboxEvent, Store, StoreError};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How many events the feed keeps for those who listen. Who is further behind goes back to the outbox.
const KEPT: usize = 1_024;

/// How many events are read at once.
const BATCH: u32 = 500;

/// How often the feed looks by itself: what another process has told is heard within this.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long the feed waits after it was woken, so that a burst of commits is read at once and not one by one.
const GATHER: Duration = Duration::from_millis(5);

/// What an administrator can set about events.
#[derive(Debug, Clone)]
pub struct EventSettings {
    /// For how long events are kept.
    pub kept: Duration,
    /// What the events of this host name as their source.
    pub source: String,
}

impl Default for EventSettings {
    /// A week: longer than any receiver should be away.
    fn default() -> Self {
        Self { kept: Duration::from_secs(7 * 24 * 60 * 60), source: "/macadam".to_owned() }
    }
}

/// What everybody who follows events listens to. Cheap to clone; it ends with the last clone, or when it is stopped.
#[derive(Debug, Clone)]
pub struct Feed {
    settings: Arc<EventSettings>,
    stop: CancellationToken,
    _guard: Arc<DropGuard>,
    events: broadcast::WeakSender<Arc<OutboxEvent>>,
    latest: watch::Receiver<u64>,
}

impl Feed {
    /// Starts reading on the current runtime.
    #[must_use]
    pub fn start(store: Arc<dyn Store>, settings: EventSettings) -> Self {
        let stop = CancellationToken::new();
        let (events, _) = broadcast::channel(KEPT);
        let (tell, latest) = watch::channel(0);
        let feed = Self {
            settings: Arc::new(settings),
            stop: stop.clone(),
            _guard: Arc::new(stop.clone().drop_guard()),
            events: events.downgrade(),
            latest,
        };
        tokio::spawn(async move {
            let reader = Reader { store, events, tell };
            tokio::select! {
                () = reader.run() => {}
                () = stop.cancelled() => {}
            }
        });
        feed
    }

    /// Ends the feed, and with it whoever follows.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until the feed has ended.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Which host the events are of.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.settings.source
    }

    /// For how long events are kept.
    #[must_use]
    pub fn kept(&self) -> Duration {
        self.settings.kept
    }

    /// The last event that the feed has seen; changes with each.
    #[must_use]
    pub fn latest(&self) -> watch::Receiver<u64> {
        self.latest.clone()
    }

    /// What comes from now on; nothing when the feed has ended.
    pub(super) fn listen(&self) -> Option<broadcast::Receiver<Arc<OutboxEvent>>> {
        self.events.upgrade().filter(|_| !self.stop.is_cancelled()).map(|events| events.subscribe())
    }
}

struct Reader {
    store: Arc<dyn Store>,
    events: broadcast::Sender<Arc<OutboxEvent>>,
    tell: watch::Sender<u64>,
}

impl Reader {
    async fn run(self) {
        let mut told = self.store.told();
        let mut last = self.begin().await;
        loop {
            told.mark_unchanged();
            if let Err(error) = self.read(&mut last).await {
                tracing::error!(%error, "events cannot be read; trying again");
                tokio::time::sleep(INTERVAL).await;
                continue;
            }
            tokio::select! {
                woken = told.changed() => match woken {
                    Ok(()) => tokio::time::sleep(GATHER).await,
                    Err(_) => return,
                },
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    /// What was told before is for those who ask the outbox for it.
    async fn begin(&self) -> u64 {
        loop {
            match self.store.event_range().await {
                Ok(range) => {
                    self.tell.send_replace(range.latest);
                    return range.latest;
                }
                Err(error) => tracing::error!(%error, "events cannot be read; trying again"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn read(&self, last: &mut u64) -> Result<(), StoreError> {
        loop {
            let events = self.store.events_since(*last, BATCH).await?;
            let full = events.len() == BATCH as usize;
            for event in events {
                *last = event.seq;
                // Nobody has to listen.
                let _ = self.events.send(Arc::new(event));
            }
            if *self.tell.borrow() != *last {
                self.tell.send_replace(*last);
            }
            if !full {
                return Ok(());
            }
        }
    }
}
