//! Watching for what other hosts change.
//!
//! One task listens, where the database tells of changes, and one looks: when it is told, and now and then anyway. So a
//! connection that is cut, or a word that is lost, costs at most the time until the next look, and never a change.

use std::sync::Arc;
use std::time::Duration;

use macadam_store::{Listener, StoreError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Platform;

/// How long a change that nobody has told of stays unseen where others make changes.
const LOOK: Duration = Duration::from_secs(2);

/// How often to look where nobody else makes changes: only for what did not load.
const LOOK_ALONE: Duration = Duration::from_secs(15);

/// How long to wait before listening anew, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// Watches until it is told to stop.
pub struct Watching {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Watching {
    /// Begins to watch.
    #[must_use]
    pub fn start(platform: Platform) -> Self {
        let (stop, tasks, told) = (CancellationToken::new(), TaskTracker::new(), Arc::new(Notify::new()));
        let alone = CancellationToken::new();
        let listening = listen(platform.clone(), Arc::clone(&told), alone.clone());
        let stopping = stop.clone();
        tasks.spawn(async move { stopping.run_until_cancelled(listening).await });
        tasks.spawn(look(platform, told, alone, stop.clone()));
        Self { stop, tasks }
    }

    /// Stops watching. A change that is just being loaded is loaded to its end.
    pub async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn look(platform: Platform, told: Arc<Notify>, alone: CancellationToken, stop: CancellationToken) {
    loop {
        let pause = if alone.is_cancelled() { LOOK_ALONE } else { LOOK };
        tokio::select! {
            () = told.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = platform.plugins().catch_up().await {
            tracing::warn!(%error, "it is not known what other hosts have changed");
        }
    }
}

/// Listens, and listens anew when it cannot hear any more.
async fn listen(platform: Platform, told: Arc<Notify>, alone: CancellationToken) {
    let (first, most) = PAUSES;
    let mut pause = first;
    loop {
        match platform.store().listen().await {
            Ok(None) => {
                alone.cancel();
                return;
            }
            Ok(Some(listener)) => {
                // What was told while nobody listened is lost.
                told.notify_one();
                pause = first;
                let error = hear(listener, &told).await;
                tracing::warn!(%error, "changes made elsewhere are not told any more; listening anew");
            }
            Err(error) => tracing::warn!(%error, ?pause, "changes made elsewhere are not told; they are looked for"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(most);
    }
}

/// Passes on what is told, until nothing can be heard.
async fn hear(mut listener: Box<dyn Listener>, told: &Notify) -> StoreError {
    loop {
        match listener.told().await {
            Ok(()) => told.notify_one(),
            Err(error) => return error,
        }
    }
}
