//! Being told to stop: SIGINT and SIGTERM. The second one ends the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Knows whether the process was told to stop. Clones know the same.
#[derive(Debug, Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

/// What a shell shows for a process that was interrupted: 128 and SIGINT's number.
const INTERRUPTED: i32 = 130;

impl Stop {
    /// Listens to the signals from now on.
    pub(super) fn on_signals() -> std::io::Result<Self> {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if tell.send_replace(true) {
                    tracing::warn!("told twice to stop; ending at once");
                    std::process::exit(INTERRUPTED);
                }
                tracing::info!("told to stop");
            }
        });
        Ok(Self(told))
    }

    /// Waits until the process is told to stop.
    pub(super) async fn told(&self) {
        // The task that tells lives as long as the process.
        let _ = self.0.clone().wait_for(|told| *told).await;
    }
}
