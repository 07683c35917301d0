//! Work under a lease that is renewed meanwhile.
//!
//! The work and the renewals are polled side by side. Were a renewal waited for inside the work's turn, as the handler of a
//! `select!` is, the work would stand still meanwhile, with whatever it holds: half way through a transaction it holds the
//! one connection that writes to SQLite, which the renewal needs, and both would wait until somebody's patience ends.

use std::future::Future;
use std::time::Duration;

use crate::platform::random;

/// A name for who holds leases. It says which host that is, and no other has it, nor this host after a restart: two
/// machines may have the same name, as containers do, and two processes the same number, which in a container is always 1.
pub(crate) fn worker_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let random = random().unwrap_or_default().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    format!("{host}-{}-{random}", std::process::id())
}

/// What a renewal came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// The lease is held, or may be: the work goes on.
    Held,
    /// Somebody else has it.
    Lost,
}

/// Does some work and renews its lease until it is done. `None` when the lease is lost: what is left of the work is dropped.
///
/// A third of the lease between two renewals leaves two more tries before it runs out.
pub(crate) async fn leased<T, R: Future<Output = Renewal>>(
    lease: Duration,
    work: impl Future<Output = T>,
    mut renew: impl FnMut() -> R,
) -> Option<T> {
    let renewing = async {
        let mut beat = tokio::time::interval(lease / 3);
        beat.tick().await;
        loop {
            beat.tick().await;
            if renew().await == Renewal::Lost {
                return;
            }
        }
    };
    tokio::select! {
        done = work => Some(done),
        () = renewing => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Mutex;

    use super::*;

    const LEASE: Duration = Duration::from_millis(15);

    #[tokio::test]
    async fn work_that_holds_what_its_renewal_waits_for_goes_on() {
        let (writer, renewed) = (Mutex::new(()), AtomicU32::new(0));
        let work = async {
            let held = writer.lock().await;
            // Renewals are due by now, and wait.
            tokio::time::sleep(LEASE).await;
            drop(held);
            // They come first, and the work after them.
            while renewed.load(Ordering::Relaxed) == 0 {
                tokio::time::sleep(LEASE / 3).await;
            }
            drop(writer.lock().await);
        };
        let renew = || async {
            drop(writer.lock().await);
            renewed.fetch_add(1, Ordering::Relaxed);
            Renewal::Held
        };
        let done = tokio::time::timeout(Duration::from_secs(60), leased(LEASE, work, renew)).await;
        assert_eq!(done, Ok(Some(())), "neither waits for the other for ever");
    }

    #[test]
    fn a_workers_name_says_which_host_it_is_and_is_its_own() {
        let (one, other) = (worker_name(), worker_name());
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy();
        assert!(one.starts_with(&*host) && one.len() > host.len(), "{one}");
        assert_ne!(one, other);
    }

    #[tokio::test]
    async fn work_whose_lease_is_lost_is_dropped() {
        let done = leased(LEASE, std::future::pending::<()>(), || async { Renewal::Lost }).await;
        assert_eq!(done, None);
    }
}
